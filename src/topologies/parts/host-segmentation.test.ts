import { describe, expect, it } from 'vitest';
import { ip4, labMac, TestLab } from '../../../test/support/lab.ts';
import { PatternCheck } from '../../actors/test-application/pattern.ts';
import { deviceInput } from '../../journal/replay-input.ts';
import type { Impairments } from '../../transport/cable.ts';
import { checksumVerdict, parseFrame } from '../../wire/frame.ts';
import { host } from './host.ts';
import type { Segmentation } from './ip-host.ts';

const BYTES = 2_000_000;
const SEED = 5;
const LEFT = { address: ip4('10.2.0.1'), prefixLength: 24, mac: labMac(1) };
const RIGHT = { address: ip4('10.2.0.2'), prefixLength: 24, mac: labMac(2) };
const TEN_MINUTES_US = 600_000_000;

/** Pushes bytes from the left to the right host; every frame that went there. */
function pushed(segmentation: Segmentation | undefined, impairments: Partial<Impairments>, mtu = 1500) {
  const lab = new TestLab();
  const check = new PatternCheck(SEED);
  const services = [{ port: 81, bytes: 0, seed: 0 }];
  const common = { services, onData: check.watch, ...(segmentation && { segmentation }) };
  const left = host(lab.world, 'left', { numeral: '21', interface: LEFT, mtu, ...common });
  const right = host(lab.world, 'right', { numeral: '31', interface: RIGHT, ...common });
  const frames: Uint8Array[] = [];
  lab.cable('W', [left, '2113'], [right, '3113'], impairments).tap((direction, _time_us, bytes, fate) => {
    if (direction === 'ab' && fate !== 'corrupted') frames.push(bytes);
  });
  for (const device of [left, right]) device.start();
  const data = { connection: 'push', destination: RIGHT.address, port: 81, bytes: BYTES, seed: SEED };
  left.input({ kind: 'event', layer: '2101', name: 'push', data });
  lab.run(TEN_MINUTES_US);
  expect(lab.notes(left, 'transfer')).toMatchObject([{ bytes: BYTES, reason: 'normal' }]);
  expect([...check.good.values()]).toEqual([BYTES]);
  expect(check.broken.size).toBe(0);
  return { lab, left, right, frames };
}

const longest = (frames: readonly Uint8Array[]): number => Math.max(...frames.map(({ length }) => length));
const allGood = (frames: readonly Uint8Array[]): boolean =>
  frames.every((bytes) => checksumVerdict(bytes, parseFrame(bytes)) !== 'bad');

describe('a host whose TCP sends super-segments', () => {
  it.each([{ delay_us: 5_000 }, { delay_us: 2_000, loss: 0.01, reorder: 0.01, duplicate: 0.01, corrupt: 0.005 }])(
    'cuts them where no interface does: %j',
    (impairments) => {
      const { frames } = pushed('software', impairments);
      expect(longest(frames)).toBe(1514);
      expect(allGood(frames)).toBe(true);
    },
  );

  it('cuts at its own MTU', () => {
    const { frames, lab, left } = pushed('software', { delay_us: 1_000 }, 1_000);
    expect(longest(frames)).toBe(1_014);
    expect(lab.drops(left)).not.toContain('2104 too-long');
  });

  it('leaves them whole where an interface cuts', () => {
    const { frames } = pushed('interface', { delay_us: 5_000 });
    expect(longest(frames)).toBeGreaterThan(30_000);
    expect(frames.length).toBeLessThan(BYTES / 1448 / 4);
  });

  it('sends none when it was not told who cuts', () => {
    const { frames } = pushed(undefined, { delay_us: 5_000 });
    expect(longest(frames)).toBe(1514);
    expect(allGood(frames)).toBe(true);
  });

  it('writes down what the interface said of a frame, so that a replay gives it again', () => {
    const { lab, right } = pushed('interface', { delay_us: 5_000 });
    const inputs = lab.records.filter(
      ({ device, kind, name }) => device === 'right' && kind === 'input' && name === 'frame',
    );
    const read = inputs.map((record) => deviceInput(right, record));
    expect(read.filter((input) => typeof input !== 'string' && 'segment_bytes' in input).length).toBeGreaterThan(10);
    const altered = { ...inputs[0]!, data: { ...(inputs.at(-1)!.data as object), segment_bytes: -1 } };
    expect(deviceInput(right, altered)).not.toHaveProperty('segment_bytes');
  });
});
