/**
 * What RFC 9293 section 3.10.7 and RFC 5961 say that a segment does, written from their text and from nothing else: it imports no code
 * of ours. Where our TCP does something else on purpose, the rule's name begins with DEVIATION and says which text allows or advises it.
 */
import { textAndFin } from './tcp-oracle-text.ts';
import {
  ACK,
  type Arriving,
  acknowledged,
  add,
  type Expected,
  ended,
  FIN,
  from,
  RST,
  refused,
  SYN,
  stays,
  type Tcb,
  telling,
} from './tcp-oracle-words.ts';

/** The whole of section 3.10.7 for a connection that is there. */
export function expected(tcb: Tcb, segment: Arriving): Expected {
  if (tcb.state === 'SYN-SENT') return inSynSent(tcb, segment);
  if (isNewer(tcb, segment))
    return {
      ...stays(tcb, 'MAY-2: a newer SYN ends TIME-WAIT and opens a new connection (RFC 6191)'),
      state: 'CLOSED',
    };
  const crossing = crossedSyns(tcb, segment);
  if (crossing !== undefined) return crossing;
  const unstamped = protectedAgainstWrap(tcb, segment);
  if (unstamped !== undefined) return unstamped;
  const unacceptable = firstCheckNumber(tcb, segment);
  if (unacceptable !== undefined) return unacceptable;
  const changed = secondCheckReset(tcb, segment) ?? fourthCheckSyn(tcb, segment);
  if (changed !== undefined) return changed;
  return fifthCheckAck(tcb, segment);
}

/** In TIME-WAIT a SYN whose number is beyond all of the old connection (RFC 9293 section 3.6.1, MAY-2). */
function isNewer({ state, rcvNxt }: Tcb, { flags, seq, stamp }: Arriving): boolean {
  // RFC 6191 section 2: by the timestamps where both have them.
  if (stamp === 'old') return false;
  return state === 'TIME-WAIT' && (flags & (SYN | ACK | RST)) === SYN && from(seq, rcvNxt) > 0;
}

/** Section 3.10.7.3. */
function inSynSent(tcb: Tcb, { flags, seq, ack, length }: Arriving): Expected {
  const has = (bit: number): boolean => (flags & bit) !== 0;
  const acceptable = has(ACK) && from(ack, tcb.iss) > 0 && from(ack, tcb.nxt) <= 0;
  if (has(ACK) && !acceptable) {
    if (has(RST)) return stays(tcb, 'RST with an ACK of something never sent is dropped (3.10.7.3 first)');
    return refused(tcb, 'an ACK of something never sent gets RST (3.10.7.3 first)', ack);
  }
  if (has(RST))
    return acceptable
      ? ended(tcb, 'RST that acknowledges the SYN refuses (3.10.7.3 second)', 'refused')
      : stays(tcb, 'RST without ACK is dropped (3.10.7.3 second)');
  if (!has(SYN)) return stays(tcb, 'neither SYN nor RST is dropped (3.10.7.3 fifth)');
  const rcvNxt = add(seq, 1);
  if (acceptable) {
    const end = add(rcvNxt, length);
    return {
      rule: 'SYN+ACK opens, its text is taken (3.10.7.3 fourth); DEVIATION: a FIN on it is left to come again',
      answer: { flags: ACK, seq: tcb.nxt, ack: end },
      state: 'ESTABLISHED',
      delivered: length,
      una: ack,
      rcvNxt: end,
      told: ['connected'],
    };
  }
  return {
    rule: 'MUST-10: SYN crosses ours, SYN+ACK answers (3.10.7.3 fourth)',
    answer: { flags: SYN | ACK, seq: tcb.iss, ack: rcvNxt },
    state: 'SYN-RECEIVED',
    delivered: 0,
    una: tcb.una,
    rcvNxt,
    told: [],
  };
}

/** Before the check of numbers, which would find the SYN to lie left of the window. */
function crossedSyns(tcb: Tcb, { flags, seq, ack }: Arriving): Expected | undefined {
  if (tcb.state !== 'SYN-RECEIVED' || seq !== tcb.irs || (flags & SYN) === 0 || (flags & RST) !== 0) return undefined;
  if ((flags & ACK) === 0)
    return {
      ...stays(
        tcb,
        'DEVIATION: the same SYN again gets the SYN+ACK again, not an ACK (RFC 5961 section 4.2 has no case for it)',
      ),
      answer: { flags: SYN | ACK, seq: tcb.iss, ack: tcb.rcvNxt },
    };
  if (ack !== tcb.nxt) return undefined;
  return {
    ...stays(tcb, 'SYN+ACK of a simultaneous open acknowledges ours (figure 8, line 7)'),
    state: 'ESTABLISHED',
    una: ack,
    told: ['connected'],
  };
}

