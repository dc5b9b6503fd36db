import { seqGt } from '../../wire/seq.ts';
import type { ConnectionCore } from './core.ts';
import { NEVER_SET, type SavedTimer } from './lazy-timer.ts';
import { R1_RETRANSMISSIONS } from './limits.ts';
import type { Sender } from './send.ts';

/** Before anything was watched. */
export const NEVER_WATCHED: SavedUserTimeout = [0, 0, NEVER_SET];

/** UNA and tries when last looked at, and the timer. */
export type SavedUserTimeout = readonly [number, number, SavedTimer];

/** The user timeout (RFC 9293 sections 3.8.3 and 3.10.8): how long something may wait for its acknowledgement where the user has set it. */
export class UserTimeout {
  readonly #core: ConnectionCore;
  #una = 0;
  #tries = 0;

  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  /** Looks at the sender after each step: progress, and any answer of a zero window, start the clock anew. */
  watch({ n, recovery, end }: Sender): void {
    const { userTimeout_us } = this.#core.settings;
    const { una } = n;
    const tries = n.retries + n.probes;
    const waits = recovery.board.size > 0 || seqGt(end, n.nxt);
    const { rareTimers } = this.#core;
    if (userTimeout_us === 0 || !waits) rareTimers.off('user');
    else if (!rareTimers.running('user') || una !== this.#una || tries < this.#tries)
      rareTimers.set('user', userTimeout_us);
    this.#una = una;
    this.#tries = tries;
  }

  save(): SavedUserTimeout {
    return [this.#una, this.#tries, this.#core.rareTimers.save('user')];
  }

  restore(saved: SavedUserTimeout): void {
    [this.#una, this.#tries] = saved;
    this.#core.rareTimers.restore('user', saved[2]);
  }
}

/**
 * Something was sent `tries` times in a row without an answer. From R1 on IP is asked to look after the path (MUST-20); the user hears
 * of it once (SHLD-9).
 */
export function unanswered(core: ConnectionCore, tries: number): void {
  if (tries < R1_RETRANSMISSIONS) return;
  core.host.doubtPath?.();
  if (tries === R1_RETRANSMISSIONS) troubled(core, 'no-answer');
}

/** Tells the user, unless it does not want to know (MUST-47, SHLD-20). */
export function troubled(core: ConnectionCore, cause: 'no-answer' | 'icmp'): void {
  if (core.settings.reportTroubles) core.tell({ kind: 'troubled', cause });
}
