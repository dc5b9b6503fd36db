import type { TimerHost } from './lazy-timer.ts';
import { LazyTimer, NEVER_SET, type SavedTimer } from './lazy-timer.ts';
import { DELAYED_ACK_US, MAX_RTO_US, TAIL_PROBE_SLACK_US } from './limits.ts';
import type { Recovery } from './recovery.ts';
import { NONE, type SendNumbers } from './send-numbers.ts';

/** When a sender acts though nothing arrives. */
export class SendTimers {
  readonly retransmission: LazyTimer;
  readonly tailProbe: LazyTimer;
  /** Made when they are first needed: most connections never do. */
  #windowProbe: LazyTimer | undefined;
  #reordering: LazyTimer | undefined;
  /** Until the next burst; made where the algorithm paces. */
  readonly pacing: LazyTimer | undefined;
  readonly #n: SendNumbers;
  readonly #host: TimerHost;
  readonly #recovery: Recovery;

  constructor(host: TimerHost, numbers: SendNumbers, recovery: Recovery) {
    this.retransmission = new LazyTimer(host, 'rto');
    this.tailProbe = new LazyTimer(host, 'tlp');
    this.pacing = recovery.pacer === undefined ? undefined : new LazyTimer(host, 'pace');
    this.#host = host;
    this.#n = numbers;
    this.#recovery = recovery;
  }

  get windowProbe(): LazyTimer {
    this.#windowProbe ??= new LazyTimer(this.#host, 'persist');
    return this.#windowProbe;
  }

  get reordering(): LazyTimer {
    this.#reordering ??= new LazyTimer(this.#host, 'reorder');
    return this.#reordering;
  }

  /** A single number is under way: the byte, or the FIN, of a window probe. */
  get isProbing(): boolean {
    return this.#recovery.board.size === 1 && this.#recovery.flight === 1;
  }

  get mayProbeTail(): boolean {
    const { sack, episode, tailProbe } = this.#n;
    return sack && (episode === 'open' || episode === 'marked') && tailProbe === NONE && this.#recovery.rtt.srtt_us > 0;
  }

  /** The retransmission timer begins anew. */
  restart(): void {
    this.retransmission.set(this.#recovery.rtt.rto_us());
  }

  /** An ACK has been worked off; `advanced`: it has brought something. */
  acknowledged(advanced: boolean): void {
    const { reorderWait_us, board } = this.#recovery;
    if (reorderWait_us > 0) this.reordering.set(reorderWait_us);
    else this.#reordering?.off();
    if (!advanced) return;
    this.tailProbe.off();
    if (board.size > 0) this.restart();
  }

  /** After a burst: exactly the timers run that its outcome asks for. `waits`: something is still to be sent. */
  arm(waits: boolean): void {
    if (this.#n.paced) this.pacing?.set(this.#recovery.pacer?.wait_us(this.#host.now_us()) ?? 0);
    const underWay = this.#recovery.board.size > 0;
    const probes = underWay ? this.#n.wnd === 0 && this.isProbing : waits;
    if (!underWay || probes) this.retransmission.off();
    else if (!this.retransmission.running) this.restart();
    if (!probes) this.#windowProbe?.off();
    else if (!this.windowProbe.running) this.windowProbe.set(this.#probeInterval_us());
    if (!underWay || probes || !this.mayProbeTail) this.tailProbe.off();
    else if (!this.tailProbe.running) this.#armTailProbe();
  }

  clear(): void {
    for (const timer of this.#all) timer?.dispose();
  }

  save(): readonly SavedTimer[] {
    return this.#all.map((timer) => timer?.save() ?? NEVER_SET);
  }

  restore(saved: readonly SavedTimer[]): void {
    const timers = [this.retransmission, this.windowProbe, this.tailProbe, this.reordering, this.pacing];
    timers.forEach((timer, at) => {
      timer?.restore(saved[at]);
    });
  }

  get #all(): readonly (LazyTimer | undefined)[] {
    return [this.retransmission, this.#windowProbe, this.tailProbe, this.#reordering, this.pacing];
  }

  #probeInterval_us(): number {
    return Math.min(MAX_RTO_US, this.#recovery.rtt.rto_us() * 2 ** Math.max(this.#n.probes, this.#n.shutProbes));
  }

  /** Two round trips after the last sending or progress, and time for the delayed ACK of a lone one; where the retransmission timer is sooner it does. */
  #armTailProbe(): void {
    const { rtt, board } = this.#recovery;
    const delay_us = Math.round(2 * rtt.srtt_us) + (board.size === 1 ? DELAYED_ACK_US : TAIL_PROBE_SLACK_US);
    if (delay_us < rtt.rto_us()) this.tailProbe.set(delay_us);
  }
}
