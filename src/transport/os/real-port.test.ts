import { afterEach, describe, expect, it } from 'vitest';
import { type FrameDevice, MAX_FRAME_BYTES, type RawFrame } from './device.ts';
import { EAGAIN, libc } from './libc.ts';
import { realPort } from './real-port.ts';
import { RETRY_QUEUE_BYTES, RETRY_QUEUE_FRAMES } from './send-queue.ts';
import type { PortEvent, RealPort, ReceivedFrame, SentFrame } from './types.ts';

const ENOBUFS = 105;
const ENETDOWN = 100;
const EIO = 5;
const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;

/** A device without kernel: what it receives and how much it takes is set by the test. Its descriptor is always writable. */
class FakeDevice implements FrameDevice {
  readonly fd = libc().eventfd(1, EFD_NONBLOCK_CLOEXEC);
  readonly written: Uint8Array[] = [];
  /** Results of the next calls of send; when used up, everything is taken. */
  readonly sendResults: number[] = [];
  readonly receiveResults: number[] = [];
  raw: RawFrame[] = [];

  receive(): number {
    const forced = this.receiveResults.shift();
    if (forced !== undefined) return forced;
    return this.raw.length > 0 ? this.raw.length : -EAGAIN;
  }

  rawFrame(index: number): RawFrame {
    const frame = this.raw[index];
    if (index === this.raw.length - 1) this.raw = [];
    return frame;
  }

  send(frames: readonly SentFrame[], first: number): number {
    const result = this.sendResults.shift() ?? frames.length - first;
    for (let i = first; i < first + result; i += 1) this.written.push(frames[i].bytes.slice());
    return result;
  }

  kernelDropped(): number {
    return 3;
  }
}

const INFO = { name: 'fake0', index: 1, mac: '02:00:00:00:00:01', mtu: 1500, up: true };
const open: RealPort[] = [];

function setup(keepSuperFrames = false): { device: FakeDevice; port: RealPort; events: PortEvent[] } {
  const device = new FakeDevice();
  const port = realPort(device, INFO, { keepSuperFrames });
  open.push(port);
  const events: PortEvent[] = [];
  port.onEvent((event) => events.push(event));
  return { device, port, events };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((port) => port.close()));
});

const frame = (first: number, length = 60): SentFrame => ({ bytes: new Uint8Array(length).fill(first) });
const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

describe('send', () => {
  it('keeps frames that find no room, in order, and sends them later', async () => {
    const { device, port, events } = setup();
    device.sendResults.push(1, -EAGAIN);
    const waiting = frame(2);
    expect(port.send([frame(1), waiting])).toEqual({ sent: 1, queued: 1, dropped: 0 });
    // The caller may use its buffer again at once.
    waiting.bytes.fill(99);
    expect(port.send([frame(3)])).toEqual({ sent: 0, queued: 1, dropped: 0 });
    await turns();
    expect(device.written.map((bytes) => bytes[0])).toEqual([1, 2, 3]);
    expect(port.counters).toMatchObject({ sentFrames: 3, sentBytes: 180, sendQueued: 2, sendDropped: 0 });
    expect(events).toEqual([]);
  });

  it('bounds the queue in frames and tells what it drops', () => {
    const { device, port, events } = setup();
    device.sendResults.push(-EAGAIN);
    const frames = Array.from({ length: RETRY_QUEUE_FRAMES + 5 }, () => frame(0));
    expect(port.send(frames)).toEqual({ sent: 0, queued: RETRY_QUEUE_FRAMES, dropped: 5 });
    expect(events).toEqual([{ operation: 'send', code: 'QUEUE_FULL', frames: 5, fatal: false }]);
  });

  it('bounds the queue in bytes', () => {
    const { device, port } = setup();
    device.sendResults.push(-EAGAIN);
    const length = 64_000;
    const fits = Math.floor(RETRY_QUEUE_BYTES / length);
    const frames = Array.from({ length: fits + 2 }, () => frame(0, length));
    expect(port.send(frames)).toEqual({ sent: 0, queued: fits, dropped: 2 });
  });

  it('drops the one frame that met ENOBUFS and goes on', () => {
    const { device, port, events } = setup();
    device.sendResults.push(1, -ENOBUFS);
    expect(port.send([frame(1), frame(2), frame(3)])).toEqual({ sent: 2, queued: 0, dropped: 1 });
    expect(device.written.map((bytes) => bytes[0])).toEqual([1, 3]);
    expect(events).toEqual([{ operation: 'send', code: 'ENOBUFS', frames: 1, fatal: false }]);
  });

  it('drops the rest of the batch when the interface is down', () => {
    const { device, port, events } = setup();
    device.sendResults.push(-ENETDOWN);
    expect(port.send([frame(1), frame(2)])).toEqual({ sent: 0, queued: 0, dropped: 2 });
    expect(events).toEqual([{ operation: 'send', code: 'ENETDOWN', frames: 2, fatal: false }]);
  });

  it('refuses frames longer than any interface takes', () => {
    const { device, port, events } = setup();
    expect(port.send([frame(1, MAX_FRAME_BYTES + 1), frame(2)])).toEqual({ sent: 1, queued: 0, dropped: 1 });
    expect(device.written).toHaveLength(1);
    expect(events[0].code).toBe('EMSGSIZE');
  });

  it('drops everything once closed', async () => {
    const { device, port } = setup();
    await port.close();
    expect(port.send([frame(1)])).toEqual({ sent: 0, queued: 0, dropped: 1 });
    expect(device.written).toEqual([]);
  });
});

