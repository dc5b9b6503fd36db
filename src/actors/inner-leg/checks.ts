import { CHECK_US, IDLE_CHECK_US, MAX_CHECK_US } from './limits.ts';

export interface ChecksHost {
  now_us(): number;
  setTimer(delay_us: number): void;
  clearTimer(): void;
  sendCheck(): void;
  /** So many checks were not answered. */
  silent(): void;
  /** Two checks, and nothing of what was sent is reported. */
  stuck(progress_us: number): void;
}

export type SavedChecks = readonly [
  armed: 'no' | 'idle' | 'busy',
  unanswered: number,
  pauses: number,
  news_us: number,
  progress_us: number,
];

/**
 * Asks the peer what has arrived: soon while something is not known to have arrived or waits for credit, so that a loss on the leg is noticed
 * and a lost CREDIT replaced; rarely on an idle session, so that a peer that is gone is.
 */
export class Checks {
  readonly #host: ChecksHost;
  #armed: SavedChecks[0] = 'no';
  #unanswered = 0;
  /** Checks since something new was reported; each makes the next pause twice as long. */
  #pauses = 0;
  #news_us = 0;
  #progress_us = 0;

  constructor(host: ChecksHost) {
    this.#host = host;
  }

  /** After each step: `isUneasy` while there is something to ask for soon. */
  watch(isUneasy: boolean): void {
    if (isUneasy && this.#armed !== 'busy') {
      this.#armed = 'busy';
      this.#news_us = this.#host.now_us();
      this.#progress_us = this.#news_us;
      this.#host.setTimer(CHECK_US);
    } else if (this.#armed === 'no') {
      this.#armed = 'idle';
      this.#news_us = this.#host.now_us();
      this.#host.setTimer(IDLE_CHECK_US);
    }
  }

  /** The peer lives; `isProgress`: it reports or grants more than before. */
  heard(isProgress: boolean): void {
    this.#news_us = this.#host.now_us();
    this.#unanswered = 0;
    if (!isProgress) return;
    this.#progress_us = this.#news_us;
    this.#pauses = 0;
  }

  /** `most`: unanswered checks that mean silence. */
  timerFired(isUneasy: boolean, most: number): void {
    const pause_us = isUneasy ? Math.min(MAX_CHECK_US, CHECK_US * 2 ** this.#pauses) : IDLE_CHECK_US;
    const left_us = this.#news_us + pause_us - this.#host.now_us();
    if (left_us > 0) return this.#arm(isUneasy, left_us);
    if (this.#unanswered >= most) return this.#host.silent();
    this.#unanswered += 1;
    this.#pauses += 1;
    this.#news_us = this.#host.now_us();
    this.#host.sendCheck();
    if (this.#pauses >= 2) this.#host.stuck(this.#progress_us);
    this.#arm(true, Math.min(MAX_CHECK_US, CHECK_US * 2 ** this.#pauses));
  }

  #arm(isUneasy: boolean, delay_us: number): void {
    this.#armed = isUneasy ? 'busy' : 'idle';
    this.#host.setTimer(delay_us);
  }

  stop(): void {
    if (this.#armed !== 'no') this.#host.clearTimer();
    this.#armed = 'no';
  }

  save(): SavedChecks {
    return [this.#armed, this.#unanswered, this.#pauses, this.#news_us, this.#progress_us];
  }

  restore(saved: SavedChecks): void {
    [this.#armed, this.#unanswered, this.#pauses, this.#news_us, this.#progress_us] = saved;
  }
}
