import {
  ACK,
  type Arriving,
  acknowledged,
  add,
  type Expected,
  FIN,
  from,
  stays,
  type Tcb,
} from './tcp-oracle-words.ts';

/** Section 3.10.7.4, seventh and eighth. `before` is what the ACK field was. */
export function textAndFin(tcb: Tcb, { flags, seq, length }: Arriving, before: string): Expected {
  const hasFin = (flags & FIN) !== 0;
  const done = stays(tcb, before);
  if (!['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2'].includes(tcb.state)) {
    if (length === 0 && !hasFin) return done;
    return { ...done, rule: `${before}, text and FIN behind the FIN are ignored (3.10.7.4 seventh)` };
  }
  if (length === 0 && !hasFin)
    return seq === tcb.rcvNxt
      ? done
      : { ...done, rule: `DEVIATION: ${before} ahead of RCV.NXT counts at once and is not held (SHLD-31)` };
  return textOf(tcb, { seq, length, hasFin }, before);
}

function textOf(
  tcb: Tcb,
  { seq, length, hasFin }: { seq: number; length: number; hasFin: boolean },
  before: string,
): Expected {
  const start = from(seq, tcb.rcvNxt);
  if (start > 0) return acknowledged(tcb, `${before}, SHLD-31: text or FIN ahead is held, and an ACK tells of the gap`);
  const end = start + length;
  const delivered = Math.max(0, Math.min(end, tcb.rcvWnd));
  // The FIN is next when all the text before it fits; it needs no room itself.
  const finIsNext = hasFin && end >= 0 && end <= tcb.rcvWnd;
  const rcvNxt = add(tcb.rcvNxt, delivered + (finIsNext ? 1 : 0));
  const answer = { flags: ACK, seq: tcb.nxt, ack: rcvNxt };
  const cut = end > tcb.rcvWnd ? ' up to the edge of the window' : '';
  const edge = finIsNext && end === tcb.rcvWnd ? 'DEVIATION: a FIN needs no room in the window (as Linux): ' : '';
  if (!finIsNext)
    return {
      ...stays(tcb, `${before}, text is taken${cut} and acknowledged (3.10.7.4 seventh)`),
      delivered,
      rcvNxt,
      answer,
    };
  const [state, told] = afterFin(tcb);
  const rule = `${edge}${before}, FIN moves to ${state} and is acknowledged (3.10.7.4 eighth)`;
  return { ...stays(tcb, rule), state, delivered, rcvNxt, answer, told };
}

function afterFin({ state }: Tcb): [string, string[]] {
  if (state === 'ESTABLISHED') return ['CLOSE-WAIT', ['remote-closed']];
  if (state === 'FIN-WAIT-1') return ['CLOSING', ['remote-closed']];
  return ['TIME-WAIT', ['remote-closed', 'closed normal']];
}
