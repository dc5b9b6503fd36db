import { seqAdd, seqGt, seqLt, seqMax } from '../../wire/seq.ts';
import { Flag, type SackBlock, segmentLength, type TcpOptions, type TcpView } from '../../wire/tcp.ts';

/** An acknowledgement may lie this far behind at least (Linux, MAXACKWINCONST). */
const ACK_WINDOW_BYTES = 66_000;
/** Largest window scale (RFC 7323 section 2.3). */
const SCALE_MAX = 14;

/** What is known of one end, named as in Linux's nf_conntrack_proto_tcp.c. */
interface End {
  /** End of the highest byte sent. */
  end: number;
  /** Highest end that the other side's window allows. */
  maxEnd: number;
  /** Largest window that this end offered; 0: nothing was seen of it. */
  maxWin: number;
  /** Highest acknowledgement sent; undefined: none yet. */
  maxAck: number | undefined;
  scale: number | undefined;
  sackPermitted: boolean;
}

/** Sequence and window numbers of both ends of a connection; [original, reply]. Plain data. */
export type TcpWindow = [End, End];

const UNSEEN: End = { end: 0, maxEnd: 0, maxWin: 0, maxAck: undefined, scale: undefined, sackPermitted: false };

/** The numbers after the SYN that opened a connection. */
export function openedBy(tcp: TcpView): TcpWindow {
  const original = { ...UNSEEN };
  startEnd(original, tcp);
  return [original, { ...UNSEEN }];
}

/**
 * Judges a segment as Linux's connection tracking does and takes its numbers over when it is inside both windows. False: the segment
 * belongs to no sane continuation of the connection. `sender` is 0 for the end that opened it.
 */
export function inWindow(window: TcpWindow, sender: 0 | 1, tcp: TcpView, isOpening: boolean): boolean {
  const from = window[sender];
  const to = window[1 - sender] as End;
  const isSyn = (tcp.flags & Flag.SYN) !== 0;
  const hasAck = (tcp.flags & Flag.ACK) !== 0;
  const length = segmentLength(tcp.flags, tcp.end - tcp.headerEnd);
  let { seq } = tcp;
  let end = seqAdd(seq, length);
  if (isSyn && (from.maxWin === 0 || (isOpening && seqGt(end, from.end)))) startEnd(from, tcp);
  if (!isSyn && from.maxWin === 0) {
    from.end = end;
    from.maxWin = Math.max(tcp.window, 1);
    from.maxEnd = seqAdd(end, from.maxWin);
  }
  const isResetToSyn = (tcp.flags & Flag.RST) !== 0 && (!hasAck || tcp.ack === 0);
  const ack = !hasAck || isResetToSyn ? to.end : tcp.ack;
  const sack = to.sackPermitted && hasAck ? highestSack(ack, tcp.options.sacks) : ack;
  if ((tcp.flags & Flag.RST) !== 0 && seq === 0 && isOpening) {
    seq = from.end;
    end = from.end;
  }
  if (!fits(from, to, seq, end, sack)) return false;
  advance(from, to, { end, ack, sack, hasAck, win: isSyn ? tcp.window : tcp.window * 2 ** scaleOf(from, to) });
  return true;
}

/** Whether a RST lies where the other end's acknowledgements are, or beyond: an older one is a blind attack's or late. */
export function resetIsCurrent(window: TcpWindow, sender: 0 | 1, seq: number): boolean {
  const { maxAck } = window[1 - sender] as End;
  return maxAck === undefined || !seqLt(seq, maxAck);
}

function startEnd(end: End, tcp: TcpView): void {
  end.end = seqAdd(tcp.seq, segmentLength(tcp.flags, tcp.end - tcp.headerEnd));
  end.maxEnd = end.end;
  end.maxWin = Math.max(tcp.window, 1);
  end.scale = scaleIn(tcp.options);
  end.sackPermitted = tcp.options.sackPermitted ?? false;
}

function scaleIn(options: TcpOptions): number | undefined {
  return options.windowScale === undefined ? undefined : Math.min(options.windowScale, SCALE_MAX);
}

/** A scale counts only when both ends offered one. */
function scaleOf(from: End, to: End): number {
  return to.scale === undefined ? 0 : (from.scale ?? 0);
}

function fits(from: End, to: End, seq: number, end: number, sack: number): boolean {
  const oldest = seqAdd(to.end, -Math.max(from.maxWin, ACK_WINDOW_BYTES));
  return (
    !seqGt(seq, from.maxEnd) &&
    (to.maxWin === 0 || !seqLt(end, seqAdd(from.end, -to.maxWin))) &&
    !seqGt(sack, to.end) &&
    !seqLt(sack, oldest)
  );
}

interface Numbers {
  readonly end: number;
  readonly ack: number;
  readonly sack: number;
  readonly hasAck: boolean;
  readonly win: number;
}

function advance(from: End, to: End, { end, ack, sack, hasAck, win }: Numbers): void {
  from.maxWin = Math.max(from.maxWin, win + ((sack - ack) >>> 0));
  from.end = seqMax(from.end, end);
  if (hasAck) from.maxAck = from.maxAck === undefined ? ack : seqMax(from.maxAck, ack);
  if (to.maxWin !== 0 && seqGt(end, from.maxEnd)) to.maxWin += (end - from.maxEnd) >>> 0;
  to.maxEnd = seqMax(to.maxEnd, seqAdd(sack, Math.max(win, 1)));
}

function highestSack(ack: number, blocks: readonly SackBlock[] | undefined): number {
  return (blocks ?? []).reduce((highest, { right }) => seqMax(highest, right), ack);
}
