/** Words of the oracle in tcp-oracle.ts: what it looks at, and what it may answer. It imports no code of ours. */

/** Control bits (RFC 9293 section 3.1). */
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

export interface Tcb {
  readonly state: string;
  /** The connection was opened by LISTEN. */
  readonly passive: boolean;
  readonly iss: number;
  readonly una: number;
  readonly nxt: number;
  readonly irs: number;
  readonly rcvNxt: number;
  readonly rcvWnd: number;
  /** The widest that our window ever was. */
  readonly rcvBuffer: number;
  /** MAX.SND.WND of RFC 5961 section 5. */
  readonly maxWnd: number;
  /** Behind our FIN, when it was sent. */
  readonly finEnd: number | undefined;
}

export interface Arriving {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  /** Of its timestamp, where timestamps were agreed on. */
  readonly stamp?: Stamp;
}
export type Stamp = 'fresh' | 'old' | 'missing';

export interface Expected {
  /** The rule that decided, with its text. */
  readonly rule: string;
  /** What is sent in answer, at once. */
  readonly answer?: { readonly flags: number; readonly seq: number; readonly ack: number };
  readonly state: string;
  /** Bytes given to the user. */
  readonly delivered: number;
  readonly una: number;
  readonly rcvNxt: number;
  /** What the user is told, besides data. */
  readonly told: readonly string[];
}

export const add = (seq: number, n: number): number => (seq + n) >>> 0;
/** How far `a` lies behind `b`; sequence space is a circle, half of it lies ahead. */
export const from = (a: number, b: number): number => {
  const ahead = (a - b) >>> 0;
  return ahead < 2 ** 31 ? ahead : ahead - 2 ** 32;
};

export const stays = (tcb: Tcb, rule: string): Expected => ({
  rule,
  state: tcb.state,
  delivered: 0,
  una: tcb.una,
  rcvNxt: tcb.rcvNxt,
  told: [],
});
/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
export const acknowledged = (tcb: Tcb, rule: string): Expected => ({
  ...stays(tcb, rule),
  answer: { flags: ACK, seq: tcb.nxt, ack: tcb.rcvNxt },
});
export const refused = (tcb: Tcb, rule: string, ack: number): Expected => ({
  ...stays(tcb, rule),
  answer: { flags: RST, seq: ack, ack: 0 },
});
export const ended = (tcb: Tcb, rule: string, reason: string): Expected => ({
  ...stays(tcb, rule),
  state: 'CLOSED',
  // In TIME-WAIT the user was told before.
  told: tcb.state === 'TIME-WAIT' ? [] : [`closed ${reason}`],
});

/** The same, and before it the user is told so. */
export const telling = (what: string, then: Expected): Expected => ({ ...then, told: [what, ...then.told] });
