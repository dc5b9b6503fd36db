import type { ConnectionCore } from './core.ts';
import { LazyTimer, NEVER_SET, type SavedTimer } from './lazy-timer.ts';
import { DELAYED_ACK_US, MAX_RTO_US, TAIL_PROBE_SLACK_US } from './limits.ts';
import type { Recovery } from './recovery.ts';
import { NONE, type SendNumbers } from './send-numbers.ts';

/** When a sender acts though nothing arrives. */
export class SendTimers {
  readonly retransmission: LazyTimer;
  readonly tailProbe: LazyTimer;
  /** Until the next burst; made where the algorithm paces. */
  readonly pacing: LazyTimer | undefined;
  readonly #n: SendNumbers;
  readonly #core: ConnectionCore;
  readonly #recovery: Recovery;

  constructor(core: ConnectionCore, numbers: SendNumbers, recovery: Recovery) {
    const { host } = core;
    this.retransmission = new LazyTimer(host, 'rto');
    this.tailProbe = new LazyTimer(host, 'tlp');
    this.pacing = recovery.pacer === undefined ? undefined : new LazyTimer(host, 'pace');
    this.#core = core;
    this.#n = numbers;
    this.#recovery = recovery;
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
    if (reorderWait_us > 0) this.#core.rareTimers.set('reorder', reorderWait_us);
    else this.#core.rareTimers.off('reorder');
    if (!advanced) return;
    this.tailProbe.off();
    if (board.size > 0) this.restart();
  }

  /** After a burst: exactly the timers run that its outcome asks for. `waits`: something is still to be sent. */
  arm(waits: boolean): void {
    if (this.#n.paced) this.pacing?.set(this.#recovery.pacer?.wait_us(this.#core.host.now_us()) ?? 0);
    const underWay = this.#recovery.board.size > 0;
    const probes = underWay ? this.#n.wnd === 0 && this.isProbing : waits;
    if (!underWay || probes) this.retransmission.off();
    else if (!this.retransmission.running) this.restart();
    const { rareTimers } = this.#core;
    if (!probes) rareTimers.off('persist');
    else if (!rareTimers.running('persist')) rareTimers.set('persist', this.#probeInterval_us());
    if (!underWay || probes || !this.mayProbeTail) this.tailProbe.off();
    else if (!this.tailProbe.running) this.#armTailProbe();
  }

  clear(): void {
    const { rareTimers } = this.#core;
    this.retransmission.dispose();
    rareTimers.dispose('persist');
    this.tailProbe.dispose();
    rareTimers.dispose('reorder');
    this.pacing?.dispose();
  }

  save(): readonly SavedTimer[] {
    const { rareTimers } = this.#core;
    const [persist, reorder] = [rareTimers.save('persist'), rareTimers.save('reorder')];
    const pacing = this.pacing?.save() ?? NEVER_SET;
    return [this.retransmission.save(), persist, this.tailProbe.save(), reorder, pacing];
  }

  restore(saved: readonly SavedTimer[]): void {
    const [retransmission, persist, tailProbe, reorder, pacing] = saved;
    this.retransmission.restore(retransmission);
    this.#core.rareTimers.restore('persist', persist);
    this.tailProbe.restore(tailProbe);
    this.#core.rareTimers.restore('reorder', reorder);
    this.pacing?.restore(pacing);
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
