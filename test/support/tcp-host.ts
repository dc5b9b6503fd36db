import { Device, type SavedDevice } from '../../src/actors/device.ts';
import type { Frame } from '../../src/actors/frame.ts';
import { buildIcmpPacket } from '../../src/actors/icmp-error.ts';
import { Port } from '../../src/actors/port.ts';
import { SeededRandom } from '../../src/actors/random.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { TcpIndication, TcpRequest } from '../../src/actors/services.ts';
import { TcpLayer, type TcpLayerOptions } from '../../src/actors/tcp/layer.ts';
import { packetFromSegment, type Segment, segmentFromPacket, type TcpTuple } from '../../src/actors/tcp/segment.ts';
import { World } from '../../src/actors/world.ts';
import type { Vault } from '../../src/engine/crypto/vault.ts';
import { concat, u32 } from '../../src/wire/bytes.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { passHops } from './ip-hop.ts';
import { segment } from './tcp-pair.ts';

/** Addresses of the two hosts of a pair. */
export const A = 0x0a00_0001;
export const B = 0x0a00_0002;
export const DELAY_US = 1_000;

/** Not random, so that runs are equal: the clock and the ports. */
const VAULT = {
  isn: (tuple: Uint8Array, time_us: number) => (u32(tuple, 4) + time_us / 4) >>> 0,
  cookie: (facts: Uint8Array) =>
    facts.reduce((sums, byte, i) => sums.fill((sums[i % 4] * 31 + byte) & 255, i % 4, (i % 4) + 1), new Uint8Array(32)),
} as unknown as Vault;

/** A host with nothing but TCP, its user, and a wire of IP packets. */
export class TcpHost {
  readonly packets: Frame[] = [];
  readonly heard: TcpIndication[] = [];
  layer!: TcpLayer;
  device!: Device;
  onIndication: (indication: TcpIndication) => void = () => {};
  carry: (frame: Frame) => void = () => {};
  /** After each input the device is saved, and a fresh one goes on from that. */
  restores = false;
  readonly #world: World;
  readonly #options: TcpLayerOptions;
  #user!: Port<TcpIndication, TcpRequest>;

  constructor(scheduler: VirtualScheduler, options: TcpLayerOptions) {
    this.#options = options;
    this.#world = new World({ scheduler, random: new SeededRandom(Number(options.address)), vaultOf: () => VAULT });
    this.#build();
  }

  ask(...requests: TcpRequest[]): void {
    for (const request of requests) this.#run(() => this.#user.send(request));
  }

  packet(bytes: Uint8Array, checksum: 'good' | 'bad' = 'good'): void {
    this.#run(() => this.device.input({ kind: 'frame', port: 'wire', bytes, checksum }));
  }

  kinds(connection: string): string[] {
    return this.heard
      .filter((each) => each.connection === connection && each.kind !== 'data')
      .map((each) => (each.kind === 'closed' ? `closed ${each.reason}` : each.kind));
  }

  bytes(connection: string): Uint8Array {
    return concat(
      ...this.heard.flatMap((each) => (each.kind === 'data' && each.connection === connection ? [each.bytes] : [])),
    );
  }

  get segments(): Segment[] {
    return this.packets.flatMap(({ bytes }) => {
      const read = segmentFromPacket(passHops(bytes).packet);
      return read.ok ? [read.segment] : [];
    });
  }

  #run(step: () => void): void {
    step();
    // An empty input works off what the step has put into the queue.
    this.device.input({ kind: 'event', layer: '0000', name: 'nothing', data: null });
    if (this.restores) this.#replace(structuredClone(this.device.save()));
  }

  #replace(saved: SavedDevice): void {
    this.device.destroy();
    this.#build();
    this.device.restore(saved);
  }

  #build(): void {
    this.device = new Device(this.#world, 'host', (device) => {
      this.layer = new TcpLayer(device, '2003', this.#options);
      Port.join(this.layer.ports.lower, device.boundary('wire'));
      this.#user = device.port('2002', 'lower');
      this.#user.received$.subscribe((indication) => {
        this.heard.push(indication);
        this.onIndication(indication);
      });
      Port.join(this.layer.ports.upper, this.#user);
      return [this.layer];
    });
    this.device.onOutput = (_, frame) => {
      this.packets.push(frame);
      this.carry(frame);
    };
    this.device.start();
  }
}

/** Two hosts on one wire. */
export function pairOf(options: Partial<TcpLayerOptions> = {}) {
  const scheduler = new VirtualScheduler();
  const a = new TcpHost(scheduler, { address: A, mtu: 1500, ...options });
  const b = new TcpHost(scheduler, { address: B, mtu: 1500, ...options });
  a.carry = ({ bytes }) => scheduler.at(scheduler.now_us() + DELAY_US, () => b.packet(bytes));
  b.carry = ({ bytes }) => scheduler.at(scheduler.now_us() + DELAY_US, () => a.packet(bytes));
  const pass = (time_us: number) => scheduler.runUntil(scheduler.now_us() + time_us);
  return { scheduler, a, b, pass };
}

/** A user's call on host A. */
export const connect = (connection: string, destinationPort = 443, sourcePort?: number): TcpRequest => ({
  kind: 'connect',
  connection,
  destination: B,
  destinationPort,
  ...(sourcePort !== undefined && { sourcePort }),
});
export const TUPLE: TcpTuple = { local: A, localPort: 5_000, remote: B, remotePort: 443 };
/** An ICMP destination unreachable of somebody on the way about a segment of ours. */
export function icmpError(
  error: { code: number; type?: number; mtu?: number },
  seq: number,
  tuple = TUPLE,
): Uint8Array {
  const quoted = packetFromSegment(segment(Flag.ACK, seq >>> 0), tuple);
  return buildIcmpPacket({ source: 0x0a09_0909, destination: A }, { type: 3, ...error }, quoted.subarray(0, 28));
}

/** A packet to host B. */
export const toB = (made: Segment, tuple = TUPLE): Uint8Array => packetFromSegment(made, tuple);
