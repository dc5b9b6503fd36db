import {
  type AckReport,
  type CongestionControl,
  type CongestionName,
  initialWindow,
  type Reduction,
  type SavedCongestion,
  UNBOUNDED,
} from './congestion.ts';
import { CubicGrowth } from './cubic.ts';
import { HyStart } from './hystart.ts';
import { NewRenoGrowth } from './newreno.ts';
import { ProportionalReduction } from './prr.ts';

/** What differs between algorithms that steer by a window: growth after slow start, and how far a loss cuts. */
export interface Growth {
  readonly name: CongestionName;
  /** Bytes that the window grows by, after slow start, when `acked` bytes were acknowledged. */
  grow(window: { readonly cwnd: number; readonly mss: number }, acked: number, now_us: number, rtt_us: number): number;
  /** A loss at this window: the part of the flight that is left. Called once per loss event. */
  cut(cwnd: number, mss: number): number;
  /** Until now the sender did not use its window: that time counts for no growth. */
  pause(now_us: number): void;
  /** The clock of the present epoch of growth starts anew; `forgets` where the last loss was, too. */
  restart(forgets: boolean): void;
  save(): readonly number[];
  restore(saved: readonly number[]): void;
}

/** Window, threshold and growth from before the last reduction. */
interface Prior {
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly growth: readonly number[];
}

/** Segments that a loss or a mark leaves at least (RFC 5681 equation 4). */
const MIN_SSTHRESH_SEGMENTS = 2;

/**
 * Congestion control by a window in bytes (RFC 5681): slow start, growth, and proportional reduction while losses are repaired.
 * It does not pace, like Linux without the fq queue: ACKs are the clock, and each timer would cost more than it brings on the
 * links that this TCP is used on. HyStart++ ends CUBIC's slow start before it overflows a queue.
 */
export class WindowControl implements CongestionControl {
  cwnd: number;
  ssthresh = UNBOUNDED;
  #mss: number;
  readonly #growth: Growth;
  /** First slow start only, made with the first growth. */
  #hystart: HyStart | undefined;
  /** Slow start is the first one, of an algorithm that has {@link HyStart}. */
  #startsFirst: boolean;
  /** While losses or a mark are worked off. */
  #reduction: ProportionalReduction | undefined;
  #prior: Prior | undefined;

  constructor(name: 'cubic' | 'newreno', mss: number) {
    this.#growth = name === 'cubic' ? new CubicGrowth() : new NewRenoGrowth();
    this.#startsFirst = name === 'cubic';
    this.#mss = mss;
    this.cwnd = initialWindow(mss);
  }

  // What is the same for all takes no memory in each.
  get pacingRate(): number {
    return 0;
  }

  get quantum(): number {
    return UNBOUNDED;
  }

  get phases(): undefined {
    return undefined;
  }

  get rate(): undefined {
    return undefined;
  }

  get answersMarks(): boolean {
    return true;
  }

  get name(): CongestionName {
    return this.#growth.name;
  }

  setMss(mss: number, fresh: boolean): void {
    this.#mss = mss;
    if (fresh) this.cwnd = initialWindow(mss);
  }

  beginSmall(): void {
    this.cwnd = this.#mss;
  }

  acked(report: AckReport): void {
    if (this.#reduction !== undefined) {
      if (report.delivered > 0) this.cwnd = this.#reduction.window(report, this.ssthresh, this.#mss);
    } else if (!report.advanced || report.delivered === 0) {
      // Duplicate ACKs don't widen the window (RFC 5681 section 3.2 step 1): limited transmit sends one segment for each.
      return;
    } else if (!report.limited) {
      this.#growth.pause(report.now_us);
    } else if (this.cwnd < this.ssthresh) {
      this.#slowStart(report);
    } else {
      const { now_us, srtt_us, delivered } = report;
      this.cwnd += this.#growth.grow({ cwnd: this.cwnd, mss: this.#mss }, delivered, now_us, srtt_us);
    }
  }

  sent(bytes: number): void {
    this.#reduction?.sent(bytes);
  }

