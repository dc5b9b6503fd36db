import { INNER_MAX_POSITION } from '../../wire/inner-leg.ts';
import { FIRST_WINDOW_BYTES, REPORT_SHARE, UNITS_UNDER_WAY, WINDOW_BYTES } from './limits.ts';

export interface SavedInnerReceiver {
  readonly expected: number;
  readonly consumed: number;
  readonly granted: number;
  readonly reported: number;
  readonly units: number;
  readonly window: number;
  readonly grown: number;
  readonly full: boolean;
  readonly waiting: number;
}

/** What becomes of bytes at a position. */
export type Arrival =
  | 'new'
  /** They are there already. */
  | 'old'
  /** Bytes before them are missing. */
  | 'gap'
  /** Nobody granted them. */
  | 'beyond';

/**
 * One direction of a session, at its end: what has arrived, what the host's TCP took, and how far the peer may send. Credit is given for
 * bytes that the host's TCP has room for; the window grows while it reads as fast as bytes come.
 */
export class InnerReceiver {
  #expected = 0;
  #consumed = 0;
  #granted = 0;
  /** What the last report has told to be there; units since. */
  #reported = 0;
  #units = 0;
  #window = FIRST_WINDOW_BYTES;
  /** Position at which the window may grow next. */
  #grown = FIRST_WINDOW_BYTES;
  /** The queue towards the host is over its mark; bytes written to it since. */
  #full = false;
  #waiting = 0;

  /** Next position awaited. */
  get expected(): number {
    return this.#expected;
  }

  /** Something has arrived that was not reported. */
  get isUnreported(): boolean {
    return this.#reported < this.#expected;
  }

  /** Enough has arrived, or can be granted, to report at once. */
  get isReportDue(): boolean {
    const share = this.#window / REPORT_SHARE;
    const isFar = this.#expected - this.#reported >= share || this.#mayGrant() - this.#granted >= share;
    return isFar || this.#units >= UNITS_UNDER_WAY / REPORT_SHARE;
  }

  /** Judges bytes; `new` ones are counted as arrived, from {@link expected} on. */
  take(position: number, length: number): Arrival {
    const end = position + length;
    if (position > this.#expected) return 'gap';
    if (end > this.#granted) return 'beyond';
    if (end <= this.#expected) return 'old';
    this.#expected = end;
    this.#units += 1;
    return 'new';
  }

  /** The peer's FIN: as a byte that needs no credit. */
  takeFin(position: number): Arrival {
    if (position !== this.#expected) return position > this.#expected ? 'gap' : 'old';
    this.#expected += 1;
    return 'new';
  }

  /** New bytes were written to the host's TCP. */
  written(bytes: number): void {
    if (this.#full) this.#waiting += bytes;
    else this.#consumed += bytes;
    this.#grow();
  }

  /** The queue of the host's TCP is over its mark: it reads slower than bytes come. */
  full(): void {
    this.#full = true;
  }

  writable(): void {
    this.#full = false;
    this.#consumed += this.#waiting;
    this.#waiting = 0;
    this.#grown = this.#expected + this.#window;
  }

  /** What a CREDIT tells now. */
  report(): { readonly granted: number; readonly received: number } {
    this.#granted = this.#mayGrant();
    this.#reported = this.#expected;
    this.#units = 0;
    return { granted: this.#granted, received: this.#expected };
  }

  save(): SavedInnerReceiver {
    return {
      expected: this.#expected,
      consumed: this.#consumed,
      granted: this.#granted,
      reported: this.#reported,
      units: this.#units,
      window: this.#window,
      grown: this.#grown,
      full: this.#full,
      waiting: this.#waiting,
    };
  }

  restore(saved: SavedInnerReceiver): void {
    this.#expected = saved.expected;
    this.#consumed = saved.consumed;
    this.#granted = saved.granted;
    this.#reported = saved.reported;
    this.#units = saved.units;
    this.#window = saved.window;
    this.#grown = saved.grown;
    this.#full = saved.full;
    this.#waiting = saved.waiting;
  }

  /** A window went through and the host had room for all of it: the next one may be twice as large. */
  #grow(): void {
    if (this.#full || this.#expected < this.#grown) return;
    this.#window = Math.min(WINDOW_BYTES, this.#window * 2);
    this.#grown = this.#expected + this.#window;
  }

  #mayGrant(): number {
    return Math.max(this.#granted, Math.min(INNER_MAX_POSITION, this.#consumed + this.#window));
  }
}