/** RFC 7323 section 5.3 R1 and section 3.2, before the check of numbers. */
function protectedAgainstWrap(tcb: Tcb, { flags, stamp = 'fresh' }: Arriving): Expected | undefined {
  if (stamp === 'fresh' || (flags & RST) !== 0) return undefined;
  if (stamp === 'old') return acknowledged(tcb, 'PAWS: an old timestamp gets an ACK (RFC 7323 section 5.3 R1)');
  if ((flags & SYN) !== 0)
    return acknowledged(tcb, 'SYN gets a challenge ACK, whatever its number (RFC 5961 section 4.2)');
  return stays(tcb, 'a missing timestamp is dropped in silence (RFC 7323 section 3.2)');
}

/** Section 3.10.7.4, first. */
function firstCheckNumber(tcb: Tcb, segment: Arriving): Expected | undefined {
  const { flags, seq, length } = segment;
  const space = length + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  const inWindow = (number: number): boolean => (number - tcb.rcvNxt) >>> 0 < tcb.rcvWnd;
  // RFC 5961 section 3.2 judges RST by its number alone.
  if ((flags & RST) !== 0) {
    const fits = inWindow(seq) || seq === tcb.rcvNxt;
    return fits ? undefined : stays(tcb, 'RST outside of the window is dropped (RFC 5961 section 3.2 case 1)');
  }
  if (tcb.rcvWnd === 0) {
    if (seq === tcb.rcvNxt && (space === 0 || length > 0)) return undefined; // MUST-66, see the text's handling
    if (seq === tcb.rcvNxt && (flags & SYN) === 0) return undefined; // a bare FIN
  } else if (
    space === 0 ? inWindow(seq) || seq === add(tcb.rcvNxt, tcb.rcvWnd) : inWindow(seq) || inWindow(add(seq, space - 1))
  )
    return undefined;
  if ((flags & SYN) !== 0)
    return acknowledged(tcb, 'SYN gets a challenge ACK, whatever its number (RFC 5961 section 4.2)');
  if (tcb.state === 'TIME-WAIT' && (flags & FIN) !== 0)
    return acknowledged(tcb, 'MUST-13: a FIN that comes again is acknowledged (3.10.7.4 eighth)');
  const late = lateAck(tcb, segment);
  if (late !== undefined) return late;
  return acknowledged(tcb, 'a segment outside of the window gets an ACK (3.10.7.4 first)');
}

/**
 * Only for a shut window does section 3.10.7.4 speak of valid ACKs of unacceptable segments. Two ends that probe each other at once need
 * it for what lies just before the window, too; draft-gont-tcpm-tcp-seq-validation has the case.
 */
function lateAck(tcb: Tcb, { flags, seq, ack }: Arriving): Expected | undefined {
  const behind = from(seq, tcb.rcvNxt);
  const isLate = behind < 0 && behind >= -tcb.rcvBuffer && tcb.state !== 'SYN-RECEIVED';
  const isNews = (flags & ACK) !== 0 && from(ack, tcb.una) > 0 && from(ack, tcb.nxt) <= 0;
  if (!isLate || !isNews) return undefined;
  const rule = 'DEVIATION: an ACK of something new counts with text that has arrived before (3.10.7.4 first)';
  const done = { ...acknowledged(tcb, rule), una: ack };
  if (tcb.finEnd === undefined || from(ack, tcb.finEnd) < 0) return done;
  if (tcb.state === 'FIN-WAIT-1') return { ...done, state: 'FIN-WAIT-2' };
  const told = ['closed normal'];
  if (tcb.state === 'CLOSING') return { ...done, state: 'TIME-WAIT', told };
  return { ...stays(tcb, rule), una: ack, state: 'CLOSED', told };
}

/** Section 3.10.7.4, second, with RFC 5961 section 3.2. */
function secondCheckReset(tcb: Tcb, { flags, seq }: Arriving): Expected | undefined {
  if ((flags & RST) === 0) return undefined;
  if (seq !== tcb.rcvNxt)
    return acknowledged(tcb, 'RST in the window but not at RCV.NXT gets a challenge ACK (RFC 5961 section 3.2 case 3)');
  const reason = tcb.state === 'SYN-RECEIVED' ? 'refused' : 'reset';
  return ended(tcb, 'RST at RCV.NXT ends the connection (RFC 5961 section 3.2 case 2)', reason);
}