  /** RFC 5681 section 3.2, RFC 6675 section 5 step 4, RFC 3168 section 6.1.2. */
  reduce(why: 'loss' | 'mark', reduction: Reduction): void {
    // Losses found while a mark is worked off are of the same congestion.
    if (this.#reduction !== undefined) return;
    this.#remember();
    this.#cutTo(reduction.flight);
    this.#reduction = new ProportionalReduction(reduction.pipeBefore);
    // An ACK that told of it does its part in `acked`; where a timer did, one segment may go.
    if (why === 'loss') this.cwnd = reduction.pipe + this.#mss;
  }

  recovered(): void {
    if (this.#reduction === undefined) return;
    this.#reduction = undefined;
    this.cwnd = this.ssthresh;
  }

  /** RFC 5681 section 3.1: slow start from one segment. */
  timedOut({ flight, pipe }: Reduction, isReduced: boolean): void {
    if (!isReduced) {
      this.#remember();
      this.#cutTo(flight);
    }
    this.#reduction = undefined;
    this.#growth.restart(true);
    this.cwnd = pipe + this.#mss;
  }

  /** RFC 4015 section 3, RFC 9438 section 4.9: as if nothing had been. */
  undo(): void {
    if (this.#prior === undefined) return;
    this.#reduction = undefined;
    this.cwnd = Math.max(this.cwnd, this.#prior.cwnd);
    this.ssthresh = Math.max(this.ssthresh, this.#prior.ssthresh);
    this.#growth.restore(this.#prior.growth);
    this.#prior = undefined;
  }

  /** What the window knew of a path is stale after a timeout without data (RFC 5681 section 4.1). */
  resume(now_us: number, long: boolean): void {
    this.#growth.pause(now_us);
    if (!long) return;
    this.#growth.restart(false);
    this.cwnd = Math.min(this.cwnd, initialWindow(this.#mss));
  }

  save(): SavedCongestion {
    return {
      window: [this.cwnd, this.ssthresh, this.#mss],
      growth: this.#growth.save(),
      hystart: this.#startsFirst ? (this.#hystart ?? new HyStart()).save() : null,
      reduction: this.#reduction?.save() ?? null,
      prior: this.#prior ?? null,
    };
  }

  restore(saved: SavedCongestion): void {
    const { window, growth, hystart, reduction, prior } = saved as ReturnType<WindowControl['save']> & Saved;
    [this.cwnd, this.ssthresh, this.#mss] = window;
    this.#growth.restore(growth);
    this.#startsFirst = hystart !== null;
    this.#hystart = hystart === null ? undefined : HyStart.from(hystart);
    this.#reduction = reduction === null ? undefined : ProportionalReduction.from(reduction);
    this.#prior = prior ?? undefined;
  }

  #slowStart(report: AckReport): void {
    const room = this.ssthresh - this.cwnd;
    if (this.#startsFirst) this.#hystart ??= new HyStart();
    const growth = this.#hystart?.growth(report) ?? report.delivered;
    this.cwnd += Math.min(growth, room);
    if (this.#hystart?.done === true) this.ssthresh = this.cwnd;
    if (this.cwnd >= this.ssthresh) this.#startedFirst();
  }

  #remember(): void {
    this.#prior = { cwnd: this.cwnd, ssthresh: this.ssthresh, growth: this.#growth.save() };
    this.#startedFirst();
  }

  #startedFirst(): void {
    this.#startsFirst = false;
    this.#hystart = undefined;
  }

  /** `flight` counts SACKed bytes too, so it may be far above what the window ever allowed to be under way. */
  #cutTo(flight: number): void {
    const part = this.#growth.cut(this.cwnd, this.#mss);
    const left = Math.floor(Math.min(flight, this.cwnd) * part);
    this.ssthresh = Math.max(left, MIN_SSTHRESH_SEGMENTS * this.#mss);
  }
}

interface Saved {
  readonly window: [number, number, number];
  readonly growth: readonly number[];
  readonly hystart: readonly number[] | null;
  readonly reduction: readonly number[] | null;
  readonly prior: Prior | null;
}
