import type { DeviceInput } from '../actors/device.ts';
import type { ChecksumVerdict, Frame } from '../actors/frame.ts';
import { SeededRandom } from '../actors/random.ts';
import type { Scheduler } from '../actors/scheduler.ts';
import { checksumVerdict, parseFrame } from '../wire/frame.ts';

/** Bytes that wait for their turn on a cable with a rate, unless the cable says otherwise. */
export const CABLE_QUEUE_BYTES = 256 * 1024;
/** Extra delay of a frame that others overtake, unless the cable says otherwise. */
export const REORDER_DELAY_US = 5_000;

/** What a cable does to frames, in each direction apart. Ratios are 0 to 1. */
export interface Impairments {
  /** One way. */
  readonly delay_us: number;
  /** 0: no limit. */
  readonly rate_bps: number;
  /** Bytes that may wait when there is a rate; more are dropped. */
  readonly queue_bytes: number;
  readonly loss: number;
  /** Mean number of frames that are lost in a row; 1: each is lost for itself. */
  readonly burst_frames: number;
  readonly reorder: number;
  readonly reorderDelay_us: number;
  readonly duplicate: number;
  /** One bit of the frame is flipped. */
  readonly corrupt: number;
}

const PERFECT: Impairments = {
  delay_us: 0,
  rate_bps: 0,
  queue_bytes: CABLE_QUEUE_BYTES,
  loss: 0,
  burst_frames: 1,
  reorder: 0,
  reorderDelay_us: REORDER_DELAY_US,
  duplicate: 0,
  corrupt: 0,
};

/** `ab`: from end `a` to end `b`. */
export type Direction = 'ab' | 'ba';

/** What became of a frame. `duplicated` is the second copy; `cut`: the cable is cut or the tap's `lose` wanted it. */
export type Fate = 'delivered' | 'reordered' | 'duplicated' | 'corrupted' | 'lost' | 'queue-full' | 'cut';

/** Sees every frame when its sender puts it onto the cable. */
export type CableTap = (direction: Direction, time_us: number, bytes: Uint8Array, fate: Fate) => void;

/** The part of a device that a cable needs. */
export interface CableDevice {
  readonly name: string;
  onOutput: (port: string, frame: Frame) => void;
  input(input: DeviceInput): void;
}

/** A boundary port that a cable plugs into. */
export interface CableEnd {
  readonly device: CableDevice;
  readonly port: string;
}

export interface CableOptions {
  /** Names it in captures, and its random stream. */
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly seed: number;
  readonly a: CableEnd;
  readonly b: CableEnd;
  readonly impairments?: Partial<Impairments>;
  /** Sums every frame on delivery instead of believing its sender's verdict; for tests of the builders. */
  readonly verifies?: boolean;
}

/** One direction's numbers. */
interface Lane {
  readonly direction: Direction;
  readonly to: CableEnd;
  readonly random: SeededRandom;
  impairments: Impairments;
  /** When the last frame that waits has left. */
  free_us: number;
  inBurst: boolean;
}

/**
 * Joins two devices in memory. A frame waits for the rate, travels for the delay, and may be lost, overtaken, doubled or damaged on
 * the way, all from one seed: the same seed and frames give the same fates.
 */
export class Cable {
  readonly name: string;
  /** Frames by fate, both directions. */
  readonly counts: Record<Fate, number> = {
    delivered: 0,
    reordered: 0,
    duplicated: 0,
    corrupted: 0,
    lost: 0,
    'queue-full': 0,
    cut: 0,
  };
  /** Frames that it says true for are lost; a test picks its victims with it. */
  lose: (direction: Direction, bytes: Uint8Array) => boolean = () => false;
  /** While true nothing gets through. */
  isCut = false;
  readonly #scheduler: Scheduler;
  readonly #lanes: Readonly<Record<Direction, Lane>>;
  readonly #taps = new Set<CableTap>();
  readonly #verifies: boolean;

