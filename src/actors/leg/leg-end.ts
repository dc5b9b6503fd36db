import type { Vault } from '../../engine/crypto/vault.ts';
import type { FourTuple } from '../../engine/f13.ts';
import { buildLeg, LEG_HELLO_UDP_BYTES, LegKind, type LegView, legKindName } from '../../wire/leg.ts';
import { buildReasonBody, parseLegData, parseReasonBody } from '../../wire/leg-body.ts';
import { NO_TOKEN, type Token } from '../../wire/terms.ts';
import type { DropReason } from '../drop-reason.ts';
import { cookieFor } from './cookies.ts';
import type { LegStream } from './leg-stream.ts';

/** One end of a leg, as packets see it that only the other end can have made. */
export interface LegEnd {
  readonly stream: LegStream;
  refused(reason: number): void;
  /** BYE in clear. */
  bye(reason: number): void;
  /** Bytes of the peer's stream, in order. */
  deliver(bytes: Uint8Array): void;
  /** The peer acknowledged stream bytes. */
  acknowledged(): void;
  answerPing(): void;
}

/** Why a leg packet ended. */
export interface LegFault {
  readonly reason: DropReason;
  readonly detail?: string;
}

/** Takes REFUSED, BYE, DATA, ACKNOWLEDGE and PING, whose tokens are right, for an end; what was wrong with it. */
export function takeLegPacket(bytes: Uint8Array, leg: LegView, end: LegEnd): LegFault | undefined {
  switch (leg.kind) {
    case LegKind.ACKNOWLEDGE:
      end.acknowledged();
      return undefined;
    case LegKind.PING:
      end.answerPing();
      return undefined;
    case LegKind.DATA: {
      const read = parseLegData(bytes, leg.bodyOffset, leg.end);
      return read.ok ? takeStreamBytes(leg.sequence, read, end) : { reason: 'malformed', detail: read.reason };
    }
    case LegKind.BYE:
    case LegKind.REFUSED: {
      const read = parseReasonBody(bytes, leg.bodyOffset, leg.end);
      if (!read.ok) return { reason: 'malformed', detail: read.reason };
      if (leg.kind === LegKind.BYE) end.bye(read.reason);
      else end.refused(read.reason);
      return undefined;
    }
    default:
      return { reason: 'unknown-kind', detail: legKindName(leg.kind) };
  }
}

/** Bytes of the peer's stream that begin at `sequence`. */
export function takeStreamBytes(
  sequence: number,
  { bytes, fin }: { readonly bytes: Uint8Array; readonly fin: boolean },
  end: LegEnd,
): LegFault | undefined {
  const delivered = end.stream.received(sequence, bytes, fin);
  if (delivered === undefined) return { reason: 'leg-window' };
  end.deliver(delivered);
  return undefined;
}

/** A HELLO over UDP that may be answered: whoever sent it has paid for the answer with its padding. */
export function isWholeUdpHello(leg: LegView): boolean {
  return leg.end - leg.offset >= LEG_HELLO_UDP_BYTES;
}

/** The answer to a HELLO over UDP from `tuple.remote`: shorter than it, and nothing is kept. */
export function udpCookie(vault: Vault, tuple: FourTuple, senderToken: Token, now_us: number): Uint8Array {
  const cookie = cookieFor(vault, tuple, 'udp', now_us);
  return buildLeg({ kind: LegKind.COOKIE, receiverToken: senderToken, sequence: 0, acknowledgement: 0 }, cookie);
}

/** REFUSED from nobody, for a request that makes no session. */
export function statelessRefusal(receiverToken: Token, reason: number): Uint8Array {
  return buildLeg({ kind: LegKind.REFUSED, receiverToken, sequence: 0, acknowledgement: 0 }, buildReasonBody(reason));
}

/**
 * Whether a packet carries the tokens of both ends. The far end's own is introduced by its first packet, of a kind that `introduces`.
 */
export function tokensRight(
  leg: LegView,
  { ownToken, peerToken }: { readonly ownToken: Token; readonly peerToken: Token },
  introduces: (kind: number) => boolean,
): boolean {
  if (leg.receiverToken !== ownToken) return false;
  return leg.senderToken === peerToken || (peerToken === NO_TOKEN && introduces(leg.kind));
}
