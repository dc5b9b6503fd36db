import { describe, expect, it } from 'vitest';
import { checkBytes } from '../../../test/support/tcp-fuzz/wire-model.ts';
import { A, B, connect, icmpError, TcpHost } from '../../../test/support/tcp-host.ts';
import { pattern } from '../../../test/support/tcp-pair.ts';
import { SeededRandom } from '../random.ts';
import { VirtualScheduler } from '../scheduler.ts';
import type { TcpIndication } from '../services.ts';
import { segmentFromPacket } from './segment.ts';

const PACKETS = 30_000;
const DELAY_US = 1_000;
const STREAM = pattern(1 << 20);
/** More answers to one packet than a window of small segments can have would be no answer any more. */
const MAX_ANSWERS = 3_000;
const PORTS = [443, 444, 445];

/** A packet with some bytes changed, cut off or added; ports and addresses stay right most of the time. */
function mangled(random: SeededRandom, packet: Uint8Array): Uint8Array {
  const out = packet.slice(0, random.below(10) === 0 ? random.below(packet.length + 1) : packet.length);
  const from = random.below(4) === 0 ? 0 : 24;
  for (let count = random.below(6); count > 0 && out.length > from; count--) {
    const at = from + random.below(random.below(3) > 0 ? Math.min(40, out.length - from) : out.length - from);
    out[at] = random.below(2) === 0 ? out[at] ^ (1 << random.below(8)) : random.below(256);
  }
  if (random.below(20) > 0) return out;
  const longer = new Uint8Array(out.length + random.below(100));
  longer.set(out);
  return longer;
}

/** Two TCP layers with users who open, write, read and close, and a wire that chance spoils. */
class Bench {
  readonly scheduler = new VirtualScheduler();
  readonly random: SeededRandom;
  readonly a: TcpHost;
  readonly b: TcpHost;
  readonly delivered = new Map<string, number>();
  readonly open = new Set<string>();
  readonly #bad: boolean;
  #packets = 0;
  #opened = 0;

  /** `bad`: what is spoilt has a wrong checksum; otherwise somebody has made it right again. */
  constructor(seed: number, bad: boolean) {
    this.random = new SeededRandom(seed, 'tcp-packets');
    this.#bad = bad;
    const options = { mtu: 1_500, connections: { timeWait_us: 1_000_000, retransmissions: 6 } };
    this.a = new TcpHost(this.scheduler, { address: A, ...options });
    this.b = new TcpHost(this.scheduler, { address: B, ...options });
    this.#wire(this.a, this.b);
    this.#wire(this.b, this.a);
    this.b.ask(...PORTS.map((port) => ({ kind: 'listen', port }) as const));
  }

  run(): void {
    while (this.#packets < PACKETS) {
      if (this.open.size < 4 || this.random.below(20) === 0) this.#act();
      if (!this.scheduler.step()) this.#act();
    }
  }

  #act(): void {
    const act = this.random.below(10);
    const names = [...this.open];
    const connection = names[this.random.below(names.length)];
    if (connection === undefined || (act === 0 && names.length < 30)) {
      const name = `c${++this.#opened}`;
      this.open.add(name);
      this.a.ask(connect(name, PORTS[this.random.below(PORTS.length)]));
      this.a.ask({ kind: 'write', connection: name, bytes: STREAM.subarray(0, this.random.below(100_000)) });
    } else if (act === 1) this.a.ask({ kind: 'close', connection });
    else if (act === 2 && this.random.below(10) === 0) this.a.ask({ kind: 'abort', connection });
  }

  #wire(from: TcpHost, to: TcpHost): void {
    let answers = 0;
    from.carry = ({ bytes }) => {
      answers += 1;
      if (answers > MAX_ANSWERS) throw new Error('no end of answers');
      const read = segmentFromPacket(bytes);
      if (!read.ok) throw new Error(`sends what is no segment: ${read.reason}`);
      this.scheduler.at(this.scheduler.now_us() + DELAY_US + this.random.below(500), () => this.#arrive(to, bytes));
    };
    from.onIndication = (indication) => this.#heard(from, indication);
    const packet = from.packet.bind(from);
    from.packet = (bytes, checksum) => {
      answers = 0;
      this.#packets += 1;
      packet(bytes, checksum);
      from.packets.length = from.heard.length = 0;
    };
  }

  #arrive(to: TcpHost, bytes: Uint8Array): void {
    const chance = this.random.below(100);
    if (chance < 15) to.packet(mangled(this.random, bytes), this.#bad ? 'bad' : 'good');
    if (chance < 2) to.packet(this.random.bytes(this.random.below(100)), this.#bad ? 'bad' : 'good');
    if (chance === 50)
      to.packet(icmpError({ code: this.random.below(16), mtu: this.random.below(1_600) }, this.random.uint32()));
    if (chance >= 3) to.packet(bytes);
  }

  #heard(host: TcpHost, indication: TcpIndication): void {
    const { kind, connection } = indication as { kind: string; connection: string };
    if (indication.kind === 'data') {
      const key = `${host === this.a} ${connection}`;
      const at = this.delivered.get(key) ?? 0;
      this.delivered.set(key, at + indication.bytes.length);
      if (this.#bad) checkBytes(indication.bytes, STREAM, at, 'delivers');
      host.ask({ kind: 'consumed', connection, bytes: indication.bytes.length });
    } else if (kind === 'remote-closed') host.ask({ kind: 'close', connection });
    else if (kind === 'closed') this.open.delete(connection);
  }
}

describe('packets whose bytes chance has spoilt', () => {
  it.each([1, 2, 3])('do not reach a user when their checksum is wrong, seed %i', (seed) => {
    const bench = new Bench(seed, true);
    bench.run();
    expect(Math.max(...bench.delivered.values())).toBeGreaterThan(50_000);
  });

  it.each([4, 5, 6])('stop no layer when their checksum is right, seed %i', (seed) => {
    const bench = new Bench(seed, false);
    bench.run();
    expect(Math.max(...bench.delivered.values())).toBeGreaterThan(5_000);
    // Whatever was believed: both layers can be stopped, and nothing of them is left.
    for (const host of [bench.a, bench.b]) {
      host.layer.stop();
      expect(host.layer.machines()).toEqual([]);
    }
  });
});