  constructor(options: CableOptions) {
    this.name = options.name;
    this.#scheduler = options.scheduler;
    this.#verifies = options.verifies ?? false;
    const lane = (direction: Direction, to: CableEnd): Lane => ({
      direction,
      to,
      random: new SeededRandom(options.seed, `${options.name} ${direction}`),
      impairments: { ...PERFECT, ...options.impairments },
      free_us: 0,
      inBurst: false,
    });
    this.#lanes = { ab: lane('ab', options.b), ba: lane('ba', options.a) };
    plug(options.a, (frame) => this.#send(this.#lanes.ab, frame));
    plug(options.b, (frame) => this.#send(this.#lanes.ba, frame));
  }

  /** Returns the function that takes the tap off again. */
  tap(tap: CableTap): () => void {
    this.#taps.add(tap);
    return () => this.#taps.delete(tap);
  }

  /** Changes what the cable does, from the next frame on; without a direction in both. */
  impair(impairments: Partial<Impairments>, direction?: Direction): void {
    for (const lane of Object.values(this.#lanes)) {
      if (direction === undefined || direction === lane.direction)
        lane.impairments = { ...lane.impairments, ...impairments };
    }
  }

  #send(lane: Lane, frame: Frame): void {
    const { bytes } = frame;
    if (this.isCut || this.lose(lane.direction, bytes)) return this.#tell(lane, bytes, 'cut');
    const sent_us = this.#transmitted_us(lane, bytes.length);
    if (sent_us === undefined) return this.#tell(lane, bytes, 'queue-full');
    if (isLost(lane)) return this.#tell(lane, bytes, 'lost');
    const { random, impairments } = lane;
    const arrival_us = Math.round(sent_us) + impairments.delay_us;
    if (chance(random, impairments.duplicate)) this.#carry(lane, frame, bytes, arrival_us, 'duplicated');
    if (chance(random, impairments.corrupt)) {
      this.#carry(lane, frame, withBitFlipped(bytes, random), arrival_us, 'corrupted');
    } else if (chance(random, impairments.reorder)) {
      this.#carry(lane, frame, bytes, arrival_us + impairments.reorderDelay_us, 'reordered');
    } else {
      this.#carry(lane, frame, bytes, arrival_us, 'delivered');
    }
  }

  /** When the frame's last bit is on the cable; undefined when it finds no room to wait. */
  #transmitted_us(lane: Lane, length: number): number | undefined {
    const now_us = this.#scheduler.now_us();
    const { rate_bps, queue_bytes } = lane.impairments;
    if (rate_bps === 0) return now_us;
    const bytesPer_us = rate_bps / 8_000_000;
    const start_us = Math.max(now_us, lane.free_us);
    if ((start_us - now_us) * bytesPer_us + length > queue_bytes) return undefined;
    lane.free_us = start_us + length / bytesPer_us;
    return lane.free_us;
  }

  #carry(lane: Lane, frame: Frame, bytes: Uint8Array, arrival_us: number, fate: Fate): void {
    this.#tell(lane, bytes, fate);
    // The sums of an unfinished frame are still to be made.
    const isLookedAt = fate === 'corrupted' || (this.#verifies && frame.offload === undefined);
    const checksum = isLookedAt ? verdict(bytes) : frame.checksum;
    const { device, port } = lane.to;
    const unfinished = frame.offload && { segment_bytes: frame.offload.segment_bytes };
    this.#scheduler.at(arrival_us, () => device.input({ kind: 'frame', port, bytes, checksum, ...unfinished }));
  }

  #tell(lane: Lane, bytes: Uint8Array, fate: Fate): void {
    this.counts[fate]++;
    for (const tap of this.#taps) tap(lane.direction, this.#scheduler.now_us(), bytes, fate);
  }
}

/** Gets what leaves at one port of a device; other ports keep their cables. */
function plug({ device, port }: CableEnd, send: (frame: Frame) => void): void {
  const others = device.onOutput;
  device.onOutput = (from, frame) => (from === port ? send(frame) : others(from, frame));
}

function chance(random: SeededRandom, ratio: number): boolean {
  return ratio > 0 && random.fraction() < ratio;
}

/** Gilbert's model: bursts of a mean length, so often that the wanted ratio of frames is lost. */
function isLost(lane: Lane): boolean {
  const { loss, burst_frames } = lane.impairments;
  if (burst_frames <= 1) return chance(lane.random, loss);
  const leave = 1 / burst_frames;
  const enter = loss >= 1 ? 1 : (loss * leave) / (1 - loss);
  lane.inBurst = lane.inBurst ? loss >= 1 || !chance(lane.random, leave) : chance(lane.random, enter);
  return lane.inBurst;
}

function withBitFlipped(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const damaged = bytes.slice();
  if (damaged.length > 0) damaged[random.below(damaged.length)] ^= 1 << random.below(8);
  return damaged;
}

function verdict(bytes: Uint8Array): ChecksumVerdict {
  return checksumVerdict(bytes, parseFrame(bytes));
}
