import type { TcpStand } from '../../bench/support/tcp-stand.ts';
import { SeededRandom } from '../../src/actors/random.ts';
import type { TcpIndication } from '../../src/actors/services.ts';
import { packetFromSegment } from '../../src/actors/tcp/segment.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { pattern, segment } from './tcp-pair.ts';

export const PORT = 443;
/** SYNs per millisecond of virtual time. */
const PER_MS = 100;
const MS_US = 1_000;
/** No client's address is in here: 192.0.0.0/2. */
const FIRST_SPOOFED = 0xc000_0000;

/** Spoofed SYNs from random sources, and every tenth time a forged ACK; time passes while they come. */
export function flood(stand: TcpStand, syns: number, seed: number): void {
  const random = new SeededRandom(seed);
  const word = () => random.below(2 ** 16) * 2 ** 16 + random.below(2 ** 16);
  const options = { mss: 1460, windowScale: 7, sackPermitted: true, timestamps: { value: 1, echo: 0 } };
  for (let sent = 0; sent < syns; sent++) {
    const remote = FIRST_SPOOFED + random.below(2 ** 29);
    const tuple = { local: remote, localPort: random.below(65_536), remote: stand.server.address, remotePort: PORT };
    stand.server.packet(packetFromSegment(segment(Flag.SYN, word(), 0, options), tuple));
    if (sent % 10 === 0) stand.server.packet(packetFromSegment(segment(Flag.ACK, word(), word()), tuple));
    if (sent % PER_MS === 0) stand.pass(MS_US);
  }
}

/** Both directions of the stand lose packets. */
export function lossy(stand: TcpStand, loss: number): void {
  const random = new SeededRandom(99);
  for (const end of [stand.server, ...stand.clients]) {
    const { carry } = end;
    end.carry = (packet) => {
      if (random.fraction() >= loss) carry(packet);
    };
  }
}

/** A client's user that sends `bytes` and gets them back from the server's, which echoes everything. */
export class EchoClient {
  readonly #stand: TcpStand;
  readonly #bytes: Uint8Array;
  readonly #received: Uint8Array[] = [];
  #length = 0;
  opened = 0;
  failed = 0;

  constructor(stand: TcpStand, bytes: number) {
    this.#stand = stand;
    this.#bytes = pattern(bytes);
    stand.client.onIndication = (indication) => this.#heard(indication);
    stand.server.onIndication = (indication) => {
      const { connection } = indication;
      if (indication.kind === 'data') stand.server.ask({ kind: 'write', connection, bytes: indication.bytes });
    };
  }

  open(): void {
    this.#received.length = this.#length = 0;
    this.#stand.connect(this.#stand.client, `honest ${++this.opened}`, PORT);
  }

  get done(): boolean {
    return this.#length >= this.#bytes.length;
  }

  get isRight(): boolean {
    return Buffer.concat(this.#received).equals(this.#bytes);
  }

  #heard(indication: TcpIndication): void {
    const { connection } = indication;
    if (indication.kind === 'connected') this.#stand.client.ask({ kind: 'write', connection, bytes: this.#bytes });
    if (indication.kind === 'closed') this.failed += 1;
    if (indication.kind !== 'data') return;
    this.#received.push(indication.bytes);
    this.#length += indication.bytes.length;
  }
}
