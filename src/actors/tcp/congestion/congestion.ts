import { INITIAL_WINDOW_SEGMENTS } from '../limits.ts';
import { CubicGrowth } from './cubic.ts';
import { RenoGrowth } from './reno.ts';

export type CongestionName = 'cubic' | 'reno';

/** What differs between algorithms: growth after slow start, and how far a loss cuts. */
export interface Growth {
  readonly name: CongestionName;
  /** Bytes that the window grows by, after slow start, when `acked` bytes were acknowledged. */
  grow(window: { readonly cwnd: number; readonly mss: number }, acked: number, now_us: number, rtt_us: number): number;
  /** A loss at this window: the part of the flight that is left. Called once per loss event. */
  cut(cwnd: number, mss: number): number;
  /** The clock of the present epoch of growth starts anew: after a timeout or a time without data to send. */
  restart(): void;
  save(): readonly number[];
  restore(saved: readonly number[]): void;
}

/** First window in bytes (RFC 6928 section 2). */
export function initialWindow(mss: number): number {
  return Math.min(INITIAL_WINDOW_SEGMENTS * mss, Math.max(2 * mss, 14_600));
}

/** Congestion window of one connection, in bytes (RFC 5681), with the algorithm's growth behind one interface. */
export class Congestion {
  cwnd: number;
  ssthresh = Number.MAX_SAFE_INTEGER;
  #mss: number;
  readonly #growth: Growth;

  constructor(name: CongestionName, mss: number) {
    this.#growth = name === 'cubic' ? new CubicGrowth() : new RenoGrowth();
    this.#mss = mss;
    this.cwnd = initialWindow(mss);
  }

  get name(): CongestionName {
    return this.#growth.name;
  }

  get slowStart(): boolean {
    return this.cwnd < this.ssthresh;
  }

  /** The handshake, or the path, has told the segment size. `fresh`: nothing was sent yet. */
  setMss(mss: number, fresh: boolean): void {
    this.#mss = mss;
    if (fresh) this.cwnd = initialWindow(mss);
  }

  /** New bytes were acknowledged while the window was what limited the sender. */
  acked(bytes: number, now_us: number, rtt_us: number): void {
    if (!this.slowStart) {
      this.cwnd += this.#growth.grow({ cwnd: this.cwnd, mss: this.#mss }, bytes, now_us, rtt_us);
      return;
    }
    this.cwnd = Math.min(this.cwnd + bytes, this.ssthresh);
  }

  /** A loss was found while ACKs still come in (RFC 5681 section 3.2, RFC 6675 section 5 step 4). */
  lost(flight: number): void {
    this.#cutTo(flight);
    this.cwnd = this.ssthresh;
  }

  /** The retransmission timer went off: slow start from one segment. `again`: for data that was sent again already. */
  timedOut(flight: number, again: boolean): void {
    if (!again) this.#cutTo(flight);
    this.#growth.restart();
    this.cwnd = this.#mss;
  }

  /** Recovery is over: no burst of all that the window would allow (RFC 6582 section 3.2 step 3). */
  recovered(flight: number): void {
    this.cwnd = Math.min(this.ssthresh, Math.max(flight, this.#mss) + this.#mss);
  }

  /** Nothing was sent for longer than a timeout: what the window knew is stale (RFC 5681 section 4.1). */
  idle(): void {
    this.#growth.restart();
    this.cwnd = Math.min(this.cwnd, initialWindow(this.#mss));
  }

  save(): readonly number[] {
    return [this.cwnd, this.ssthresh, this.#mss, ...this.#growth.save()];
  }

  restore(saved: readonly number[]): void {
    const [cwnd, ssthresh, mss, ...growth] = saved as [number, number, number, ...number[]];
    this.cwnd = cwnd;
    this.ssthresh = ssthresh;
    this.#mss = mss;
    this.#growth.restore(growth);
  }

  /** `flight` counts SACKed bytes too, so it may be far above what the window ever allowed to be under way. */
  #cutTo(flight: number): void {
    const part = this.#growth.cut(this.cwnd, this.#mss);
    this.ssthresh = Math.max(Math.floor(Math.min(flight, this.cwnd) * part), 2 * this.#mss);
  }
}
