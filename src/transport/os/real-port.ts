import { type FrameDevice, MAX_FRAME_BYTES, type RawFrame } from './device.ts';
import type { InterfaceInfo } from './interface-info.ts';
import { EAGAIN, EINTR, libc } from './libc.ts';
import { type NormaliseOptions, normalise } from './normalise.ts';
import { errorName } from './os-error.ts';
import { POLLIN, POLLOUT, poller, type Watch } from './poller.ts';
import { SendQueue } from './send-queue.ts';
import type { PortCounters, PortEvent, RealPort, ReceivedFrame, SendResult, SentFrame } from './types.ts';

/** After these the descriptor is dead; polling it again would spin. */
const FATAL_CODES = new Set(['EBADF', 'EBADFD', 'EIO', 'ENODEV', 'ENXIO']);
/** So many failures in a row, whatever their code, mean that the descriptor is dead as well. */
const MAX_FAILURES_IN_A_ROW = 16;
/** The interface is down or gone: every other frame of the batch would meet the same. */
const INTERFACE_CODES = new Set(['ENETDOWN', 'ENXIO', 'ENODEV', 'EBADF', 'EBADFD', 'EIO']);

/** Makes a {@link RealPort} of an opened device and starts to receive; frames before `onBatch` are kept by the kernel. */
export function realPort(device: FrameDevice, info: InterfaceInfo, options: NormaliseOptions): RealPort {
  return new DevicePort(device, info, options);
}

class DevicePort implements RealPort {
  readonly mtu: number;
  readonly offloads: boolean;
  readonly name: string;
  readonly mac: string;
  readonly #device: FrameDevice;
  readonly #options: NormaliseOptions;
  readonly #queue = new SendQueue();
  readonly #watch: Watch;
  readonly #counters: PortCounters = zeroCounters();
  #onBatch: ((frames: ReceivedFrame[]) => void) | undefined;
  #onEvent: (event: PortEvent) => void = () => {};
  #closed: Promise<void> | undefined;
  #dead = false;
  #failuresInARow = 0;

