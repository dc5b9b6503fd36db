import {
  packetFromSegment,
  resetFor,
  type Segment,
  segmentFromPacket,
  type TcpTuple,
} from '../../src/actors/tcp/segment.ts';
import { TerminalDriverLayer, type TerminalDriverOptions } from '../../src/actors/terminal-driver/layer.ts';
import { buildEthernet, ETHERNET_HEADER_BYTES, EtherType } from '../../src/wire/ethernet.ts';
import { isIp6 } from '../../src/wire/ip-address.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { TcpEnd } from './tcp-pair.ts';
import { TestHost } from './test-host.ts';

export const NEAR_IP = 0x0a_09_00_01;
export const FAR_IP = 0x0a_09_01_02;
const ADDRESSES = { ip4: [NEAR_IP, FAR_IP], ip6: ['2001:db8::21', '2001:db8::31'] } as const;
const MACS = [0x02_00_00_00_00_21, 0x02_00_00_00_00_31] as const;
const SERVER_PORT = 80;
const STEP_US = 1_000;
const IDLE_STEP_US = 10_000;

export interface TerminalPairOptions {
  readonly family?: 'ip4' | 'ip6';
  /** The server's port is open; default true. */
  readonly listens?: boolean;
  /** The server's host has a driver; default true. */
  readonly farDriver?: boolean;
  readonly driver?: Partial<TerminalDriverOptions>;
}

/** One host: its TCP, and a driver below it. */
export class DriverHost {
  readonly host: TestHost;
  readonly driver: TerminalDriverLayer;
  readonly options: TerminalDriverOptions;
  /** All that the driver was given, in order. */
  readonly inputs: { readonly port: string; readonly bytes: Uint8Array }[] = [];
  /** Nobody answers. */
  isDead = false;
  /** Frames go by the driver, as if there were none. */
  bypassed: boolean;
  end: TcpEnd | undefined;
  readonly #own: number;
  readonly #listens: boolean;
  readonly #addresses: readonly [number | string, number | string];
  #port = 40_000;
  #upSeen = 0;
  #downSeen = 0;
  #direct: Uint8Array[] = [];

  constructor(own: 0 | 1, { family = 'ip4', listens = true, farDriver = true, driver = {} }: TerminalPairOptions) {
    this.#own = own;
    this.#listens = listens;
    this.#addresses = [ADDRESSES[family][own], ADDRESSES[family][1 - own]];
    this.host = new TestHost(own + 1);
    this.options = { mac: MACS[own], mtu: 1500, ...driver };
    this.bypassed = own === 1 && !farDriver;
    this.driver = this.host.attach(new TerminalDriverLayer(this.host, own === 0 ? '2106' : '3106', this.options));
    this.host.start();
  }

  get tcp() {
    return this.end?.connection;
  }

  get kinds(): string[] {
    return this.end?.kinds.filter((kind) => !['full', 'writable', 'gone', 'troubled'].includes(kind)) ?? [];
  }

  get received(): Uint8Array {
    return this.end?.received ?? new Uint8Array();
  }

  connect(): void {
    const [local, remote] = this.#addresses;
    this.end = this.#newTcp({ local, localPort: this.#port, remote, remotePort: SERVER_PORT });
    this.end.run((connection) => connection.openActive());
  }

  write(bytes: Uint8Array): void {
    this.end?.run((connection) => connection.write(bytes));
  }

  /** The next connection is another one. */
  forgetTcp(port: number): void {
    this.end = undefined;
    this.#port = port;
  }

  /** What goes out on the line since the last call. */
  taken(): Uint8Array[] {
    const frames = this.host.sentOn('lower').slice(this.#downSeen);
    this.#downSeen += frames.length;
    return [...frames.map(({ bytes }) => bytes), ...this.#direct.splice(0)];
  }

  fromLine(bytes: Uint8Array): void {
    if (this.bypassed) this.#toTcp(bytes);
    else this.#give('lower', bytes);
  }

  /** Hands what the driver sent up to the TCP; true when there was something. */
  workOff(): boolean {
    const frames = this.host.sentOn('upper').slice(this.#upSeen);
    this.#upSeen += frames.length;
    for (const { bytes } of frames) this.#toTcp(bytes);
    return frames.length > 0;
  }

  #give(port: string, bytes: Uint8Array): void {
    this.inputs.push({ port, bytes });
    this.host.injectBytes(port, bytes);
  }

  #toTcp(bytes: Uint8Array): void {
    if (this.isDead) return;
    const read = segmentFromPacket(bytes.subarray(ETHERNET_HEADER_BYTES));
    if (!read.ok) return this.end?.run((connection) => connection.unreachable(true));
    const { segment, tuple } = read;
    const isOurs = this.end !== undefined && this.end.options.remotePort === tuple.remotePort;
    if (isOurs && this.end?.connection.state !== 'CLOSED') return this.end?.arrive(segment);
    const isSyn = (segment.flags & (Flag.SYN | Flag.ACK | Flag.RST)) === Flag.SYN;
    if (this.#own === 1 && this.#listens && isSyn) {
      this.end = this.#newTcp(tuple);
      this.end.arrive(segment);
      return;
    }
    const answer = resetFor(segment);
    if (answer !== undefined) this.#send(answer, tuple);
  }

  #send(segment: Segment, tuple: TcpTuple): void {
    const etherType = isIp6(tuple.local) ? EtherType.IP6 : EtherType.IP4;
    const link = { destination: MACS[1 - this.#own], source: MACS[this.#own], etherType };
    const frame = buildEthernet(link, packetFromSegment(segment, tuple));
    if (this.bypassed) this.#direct.push(frame);
    else this.#give('upper', frame);
  }

  #newTcp(tuple: TcpTuple): TcpEnd {
    const options = { name: 'os', ...tuple, mss: 1400, timeWait_us: 1_000_000 };
    return new TcpEnd(this.host.scheduler, options, 7_000, (segment) => this.#send(segment, tuple));
  }
}

/** A terminal and a server on one line; what crosses is kept, and may be lost. */
export class TerminalPair {
  readonly near: DriverHost;
  readonly far: DriverHost;
  readonly wire: { readonly from: 'near' | 'far'; readonly bytes: Uint8Array }[] = [];
  passes: (bytes: Uint8Array) => boolean = () => true;

  constructor(options: TerminalPairOptions) {
    this.near = new DriverHost(0, options);
    this.far = new DriverHost(1, options);
  }

  connect(): void {
    this.near.connect();
    this.pass(4_000_000);
  }

  /** Lets time pass; frames take a step each. */
  pass(time_us: number): void {
    const end_us = this.near.host.now_us() + time_us;
    while (this.near.host.now_us() < end_us) {
      const moved = this.#carry();
      const step_us = Math.min(end_us - this.near.host.now_us(), moved ? STEP_US : IDLE_STEP_US);
      for (const { host } of [this.near, this.far]) host.advance(step_us);
    }
    this.#carry();
  }

  #carry(): boolean {
    let moved = false;
    for (const [from, end, other] of [
      ['near', this.near, this.far],
      ['far', this.far, this.near],
    ] as const) {
      moved = end.workOff() || moved;
      for (const bytes of end.taken()) {
        moved = true;
        this.wire.push({ from, bytes });
        if (this.passes(bytes)) other.fromLine(bytes);
      }
    }
    return moved;
  }
}