describe('receive', () => {
  const raw = (bytes: Uint8Array): RawFrame => ({ ok: true, bytes, offload: undefined });

  it('gives frames with bytes of their own', async () => {
    const { device, port } = setup();
    const slot = new Uint8Array(60).fill(5);
    device.raw = [raw(slot), { ok: false, reason: 'truncated' }, { ok: false, reason: 'runt' }, raw(slot)];
    const got: ReceivedFrame[] = [];
    port.onBatch((frames) => got.push(...frames));
    await turns();
    slot.fill(6);
    expect(got.map(({ bytes }) => bytes[0])).toEqual([5, 5]);
    expect(port.counters).toMatchObject({ receivedFrames: 2, receivedTruncated: 1, receivedMalformed: 1 });
  });

  it('drops and tells a super-frame that is none', async () => {
    const { device, port, events } = setup();
    const gso = { type: 'tcp4' as const, size: 10, headerLength: 54 };
    device.raw = [{ ok: true, bytes: new Uint8Array(600), offload: { gso } }];
    port.onBatch(() => {});
    await turns();
    expect(port.counters.receivedMalformed).toBe(1);
    expect(events).toEqual([{ operation: 'receive', code: 'MALFORMED', frames: 1, fatal: false }]);
  });

  it('drops and tells what a receiver that offloads cannot be given: no TCP, and not to be finished', async () => {
    const { device, port, events } = setup(true);
    const gso = { type: 'udp' as const, size: 10, headerLength: 42 };
    device.raw = [{ ok: true, bytes: new Uint8Array(600), offload: { gso } }];
    port.onBatch(() => {});
    await turns();
    expect(port.counters.receivedMalformed).toBe(1);
    expect(events).toEqual([{ operation: 'receive', code: 'MALFORMED', frames: 1, fatal: false }]);
  });

  it('lives through a passing error and ends after a fatal one', async () => {
    const { device, port, events } = setup();
    device.receiveResults.push(-ENETDOWN, -EIO);
    port.onBatch(() => {});
    await turns();
    expect(events.map(({ code, fatal }) => [code, fatal])).toEqual([
      ['ENETDOWN', false],
      ['EIO', true],
    ]);
    expect(port.send([frame(1)])).toEqual({ sent: 0, queued: 0, dropped: 1 });
  });

  it('gives up on an error that never ends', async () => {
    const { device, port, events } = setup();
    device.receiveResults.push(...Array<number>(100).fill(-ENETDOWN));
    port.onBatch(() => {});
    await turns();
    expect(events.at(-1)?.fatal).toBe(true);
    expect(device.receiveResults.length).toBeGreaterThan(50);
  });
});
