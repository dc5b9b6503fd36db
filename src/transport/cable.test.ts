import { describe, expect, it } from 'vitest';
import type { DeviceInput } from '../actors/device.ts';
import type { Frame } from '../actors/frame.ts';
import { VirtualScheduler } from '../actors/scheduler.ts';
import { buildUdpFrame } from '../wire/build.ts';
import { Cable, type CableDevice, type Fate, type Impairments } from './cable.ts';

class Box implements CableDevice {
  readonly name: string;
  readonly got: { port: string; time_us: number; bytes: Uint8Array; checksum: string }[] = [];
  onOutput: (port: string, frame: Frame) => void = () => {};
  readonly #scheduler: VirtualScheduler;

  constructor(name: string, scheduler: VirtualScheduler) {
    this.name = name;
    this.#scheduler = scheduler;
  }

  input(input: DeviceInput): void {
    if (input.kind !== 'frame') return;
    this.got.push({
      port: input.port,
      time_us: this.#scheduler.now_us(),
      bytes: input.bytes,
      checksum: input.checksum,
    });
  }

  send(port: string, bytes: Uint8Array): void {
    this.onOutput(port, { id: 1, parent: 0, bytes, checksum: 'good' });
  }
}

function lab(impairments: Partial<Impairments> = {}, seed = 1, verifies = false) {
  const scheduler = new VirtualScheduler();
  const left = new Box('left', scheduler);
  const right = new Box('right', scheduler);
  const ends = { a: { device: left, port: '1' }, b: { device: right, port: '9' } };
  const cable = new Cable({ name: 'W3', scheduler, seed, ...ends, impairments, verifies });
  const fates: Fate[] = [];
  cable.tap((_direction, _time_us, _bytes, fate) => fates.push(fate));
  return { scheduler, left, right, cable, fates };
}

const numbered = (index: number, length = 100) => {
  const bytes = new Uint8Array(length);
  bytes[0] = index;
  return bytes;
};

describe('cable', () => {
  it('carries frames both ways after its delay, from port to port', () => {
    const { scheduler, left, right } = lab({ delay_us: 20_000 });
    left.send('1', numbered(1));
    left.send('2', numbered(2));
    right.send('9', numbered(3));
    scheduler.runUntil(1_000_000);
    expect(right.got).toEqual([{ port: '9', time_us: 20_000, bytes: numbered(1), checksum: 'good' }]);
    expect(left.got.map(({ port, bytes }) => [port, bytes[0]])).toEqual([['1', 3]]);
  });

  it('serialises at its rate and drops what finds no room', () => {
    const { scheduler, left, right, fates } = lab({ rate_bps: 8_000_000, queue_bytes: 250 });
    for (let i = 0; i < 3; i++) left.send('1', numbered(i));
    scheduler.runUntil(150);
    left.send('1', numbered(3));
    scheduler.runUntil(1_000);
    expect(right.got.map(({ time_us, bytes }) => [bytes[0], time_us])).toEqual([
      [0, 100],
      [1, 200],
      [3, 300],
    ]);
    expect(fates).toEqual(['delivered', 'delivered', 'queue-full', 'delivered']);
  });

  it.each([1, 4])('loses the wanted ratio, in bursts of %d', (burst_frames) => {
    const { scheduler, left, right, fates } = lab({ loss: 0.1, burst_frames });
    for (let i = 0; i < 20_000; i++) left.send('1', numbered(i));
    scheduler.runUntil(0);
    const lost = fates.filter((fate) => fate === 'lost').length;
    const bursts = fates.filter((fate, at) => fate === 'lost' && fates[at - 1] !== 'lost').length;
    expect(lost / 20_000).toBeCloseTo(0.1, 1);
    expect(lost / bursts).toBeCloseTo(burst_frames === 1 ? 1.11 : 4, 0);
    expect(right.got).toHaveLength(20_000 - lost);
  });

  it('lets frames be overtaken and doubles them', () => {
    const { scheduler, left, right, cable } = lab({ reorder: 0.3, reorderDelay_us: 10, duplicate: 0.2 });
    for (let i = 0; i < 100; i++) {
      left.send('1', numbered(i));
      scheduler.runUntil(scheduler.now_us() + 4);
    }
    scheduler.runUntil(1_000);
    const order = right.got.map(({ bytes }) => bytes[0] as number);
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect(new Set(order).size).toBe(100);
    expect(order).toHaveLength(100 + cable.counts.duplicated);
    expect(cable.counts.reordered).toBeGreaterThan(10);
  });

  it('damages one bit and says what the checksum shows', () => {
    const { scheduler, left, right } = lab({ corrupt: 1 });
    const ip = { source: 1, destination: 2 };
    const udp = { sourcePort: 1, destinationPort: 2 };
    const bytes = buildUdpFrame({ ethernet: { destination: 2, source: 4 }, ip, udp }, new Uint8Array(1200));
    for (let i = 0; i < 30; i++) left.send('1', bytes);
    scheduler.runUntil(0);
    const flipped = right.got.map(({ bytes: got }) => got.reduce((sum, byte, at) => sum + bits(byte ^ bytes[at]), 0));
    expect(flipped).toEqual(Array(30).fill(1));
    expect(right.got.filter(({ checksum }) => checksum === 'bad').length).toBeGreaterThan(25);
  });

  it('sums frames itself when told to', () => {
    const { scheduler, left, right } = lab({}, 1, true);
    const ip = { source: 1, destination: 2 };
    const udp = { sourcePort: 1, destinationPort: 2 };
    const bytes = buildUdpFrame({ ethernet: { destination: 2, source: 4 }, ip, udp }, new Uint8Array(12));
    left.send('1', bytes);
    left.send(
      '1',
      bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte)),
    );
    scheduler.runUntil(0);
    expect(right.got.map(({ checksum }) => checksum)).toEqual(['good', 'bad']);
  });

  it('can be cut, loses what a test picks, and changes while it runs', () => {
    const { scheduler, left, right, cable, fates } = lab();
    cable.isCut = true;
    left.send('1', numbered(1));
    cable.isCut = false;
    cable.lose = (direction, bytes) => direction === 'ab' && bytes[0] === 2;
    left.send('1', numbered(2));
    right.send('9', numbered(2));
    cable.impair({ loss: 1 }, 'ba');
    left.send('1', numbered(3));
    right.send('9', numbered(3));
    scheduler.runUntil(0);
    expect(fates).toEqual(['cut', 'cut', 'delivered', 'delivered', 'lost']);
    expect(right.got.map(({ bytes }) => bytes[0])).toEqual([3]);
    expect(left.got.map(({ bytes }) => bytes[0])).toEqual([2]);
  });

  it('gives the same fates for the same seed, others for another', () => {
    const fatesOf = (seed: number) => {
      const { left, fates } = lab({ loss: 0.2, corrupt: 0.1, duplicate: 0.1 }, seed);
      for (let i = 0; i < 200; i++) left.send('1', numbered(i));
      return fates;
    };
    expect(fatesOf(5)).toEqual(fatesOf(5));
    expect(fatesOf(5)).not.toEqual(fatesOf(6));
  });
});

function bits(byte: number): number {
  return [...byte.toString(2)].filter((digit) => digit === '1').length;
}
