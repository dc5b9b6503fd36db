import type { Vault } from '../../engine/crypto/vault.ts';
import { F13Keeper, type F13Link, type FourTuple } from '../../engine/f13.ts';
import type { Ip4 } from '../../wire/address.ts';
import { buildUdpFrame } from '../../wire/build.ts';
import { u32 } from '../../wire/bytes.ts';
import type { FrameView } from '../../wire/frame.ts';
import { LegKind, type LegView, legKindName, parseLeg } from '../../wire/leg.ts';
import { parseComplete, parseCookie, parseRequest } from '../../wire/leg-body.ts';
import { seqAdd } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import { NO_TOKEN, Reason, type Token } from '../../wire/terms.ts';
import { splitUnits, UNIT_LEG, type Unit } from '../../wire/unit.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import { cookieFor, cookieOfNumber, cookieValid, numberOfCookie } from '../leg/cookies.ts';
import {
  isWholeUdpHello,
  type LegEnd,
  statelessRefusal,
  takeLegPacket,
  tokensRight,
  udpCookie,
} from '../leg/leg-end.ts';
import type { LegSession } from './session.ts';
import type { SessionStart } from './session-host.ts';
import type { Listener } from './settings.ts';

export interface LegPacketsHost {
  readonly vault: Vault;
  now_us(): number;
  sessionOf(tuple: FourTuple): LegSession | undefined;
  listenerFor(address: Ip4, port: number): Listener | undefined;
  toLine(bytes: Uint8Array, parent: Frame): void;
  /** Makes a far session; undefined when there are too many. */
  accept(start: SessionStart): LegSession | undefined;
  drop(reason: DropReason, frame: Frame, detail?: string): void;
  count(name: string): void;
}

const CONNECTION_ID_AT = 4;
const LOCAL_MTU = 1500;

/** One packet of the line with what was read of it. */
interface Arrived {
  readonly frame: Frame;
  readonly parsed: FrameView;
  readonly tuple: FourTuple;
  readonly link: F13Link;
}

/**
 * What block I does with packets of sessions: leg packets by kind and token, F14 units to the local TCP. A stranger's packet costs no
 * state: a HELLO is answered by a cookie computed from its addresses, and only a request that shows the cookie makes a session.
 */
export class LegPackets {
  readonly #host: LegPacketsHost;

  constructor(host: LegPacketsHost) {
    this.#host = host;
  }

  /** A packet with a good checksum for a known or announced session (or one that is over). */
  received(frame: Frame, parsed: FrameView, tuple: FourTuple): void {
    const link = { own: parsed.ethernet.destination, nextHop: parsed.ethernet.source };
    const arrived = { frame, parsed, tuple, link };
    const flags = parsed.tcp?.flags ?? Flag.ACK;
    if ((flags & (Flag.SYN | Flag.RST)) !== 0 && parsed.payloadEnd === parsed.payloadOffset)
      return this.#shape(arrived, flags);
    if ((flags & Flag.SYN) !== 0) return this.#host.drop('malformed', frame, 'SYN with payload');
    const { units, malformed } = splitUnits(frame.bytes, parsed.payloadOffset, parsed.payloadEnd);
    for (const unit of units) this.#unit(arrived, unit);
    if (malformed !== undefined) this.#host.drop('malformed', frame, malformed);
    if (units.length === 0 && malformed === undefined) this.#host.count('emptySegments');
  }

  // ---- packets without payload: only the TCP shape has these ----

