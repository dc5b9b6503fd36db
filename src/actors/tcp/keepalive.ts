import type { ConnectionCore } from './core.ts';
import type { SavedTimer } from './lazy-timer.ts';
import type { Keepalive } from './limits.ts';

/** What is due when the keepalive timer goes off. */
export type KeepaliveVerdict = 'nothing' | 'probe' | 'dead';

/** Finds out that the other side is gone while there is nothing to send (RFC 9293 section 3.8.4). */
export class KeepaliveClock {
  readonly #core: ConnectionCore;
  #heard_us = 0;
  #probes = 0;

  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  /** Something came from the other side. */
  heard(): void {
    this.#heard_us = this.#core.host.now_us();
    this.#probes = 0;
  }

  /** Starts watching where the present state wants it. */
  watch(): void {
    const settings = this.#settings();
    const { rareTimers } = this.#core;
    if (settings === undefined) rareTimers.off('keepalive');
    else if (!rareTimers.running('keepalive')) rareTimers.set('keepalive', settings.idle_us);
  }

  /** The timer went off; `busy`: data is under way, so retransmission is watching. */
  judge(busy: boolean): KeepaliveVerdict {
    const settings = this.#settings();
    if (settings === undefined) return 'nothing';
    const { rareTimers } = this.#core;
    const quiet_us = this.#core.host.now_us() - this.#heard_us;
    if (busy || (this.#probes === 0 && quiet_us < settings.idle_us)) {
      rareTimers.set('keepalive', busy ? settings.idle_us : settings.idle_us - quiet_us);
      return 'nothing';
    }
    if (this.#probes >= settings.probes) return 'dead';
    this.#probes += 1;
    rareTimers.set('keepalive', settings.interval_us);
    return 'probe';
  }

  save(): readonly [number, number, SavedTimer] {
    return [this.#heard_us, this.#probes, this.#core.rareTimers.save('keepalive')];
  }

  restore(saved: readonly [number, number, SavedTimer]): void {
    [this.#heard_us, this.#probes] = saved;
    this.#core.rareTimers.restore('keepalive', saved[2]);
  }

  #settings(): Keepalive | undefined {
    const { decision, options, settings } = this.#core;
    const asked = settings.keepalive ?? undefined;
    if (decision.state === 'FIN-WAIT-2') return asked ?? options.finWaitKeepalive;
    return decision.state === 'ESTABLISHED' || decision.state === 'CLOSE-WAIT' ? asked : undefined;
  }
}