/** Section 3.10.7.4, fourth. */
function fourthCheckSyn(tcb: Tcb, { flags }: Arriving): Expected | undefined {
  if ((flags & SYN) === 0) return undefined;
  if (tcb.state === 'SYN-RECEIVED' && tcb.passive)
    return ended(tcb, 'SYN in the window goes back to LISTEN (3.10.7.4 fourth)', 'refused');
  return acknowledged(tcb, 'SYN gets a challenge ACK, whatever its number (RFC 5961 section 4.2)');
}

/** Section 3.10.7.4, fifth, with RFC 5961 section 5.2; then text and FIN. */
function fifthCheckAck(tcb: Tcb, segment: Arriving): Expected {
  const { flags, ack } = segment;
  if ((flags & ACK) === 0) return stays(tcb, 'a segment without ACK is dropped (3.10.7.4 fifth)');
  if (tcb.state === 'SYN-RECEIVED') {
    const fits = from(ack, tcb.una) > 0 && from(ack, tcb.nxt) <= 0;
    if (!fits) return refused(tcb, 'an ACK that does not acknowledge the SYN gets RST (3.10.7.4 fifth)', ack);
    const open = { ...tcb, state: 'ESTABLISHED', una: ack };
    return telling('connected', textAndFin(open, segment, 'ACK of our SYN establishes (3.10.7.4 fifth)'));
  }
  if (from(ack, tcb.nxt) > 0) return acknowledged(tcb, 'an ACK of something never sent gets an ACK (3.10.7.4 fifth)');
  if (from(ack, tcb.una) < -tcb.maxWnd)
    return acknowledged(tcb, 'an ACK of the far past gets an ACK (RFC 5961 section 5.2)');
  if (from(ack, tcb.una) <= 0) return textAndFin(tcb, segment, from(ack, tcb.una) === 0 ? 'duplicate ACK' : 'old ACK');
  const finAcknowledged = tcb.finEnd !== undefined && from(ack, tcb.finEnd) >= 0;
  const moved = { ...tcb, una: ack };
  if (!finAcknowledged) return textAndFin(moved, segment, 'new ACK');
  switch (tcb.state) {
    case 'FIN-WAIT-1':
      return textAndFin({ ...moved, state: 'FIN-WAIT-2' }, segment, 'ACK of our FIN');
    case 'CLOSING':
      return telling('closed normal', textAndFin({ ...moved, state: 'TIME-WAIT' }, segment, 'ACK of our FIN'));
    case 'LAST-ACK':
      return {
        ...stays(moved, 'ACK of our FIN ends LAST-ACK (3.10.7.4 fifth)'),
        state: 'CLOSED',
        told: ['closed normal'],
      };
    default:
      throw new Error(`our FIN cannot be under way in ${tcb.state}`);
  }
}

/** What there is no connection for: sections 3.10.7.1 and 3.10.7.2. `iss` is what a new connection begins with. */
export function expectedWithout(listens: boolean, iss: number, { flags, seq, ack, length }: Arriving): Expected {
  const has = (bit: number): boolean => (flags & bit) !== 0;
  const state = listens ? 'LISTEN' : 'CLOSED';
  const dropped = { state, delivered: 0, una: 0, rcvNxt: 0, told: [] };
  if (has(RST)) return { ...dropped, rule: 'RST is dropped (3.10.7.1, 3.10.7.2 first)' };
  if (has(ACK)) {
    const answer = { flags: RST, seq: ack, ack: 0 };
    return { ...dropped, rule: 'a segment with ACK gets RST with its number (3.10.7.1, 3.10.7.2 second)', answer };
  }
  if (!listens) {
    const end = add(seq, length + (has(SYN) ? 1 : 0) + (has(FIN) ? 1 : 0));
    const answer = { flags: RST | ACK, seq: 0, ack: end };
    return { ...dropped, rule: 'a segment without ACK gets RST that acknowledges it (3.10.7.1)', answer };
  }
  if (!has(SYN)) return { ...dropped, rule: 'neither RST, ACK nor SYN is dropped (3.10.7.2 fourth)' };
  const answer = { flags: SYN | ACK, seq: iss, ack: add(seq, 1) };
  return { ...dropped, rule: 'SYN is answered by SYN+ACK (3.10.7.2 third)', state: 'SYN-RECEIVED', answer };
}