  #shape(arrived: Arrived, flags: number): void {
    const session = this.#host.sessionOf(arrived.tuple);
    if ((flags & Flag.RST) !== 0) return this.#reset(arrived, session);
    if ((flags & Flag.ACK) !== 0) return this.#synAck(arrived, session);
    this.#hello(arrived, NO_TOKEN);
  }

  #hello(arrived: Arrived, senderToken: Token): void {
    const { tuple, parsed, frame } = arrived;
    const listener = this.#host.listenerFor(tuple.local, tuple.localPort);
    if (listener === undefined) return this.#host.drop('not-announced', frame, 'HELLO');
    this.#host.count('hellos');
    const { vault } = this.#host;
    const now_us = this.#host.now_us();
    if (parsed.tcp !== undefined) {
      const cookie = cookieFor(vault, tuple, listener.shape, now_us);
      this.#host.toLine(F13Keeper.synAck(tuple, arrived.link, numberOfCookie(cookie), parsed.tcp.seq), frame);
      return;
    }
    const unit = udpCookie(vault, tuple, senderToken, now_us);
    this.#host.toLine(
      buildUdpFrame(
        {
          ethernet: { source: arrived.link.own, destination: arrived.link.nextHop },
          ip: { source: tuple.local, destination: tuple.remote },
          udp: { sourcePort: tuple.localPort, destinationPort: tuple.remotePort },
        },
        unit,
      ),
      frame,
    );
  }

  /** The answer to our HELLO in TCP shape; its number is the cookie. */
  #synAck({ frame, parsed }: Arrived, session: LegSession | undefined): void {
    const tcp = parsed.tcp as NonNullable<FrameView['tcp']>;
    if (session?.decision.awaitsCookie !== true) return this.#host.drop('unknown-kind', frame, 'SYN+ACK');
    if (tcp.ack !== session.line.keeper.numbers.next)
      return this.#host.drop('bad-token', frame, 'SYN+ACK for another SYN');
    session.takeCookie(cookieOfNumber(tcp.seq), seqAdd(tcp.seq, 1));
  }

  /** RST: believed only as the answer to our SYN; later it is a rumour. */
  #reset({ frame, parsed }: Arrived, session: LegSession | undefined): void {
    if (session === undefined) return this.#host.drop('no-session', frame, 'RST');
    const isAnswer = parsed.tcp?.ack === session.line.keeper.numbers.next;
    if (session.decision.awaitsCookie && isAnswer)
      session.event({ type: 'refused.received', reason: Reason.REFUSED_BY_TCP });
    else session.rumour();
  }

  // ---- packets with units ----

  #unit(arrived: Arrived, unit: Unit): void {
    if (unit.type === UNIT_LEG) return this.#leg(arrived, unit);
    const { frame, tuple, parsed } = arrived;
    const session = this.#host.sessionOf(tuple);
    if (session === undefined) return this.#host.drop('no-session', frame, 'record');
    const id = u32(frame.bytes, unit.offset + CONNECTION_ID_AT);
    if (!session.decision.open) return this.#host.drop('not-started', frame, 'record');
    if (!session.deliverRecord(frame.bytes.slice(unit.offset, unit.offset + unit.length), id)) {
      return this.#host.drop('unknown-connection-id', frame, id.toString(16));
    }
    this.#host.count('recordsIn');
    session.heard(parsed.tcp && this.#numberOf(arrived, unit), unit.length);
  }

  #leg(arrived: Arrived, unit: Unit): void {
    const { frame, tuple } = arrived;
    const leg = parseLeg(frame.bytes, unit.offset, unit.offset + unit.length);
    if (!leg.ok) return this.#host.drop('malformed', frame, leg.reason);
    if (leg.kind === LegKind.HELLO) return this.#udpHello(arrived, leg);
    if (leg.kind === LegKind.REQUEST) return this.#request(arrived, leg);
    const session = this.#host.sessionOf(tuple);
    if (session === undefined) return this.#host.drop('no-session', frame, legKindName(leg.kind));
    if (leg.kind === LegKind.COOKIE) return this.#udpCookie(arrived, leg, session);
    if (!tokensRight(leg, session, introduces)) return this.#host.drop('bad-token', frame, legKindName(leg.kind));
    if (leg.kind !== LegKind.BYE) session.heard(arrived.parsed.tcp && this.#numberOf(arrived, unit), unit.length);
    if (leg.kind !== LegKind.COMPLETE) session.stream.acknowledged(leg.acknowledgement);
    this.#byKind(arrived, leg, session);
  }

  #byKind({ frame }: Arrived, leg: LegView, session: LegSession): void {
    if (leg.kind === LegKind.COMPLETE) {
      const read = parseComplete(frame.bytes, leg.bodyOffset, leg.end);
      return read.ok ? session.takeComplete(leg.senderToken) : this.#host.drop('malformed', frame, read.reason);
    }
    const fault = takeLegPacket(frame.bytes, leg, endOf(session));
    if (fault !== undefined) this.#host.drop(fault.reason, frame, fault.detail);
  }

  #udpHello(arrived: Arrived, leg: LegView): void {
    if (arrived.parsed.udp === undefined || !isWholeUdpHello(leg)) {
      return this.#host.drop('malformed', arrived.frame, 'HELLO');
    }
    this.#hello(arrived, leg.senderToken);
  }

  #udpCookie({ frame, parsed }: Arrived, leg: LegView, session: LegSession): void {
    const read = parseCookie(frame.bytes, leg.bodyOffset, leg.end);
    if (!read.ok || parsed.udp === undefined) return this.#host.drop('malformed', frame, 'COOKIE');
    if (leg.receiverToken !== session.ownToken) return this.#host.drop('bad-token', frame, 'COOKIE');
    if (session.decision.awaitsCookie) session.takeCookie(read.cookie, 0);
    else this.#host.drop('unknown-kind', frame, 'COOKIE again');
  }

  #request(arrived: Arrived, leg: LegView): void {
    const { frame, tuple } = arrived;
    const existing = this.#host.sessionOf(tuple);
    if (existing !== undefined) return this.#requestAgain(arrived, leg, existing);
    const listener = this.#host.listenerFor(tuple.local, tuple.localPort);
    if (listener === undefined) return this.#host.drop('not-announced', frame, 'REQUEST');
    const request = parseRequest(frame.bytes, leg.bodyOffset, leg.end);
    if (!request.ok) return this.#host.drop('malformed', frame, request.reason);
    const { shape } = listener;
    if (request.udp !== (shape === 'udp')) return this.#host.drop('malformed', frame, 'REQUEST for another shape');
    if (!cookieValid(this.#host.vault, tuple, shape, this.#host.now_us(), request.cookie))
      return this.#host.drop('bad-cookie', frame);
    if (leg.senderToken === NO_TOKEN) return this.#host.drop('bad-token', frame, 'REQUEST');
    this.#accept(
      arrived,
      leg,
      shape === 'udp' ? 0 : seqAdd(numberOfCookie(request.cookie), 1),
      request.immediate ? 'immediate' : 'hold',
      shape,
    );
  }

  #accept(
    arrived: Arrived,
    leg: LegView,
    next: number,
    handshake: SessionStart['handshake'],
    shape: SessionStart['shape'],
  ): void {
    const { tuple, link, parsed } = arrived;
    const length = leg.end - leg.offset;
    const session = this.#host.accept({
      end: 'far',
      tuple,
      shape,
      handshake,
      ownMac: link.own,
      nextHopMac: link.nextHop,
      next,
      acknowledged: parsed.tcp === undefined ? 0 : seqAdd(this.#numberOf(arrived, leg), length),
      mtu: LOCAL_MTU,
    });
    if (session === undefined) this.#refuse(arrived, leg, shape, next);
    else session.takeRequest(leg.senderToken, length);
  }

  /** REFUSED without a session: built from the request, nothing is kept. */
  #refuse({ frame, tuple, link, parsed }: Arrived, leg: LegView, shape: SessionStart['shape'], next: number): void {
    this.#host.drop('too-many-sessions', frame);
    const acknowledged =
      parsed.tcp === undefined ? 0 : seqAdd(parsed.tcp.seq, parsed.payloadEnd - parsed.payloadOffset);
    const unit = statelessRefusal(leg.senderToken, Reason.TOO_MANY_SESSIONS);
    this.#host.toLine(new F13Keeper(tuple, shape, link, { next, acknowledged }).frame(unit, true), frame);
  }

  #requestAgain({ frame }: Arrived, leg: LegView, session: LegSession): void {
    if (session.start.end !== 'far' || leg.senderToken !== session.peerToken)
      return this.#host.drop('bad-token', frame, 'REQUEST');
    session.requestAgain(leg.end - leg.offset);
  }

  /** F13 number of the byte at which a unit begins. */
  #numberOf({ parsed }: Arrived, at: { readonly offset: number }): number {
    return seqAdd(parsed.tcp?.seq ?? 0, at.offset - parsed.payloadOffset);
  }
}

/** COMPLETE and REFUSED introduce the peer's token; everything else must carry both. */
function introduces(kind: number): boolean {
  return kind === LegKind.COMPLETE || kind === LegKind.REFUSED;
}

function endOf(session: LegSession): LegEnd {
  return {
    stream: session.stream,
    refused: (reason) => session.event({ type: 'refused.received', reason }),
    bye: () => session.rumour(),
    deliver: (bytes) => session.deliver(bytes),
    acknowledged: () => session.acknowledged(),
    answerPing: () => session.sendLeg(LegKind.ACKNOWLEDGE),
  };
}
