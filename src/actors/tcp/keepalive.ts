import type { ConnectionCore } from './core.ts';
import { LazyTimer, NEVER_SET, type SavedTimer } from './lazy-timer.ts';
import type { Keepalive } from './limits.ts';

/** What is due when the keepalive timer goes off. */
export type KeepaliveVerdict = 'nothing' | 'probe' | 'dead';

/** Finds out that the other side is gone while there is nothing to send (RFC 9293 section 3.8.4). */
export class KeepaliveClock {
  /** Made when it is first needed: most connections never do. */
  #timer: LazyTimer | undefined;
  readonly #core: ConnectionCore;
  #heard_us = 0;
  #probes = 0;

  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  get timer(): LazyTimer {
    this.#timer ??= new LazyTimer(this.#core.host, 'keepalive');
    return this.#timer;
  }

  /** Its timer is not needed any more. */
  clear(): void {
    this.#timer?.dispose();
  }

  /** Something came from the other side. */
  heard(): void {
    this.#heard_us = this.#core.host.now_us();
    this.#probes = 0;
  }

  /** Starts watching where the present state wants it. */
  watch(): void {
    const settings = this.#settings();
    if (settings === undefined) this.#timer?.off();
    else if (!this.timer.running) this.timer.set(settings.idle_us);
  }

  /** The timer went off; `busy`: data is under way, so retransmission is watching. */
  judge(busy: boolean): KeepaliveVerdict {
    const settings = this.#settings();
    if (settings === undefined) return 'nothing';
    const quiet_us = this.#core.host.now_us() - this.#heard_us;
    if (busy || (this.#probes === 0 && quiet_us < settings.idle_us)) {
      this.timer.set(busy ? settings.idle_us : settings.idle_us - quiet_us);
      return 'nothing';
    }
    if (this.#probes >= settings.probes) return 'dead';
    this.#probes += 1;
    this.timer.set(settings.interval_us);
    return 'probe';
  }

  save(): readonly [number, number, SavedTimer] {
    return [this.#heard_us, this.#probes, this.#timer?.save() ?? NEVER_SET];
  }

  restore(saved: readonly [number, number, SavedTimer]): void {
    [this.#heard_us, this.#probes] = saved;
    this.timer.restore(saved[2]);
  }

  #settings(): Keepalive | undefined {
    const { decision, options, settings } = this.#core;
    const asked = settings.keepalive ?? undefined;
    if (decision.state === 'FIN-WAIT-2') return asked ?? options.finWaitKeepalive;
    return decision.state === 'ESTABLISHED' || decision.state === 'CLOSE-WAIT' ? asked : undefined;
  }
}