  constructor(device: FrameDevice, info: InterfaceInfo, options: NormaliseOptions) {
    this.#device = device;
    this.#options = options;
    this.offloads = options.keepSuperFrames;
    this.mtu = info.mtu;
    this.name = info.name;
    this.mac = info.mac;
    this.#watch = { fd: device.fd, wanted: 0, ready: (bits) => this.#ready(bits) };
    poller().watch(this.#watch);
  }

  get counters(): Readonly<PortCounters> {
    if (!this.#closed) this.#counters.kernelDropped += this.#device.kernelDropped();
    return this.#counters;
  }

  onBatch(listener: (frames: ReceivedFrame[]) => void): void {
    this.#onBatch = listener;
    this.#want();
  }

  onEvent(listener: (event: PortEvent) => void): void {
    this.#onEvent = listener;
  }

  send(frames: SentFrame[]): SendResult {
    const result: SendResult = { sent: 0, queued: 0, dropped: 0 };
    if (this.#closed || this.#dead) {
      this.#drop('ENODEV', frames.length, result);
      return result;
    }
    const fitting = frames.filter((frame) => frame.bytes.length <= MAX_FRAME_BYTES);
    this.#drop('EMSGSIZE', frames.length - fitting.length, result);
    // Frames that wait already go first.
    const taken = this.#queue.length > 0 ? 0 : this.#write(fitting, result);
    if (taken < fitting.length) this.#enqueue(fitting.slice(taken), result);
    return result;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#counters.kernelDropped += this.#device.kernelDropped();
    this.#counters.sendDropped += this.#queue.length;
    this.#queue.clear();
    await poller().unwatch(this.#device.fd);
    libc().close(this.#device.fd);
  }

  #want(): void {
    this.#watch.wanted = (this.#onBatch ? POLLIN : 0) | (this.#queue.length > 0 ? POLLOUT : 0);
    poller().changed();
  }

  #ready(bits: number): void {
    if (bits & POLLOUT) this.#flush();
    if (bits & ~POLLOUT) this.#receive();
  }

  #receive(): void {
    const count = this.#device.receive();
    if (count < 0) {
      if (count !== -EAGAIN && count !== -EINTR) this.#fail('receive', errorName(-count));
      return;
    }
    this.#failuresInARow = 0;
    this.#counters.receivedBatches += 1;
    const frames: ReceivedFrame[] = [];
    let malformed = 0;
    for (let i = 0; i < count; i += 1) malformed += this.#take(this.#device.rawFrame(i), frames) ? 0 : 1;
    if (malformed > 0) this.#onEvent({ operation: 'receive', code: 'MALFORMED', frames: malformed, fatal: false });
    if (frames.length > 0) this.#onBatch?.(frames);
  }

  #take(raw: RawFrame, frames: ReceivedFrame[]): boolean {
    const counters = this.#counters;
    if (!raw.ok) {
      if (raw.reason === 'truncated') counters.receivedTruncated += 1;
      else counters.receivedMalformed += 1;
      return false;
    }
    counters.receivedFrames += 1;
    counters.receivedBytes += raw.bytes.length;
    if (raw.offload?.gso) counters.receivedSuperFrames += 1;
    if (normalise(raw.bytes, raw.offload, this.#options, frames)) return true;
    counters.receivedMalformed += 1;
    return false;
  }

  /** Number of frames that are done with (sent or dropped); the rest must wait. */
  #write(frames: readonly SentFrame[], result: SendResult): number {
    let done = 0;
    while (done < frames.length) {
      const sent = this.#device.send(frames, done);
      if (sent > 0) {
        for (let i = done; i < done + sent; i += 1) this.#counters.sentBytes += frames[i].bytes.length;
        this.#counters.sentFrames += sent;
        result.sent += sent;
        done += sent;
      } else if (sent === -EAGAIN) {
        return done;
      } else if (sent !== -EINTR) {
        const code = errorName(-sent);
        const lost = INTERFACE_CODES.has(code) ? frames.length - done : 1;
        this.#drop(code, lost, result);
        done += lost;
      }
    }
    return done;
  }

  #drop(code: string, frames: number, result: SendResult): void {
    if (frames === 0) return;
    result.dropped += frames;
    this.#counters.sendDropped += frames;
    this.#onEvent({ operation: 'send', code, frames, fatal: false });
  }

  #enqueue(frames: readonly SentFrame[], result: SendResult): void {
    const taken = this.#queue.push(frames);
    result.queued += taken;
    this.#counters.sendQueued += taken;
    this.#drop('QUEUE_FULL', frames.length - taken, result);
    this.#want();
  }

  #flush(): void {
    const result: SendResult = { sent: 0, queued: 0, dropped: 0 };
    this.#queue.shift(this.#write(this.#queue.frames, result));
    this.#want();
  }

  #fail(operation: PortEvent['operation'], code: string): void {
    this.#counters.receiveErrors += 1;
    this.#failuresInARow += 1;
    const fatal = FATAL_CODES.has(code) || this.#failuresInARow >= MAX_FAILURES_IN_A_ROW;
    if (fatal && !this.#dead) {
      this.#dead = true;
      void poller().unwatch(this.#device.fd);
    }
    this.#onEvent({ operation, code, frames: 0, fatal });
  }
}

function zeroCounters(): PortCounters {
  return {
    receivedFrames: 0,
    receivedBytes: 0,
    receivedBatches: 0,
    receivedSuperFrames: 0,
    receivedTruncated: 0,
    receivedMalformed: 0,
    receiveErrors: 0,
    kernelDropped: 0,
    sentFrames: 0,
    sentBytes: 0,
    sendQueued: 0,
    sendDropped: 0,
  };
}
