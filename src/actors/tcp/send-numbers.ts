import { seqAdd, seqDiff } from '../../wire/seq.ts';
import type { Episode } from './congestion/congestion.ts';

/** Marks a number that does not exist; sequence numbers are never negative. */
export const NONE = -1;

/** Numbers of the sending half (RFC 9293 section 3.3.1), plain so that they are saved at once. */
export interface SendNumbers {
  iss: number;
  una: number;
  nxt: number;
  /** SND.WND in bytes, and the numbers of the segment that told it. */
  wnd: number;
  wl1: number;
  wl2: number;
  /** Largest window ever offered. */
  maxWnd: number;
  /** The other side's window scale. */
  scale: number;
  /** Payload of a full segment, TCP options taken off. */
  mss: number;
  /** Number of a probe of a larger size that is under way. */
  mtuProbe: number;
  sack: boolean;
  /** Number of the first byte in the queue. */
  queueSeq: number;
  /** Number of our FIN, once sent. */
  fin: number;
  /** Recovery lasts until this is acknowledged; NONE outside of one. */
  recover: number;
  /** What the window is reduced for until then. */
  episode: Episode;
  /** Without SACK: duplicate ACKs of this number are of segments that the last recovery repeated (RFC 6582 section 3.2 step 1). */
  settled: number;
  /** Forward RTO recovery: the timeout may have been for nothing (RFC 5682). */
  forward: boolean;
  /** New segments that go before lost ones, to find that out. */
  forwardSegments: number;
  /** One lost segment goes out whatever the congestion window says. */
  urgent: boolean;
  duplicateAcks: number;
  /** Segments that duplicate ACKs tell to have arrived, without SACK. */
  arrivedBehind: number;
  /** Transmissions in a row that the retransmission timer and the window probe timer made without an answer. */
  retries: number;
  probes: number;
  /** Probes of a window since it was shut, answered or not: each waits twice as long as the one before. */
  shutProbes: number;
  /** Tail loss probe under way: SND.NXT when it was sent, and whether it repeated a segment. */
  tailProbe: number;
  tailProbeRepeats: boolean;
  lastSent_us: number;
  /** The congestion window was what stopped the last burst. */
  cwndLimited: boolean;
  /** The window was reduced, and the other side was not told (CWR of RFC 3168). */
  reduced: boolean;
  /** The rate was what stopped it. */
  paced: boolean;
  toldFull: boolean;
}

/** Those of a connection that has sent nothing; `mss`: what our own side takes. */
export function newSendNumbers(mss: number): SendNumbers {
  return {
    iss: 0,
    una: 0,
    nxt: 0,
    wnd: 0,
    wl1: 0,
    wl2: 0,
    maxWnd: 0,
    scale: 0,
    mss,
    mtuProbe: NONE,
    sack: false,
    queueSeq: 0,
    fin: NONE,
    recover: NONE,
    episode: 'open',
    settled: NONE,
    forward: false,
    forwardSegments: 0,
    urgent: false,
    duplicateAcks: 0,
    arrivedBehind: 0,
    retries: 0,
    probes: 0,
    shutProbes: 0,
    tailProbe: NONE,
    tailProbeRepeats: false,
    lastSent_us: 0,
    cwndLimited: false,
    reduced: false,
    paced: false,
    toldFull: false,
  };
}

/**
 * Number of a segment without text: SND.NXT, or the end of the window where that has more behind it (a probe is under way, or the other
 * side has taken its window back). What lies behind its window the other side would not take, and our ACK with it.
 */
export function bareSeq({ iss, una, nxt, wnd, scale }: SendNumbers): number {
  const end = seqAdd(una, wnd);
  return una !== iss && seqDiff(nxt, end) >= 2 ** scale ? end : nxt;
}
