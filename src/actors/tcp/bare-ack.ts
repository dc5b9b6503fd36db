import { seqAdd } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { InSegment } from './segment.ts';

const DECIDING = Flag.SYN | Flag.FIN | Flag.RST | Flag.ACK;

/** Whether it is an ACK and nothing else. */
export function isBareAck({ flags, payload }: InSegment): boolean {
  return payload.length === 0 && (flags & DECIDING) === Flag.ACK;
}

/**
 * Whether it is a probe of the other side, where `nxt` is RCV.NXT: one number before, and nothing new (RFC 9293 section 3.8.4, where
 * old ends send a byte along). Linux asks by the same for a window that is shut.
 */
export function isProbe({ flags, seq, payload }: InSegment, nxt: number): boolean {
  return (flags & DECIDING) === Flag.ACK && payload.length <= 1 && seqAdd(seq, 1) === nxt;
}
