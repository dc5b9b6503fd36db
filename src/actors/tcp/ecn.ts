import { seqAdd, seqGe } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { InSegment } from './segment.ts';
import type { Sender } from './send.ts';
import { NONE } from './send-numbers.ts';

/** Explicit congestion notification: ask for it, take it where the other side asks (the default, as in Linux), or neither. */
export const ECN_CHOICES = ['on', 'accept', 'off'] as const;
export type EcnChoice = (typeof ECN_CHOICES)[number];

/** The ECN field of the IP header (RFC 3168 section 5). */
export const EcnField = { NOT_ECT: 0, ECT_1: 1, ECT_0: 2, CE: 3 } as const;

/** Whether both sides have agreed on it; the two parts of the state where they have. */
export type SavedEcn = readonly [boolean, boolean, number];
/** What a connection without it saves. */
export const WITHOUT_ECN: SavedEcn = [false, false, NONE];

const BOTH = Flag.ECE | Flag.CWR;

/**
 * ECN of one connection whose sides have agreed on it (RFC 3168 section 6.1): routers mark packets instead of dropping them, the receiver echoes marks until the
 * sender has said that its window is reduced.
 */
export class Ecn {
  /** A mark has come and is echoed until CWR. */
  #echoes = false;
  /** Number behind the last byte that was sent; NONE before the first. */
  #sentTo = NONE;
  readonly #sender: Sender;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  /** A segment of data goes out: flags to be added, and its ECN field. Repetitions and window probes are never marked (section 6.1.5). */
  dataFlags(seq: number, bytes: number): { flags: number; ecn: number | undefined } {
    const { n, recovery } = this.#sender;
    const isNew = this.#sentTo === NONE || seqGe(seq, this.#sentTo);
    if (isNew) this.#sentTo = seqAdd(seq, bytes);
    const flags = this.#echoes ? Flag.ECE : 0;
    if (!isNew || !recovery.congestion.answersMarks || n.wnd === 0) return { flags, ecn: undefined };
    const tells = n.reduced;
    n.reduced = false;
    return { flags: tells ? flags | Flag.CWR : flags, ecn: EcnField.ECT_0 };
  }

  /** Flags to be added to an ACK without data. */
  ackFlags(): number {
    return this.#echoes ? Flag.ECE : 0;
  }

  /** The other side tells of a mark on something of ours. */
  isTold({ flags }: InSegment): boolean {
    return (flags & (Flag.ECE | Flag.SYN)) === Flag.ECE;
  }

  /** Data has arrived; true when it was marked, so that the sender is to hear of it at once. */
  arrived({ flags, ecn, payload }: InSegment): boolean {
    if (payload.length === 0) return false;
    if ((flags & Flag.CWR) !== 0) this.#echoes = false;
    if (ecn !== EcnField.CE) return false;
    this.#echoes = true;
    return true;
  }

  save(): SavedEcn {
    return [true, this.#echoes, this.#sentTo];
  }

  restore(saved: SavedEcn): void {
    [, this.#echoes, this.#sentTo] = saved;
  }
}

/** Whether the other side's SYN or SYN+ACK makes it agreed. */
export function agreesOnEcn({ flags }: InSegment, choice: EcnChoice = 'accept'): boolean {
  const isAnswer = (flags & Flag.ACK) !== 0;
  if (isAnswer) return choice === 'on' && (flags & BOTH) === Flag.ECE;
  return choice !== 'off' && (flags & BOTH) === BOTH;
}

/** Flags that ask for it in a SYN. A repeated one asks no more: something on the way may have dropped it for that (section 6.1.1.1). */
export function ecnRequest(choice: EcnChoice | undefined, retries: number): number {
  return choice === 'on' && retries === 0 ? BOTH : 0;
}
