import type { TcpEvent } from '../../machines/tcp.ts';
import { seqAdd, seqGt, seqIn, seqLe, seqLt } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { DropReason } from '../drop-reason.ts';
import { isBareAck, isProbe } from './bare-ack.ts';
import type { ConnectionParts } from './connection-parts.ts';
import { CHALLENGE_PERIOD_US, CHALLENGES_PER_PERIOD } from './limits.ts';
import { type InSegment, resetFor } from './segment.ts';
import { learnRoute } from './source-route.ts';

/** What an arriving segment does in each state: RFC 9293 section 3.10.7, with the defences of RFC 5961. */
export class SegmentArrival {
  readonly #parts: ConnectionParts;
  /** ACKs of the present period to what was not acceptable. */
  #answersSince_us = 0;
  #answersSent = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** Takes a segment of this connection; the reason when it ended here without effect. */
  take(segment: InSegment): DropReason | undefined {
    const { state, held } = this.#parts.core.decision;
    if (state === 'CLOSED' || state === 'LISTEN') return 'no-connection';
    if (state === 'SYN-SENT') return this.#answerArrived(segment);
    if (held) return this.#whileHeld(segment);
    return this.#synchronized(segment);
  }

  #answerArrived(segment: InSegment): DropReason | undefined {
    switch (this.#parts.handshake.judgeAnswer(segment)) {
      case 'stray':
        return this.#refuseStray(segment);
      case 'reset':
        this.#send({ type: 'rst.accepted' });
        return undefined;
      case 'syn':
        this.#parts.handshake.agree(segment);
        this.#send({ type: 'segment.syn' });
        return undefined;
      case 'syn-ack':
        this.#parts.handshake.agree(segment);
        this.#parts.sender.acknowledge(segment, this.#rtt_us(segment));
        this.#send({ type: 'segment.syn-ack' });
        this.#parts.receiver.takeEarly();
        return undefined;
      case 'absorbed':
        return 'out-of-window';
    }
  }

  #whileHeld(segment: InSegment): DropReason | undefined {
    switch (this.#parts.handshake.judgeHeld(segment)) {
      case 'stray':
        return this.#refuseStray(segment);
      case 'reset':
        this.#send({ type: 'rst.accepted' });
        return undefined;
      case 'syn':
        this.#parts.handshake.agree(segment);
        return undefined;
      default:
        return 'out-of-window';
    }
  }

  #refuseStray(segment: InSegment): DropReason {
    const answer = resetFor(segment);
    if (answer !== undefined) this.#parts.core.host.transmit(answer);
    return 'no-connection';
  }

  #synchronized(segment: InSegment): DropReason | undefined {
    const { flags } = segment;
    const isReset = (flags & Flag.RST) !== 0;
    if (this.#isSameSyn(segment)) {
      this.#learnRoute(segment);
      this.#parts.sender.sendSyn();
      return undefined;
    }
    if (this.#isCrossedSyn(segment)) {
      this.#acknowledged(segment);
      return undefined;
    }
    if (
      this.#parts.timestamps.on &&
      !isReset &&
      !this.#parts.timestamps.accepts(segment, this.#parts.core.host.now_us())
    )
      return this.#unstamped(segment);
    if (isReset) return this.#resetArrived(segment);
    if (!this.#parts.receiver.acceptable(segment)) return this.#unacceptable(segment);
    if ((flags & Flag.SYN) !== 0) return this.#strangeSyn();
    if ((flags & Flag.ACK) === 0) return 'out-of-window';
    const refused = this.#acknowledged(segment);
    if (refused !== undefined) return refused;
    this.#learnRoute(segment);
    this.#parts.timestamps.update(segment, this.#parts.receiver.n.lastAck, this.#parts.core.host.now_us());
    if (!this.#parts.core.decision.receives) return undefined;
    if (this.#parts.handshake.ecn?.arrived(segment)) this.#marked();
    const urgent = this.#parts.urgent.arrived(segment, this.#parts.receiver.n.nxt, this.#parts.receiver.consumedTo);
    if (urgent > 0) this.#parts.core.tell({ kind: 'urgent', bytes: urgent });
    this.#parts.receiver.take(segment);
    if (this.#parts.receiver.finished) this.#send({ type: 'fin.received' });
    return undefined;
  }

  /** A later route replaces an earlier one (SHLD-24), where everything fits as it must for data: a blind guess turns nobody aside. */
  #learnRoute({ route }: InSegment): void {
    if (route !== undefined && this.#parts.handshake.passive)
      this.#parts.sender.headersGrew(learnRoute(this.#parts.core, route));
  }

  /** An old timestamp is told the true numbers; where it is missing there is silence (RFC 7323 sections 3.2 and 5.3), but for a SYN. */
  #unstamped(segment: InSegment): DropReason {
    const isStamped = segment.options.timestamps !== undefined;
    if (isStamped && this.#isOvertaken(segment)) return this.#overtaken();
    if (isStamped || (segment.flags & Flag.SYN) !== 0) this.#challenge();
    return 'old-timestamp';
  }

  /** A bare ACK that tells nothing any more, because the network let later segments pass it. */
  #isOvertaken(segment: InSegment): boolean {
    const isPlaced = segment.seq === this.#parts.receiver.n.nxt || this.#parts.receiver.isLate(segment);
    return isBareAck(segment) && isPlaced && seqLe(segment.ack, this.#parts.sender.n.una);
  }

  /**
   * It is answered, as all that is not acceptable, so that an end that lives in the past finds out (RFC 7323 section 5.3, R1): once in
   * a period, for on a line that reorders there may be thousands, and challenges need the room.
   */
  #overtaken(): DropReason {
    this.#parts.stats.overtakenAcks += 1;
    if (this.#answersLeft() === CHALLENGES_PER_PERIOD) this.#answer();
    return 'old-ack';
  }

  /** Our SYN+ACK was lost: the SYN comes again. */
  #isSameSyn({ flags, seq }: InSegment): boolean {
    const isSyn = (flags & (Flag.SYN | Flag.ACK | Flag.RST)) === Flag.SYN;
    return isSyn && this.#parts.core.decision.state === 'SYN-RECEIVED' && seq === this.#parts.receiver.n.irs;
  }

  /** Both ends have opened at once, and this is the other one's answer to our SYN (RFC 9293 figure 8, line 7). */
  #isCrossedSyn({ flags, seq, ack }: InSegment): boolean {
    const isSynAck = (flags & (Flag.SYN | Flag.ACK | Flag.RST)) === (Flag.SYN | Flag.ACK);
    const { nxt } = this.#parts.sender.n;
    return (
      isSynAck &&
      this.#parts.core.decision.state === 'SYN-RECEIVED' &&
      seq === this.#parts.receiver.n.irs &&
      ack === nxt
    );
  }

  /** A SYN in the window: whoever was about to connect begins anew (section 3.10.7.4, fourth step); elsewhere it is a guess (RFC 5961). */
  #strangeSyn(): DropReason {
    const isOpening = this.#parts.core.decision.state === 'SYN-RECEIVED' && this.#parts.handshake.passive;
    if (!isOpening) return this.#challenge();
    this.#send({ type: 'syn.again' });
    return 'out-of-window';
  }

  #unacceptable(segment: InSegment): DropReason | undefined {
    const { flags, payload } = segment;
    const isFin = (flags & Flag.FIN) !== 0;
    if (isFin && this.#parts.core.decision.state === 'TIME-WAIT') {
      this.#send({ type: 'fin.repeated' });
      return undefined;
    }
    if (isProbe(segment, this.#parts.receiver.n.nxt)) return this.#probed(segment);
    if (this.#isOvertaken(segment)) return this.#overtaken();
    // What carries something is a retransmission whose ACK was lost; bare ACKs could answer each other for ever.
    if ((payload.length > 0 || isFin) && (flags & Flag.SYN) === 0) this.#parts.receiver.repeated(segment);
    else this.#challenge();
    this.#lateAcknowledgment(segment);
    return 'out-of-window';
  }

  /** The other side asks whether we are there, or whether our window is still shut. */
  #probed(segment: InSegment): DropReason | undefined {
    const hasText = segment.payload.length > 0;
    if (hasText) this.#parts.receiver.repeated(segment);
    const isAnswered = hasText || this.#answer();
    if (isAnswered) this.#parts.stats.probesAnswered += 1;
    this.#lateAcknowledgment(segment);
    return isAnswered ? undefined : 'out-of-window';
  }

  /**
   * Text that has arrived before may still bring an ACK that has not: two ends that probe each other's shut window at the same time
   * know of each other's answers only by segments that lie just before the window. Without them neither would ever go on.
   */
  #lateAcknowledgment(segment: InSegment): void {
    const { una, nxt } = this.#parts.sender.n;
    const isPlain =
      (segment.flags & (Flag.ACK | Flag.SYN)) === Flag.ACK && this.#parts.core.decision.state !== 'SYN-RECEIVED';
    const isNews = seqGt(segment.ack, una) && seqLe(segment.ack, nxt);
    if (isPlain && isNews && this.#parts.receiver.isLate(segment)) this.#acknowledged(segment);
  }

  /** The network has marked it: the sender is to hear of that without delay. */
  #marked(): void {
    this.#parts.stats.marksSeen += 1;
    this.#parts.receiver.ackNow = true;
  }

  /** RFC 5961 section 3.2: only the very number that is expected resets. Text that a RST may carry does not make it fit. */
  #resetArrived({ seq }: InSegment): DropReason | undefined {
    const { nxt } = this.#parts.receiver.n;
    if (seq === nxt) {
      this.#send({ type: 'rst.accepted' });
      return undefined;
    }
    return seqIn(seq, nxt, this.#parts.receiver.window) ? this.#challenge() : 'out-of-window';
  }

  #acknowledged(segment: InSegment): DropReason | undefined {
    const { n } = this.#parts.sender;
    if (this.#parts.core.decision.state === 'SYN-RECEIVED') {
      if (segment.ack !== n.nxt) return this.#refuseStray(segment);
      this.#send({ type: 'ack.of-syn' });
      this.#parts.receiver.takeEarly();
    }
    // RFC 5961 section 5.2: an ACK of what was never sent, or far in the past, is somebody's guess.
    if (seqGt(segment.ack, n.nxt) || seqLt(segment.ack, seqAdd(n.una, -n.maxWnd))) {
      return this.#challenge();
    }
    if (seqLt(segment.ack, n.una)) return undefined;
    this.#parts.sender.acknowledge(segment, this.#rtt_us(segment));
    if (this.#parts.handshake.ecn?.isTold(segment)) this.#parts.sender.recovery.marked();
    if (this.#parts.core.decision.finishes && this.#parts.sender.finAcknowledged) this.#send({ type: 'ack.of-fin' });
    return undefined;
  }

  /** Round trip by timestamps; 0 for none. */
  #rtt_us(segment: InSegment): number {
    return this.#parts.timestamps.on ? this.#parts.timestamps.rtt_us(segment, this.#parts.core.host.now_us()) : 0;
  }

  /** An ACK to what may be somebody's guess (RFC 5961). */
  #challenge(): DropReason {
    if (this.#answer()) this.#parts.stats.challenges += 1;
    return 'challenged';
  }

  /** An ACK that tells the true numbers; false when there were as many in this period as may be (RFC 5961 section 7). */
  #answer(): boolean {
    if (this.#answersLeft() === 0) return false;
    this.#answersSent += 1;
    this.#parts.receiver.ackNow = true;
    return true;
  }

  /** Of the present period; without such a limit two ends with wrong numbers would answer each other for ever. */
  #answersLeft(): number {
    const now_us = this.#parts.core.host.now_us();
    if (now_us - this.#answersSince_us >= CHALLENGE_PERIOD_US) {
      this.#answersSince_us = now_us;
      this.#answersSent = 0;
    }
    return Math.max(0, CHALLENGES_PER_PERIOD - this.#answersSent);
  }

  #send(event: TcpEvent): void {
    this.#parts.machine.send(event);
  }

  save(): readonly [number, number] {
    return [this.#answersSince_us, this.#answersSent];
  }

  restore(saved: readonly [number, number]): void {
    [this.#answersSince_us, this.#answersSent] = saved;
  }
}
