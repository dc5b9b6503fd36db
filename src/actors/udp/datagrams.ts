import type { Vault } from '../../engine/crypto/vault.ts';
import type { FourTuple } from '../../engine/f13.ts';
import { LegKind, type LegView, legKindName, parseLeg } from '../../wire/leg.ts';
import { parseCookie, parseOpen } from '../../wire/leg-body.ts';
import { NO_TOKEN, Reason, type Token } from '../../wire/terms.ts';
import type { UdpView } from '../../wire/udp.ts';
import { splitUnits, UNIT_LEG } from '../../wire/unit.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import { cookieValid } from '../leg/cookies.ts';
import {
  isWholeUdpHello,
  type LegFault,
  statelessRefusal,
  takeLegPacket,
  takeStreamBytes,
  tokensRight,
  udpCookie,
} from '../leg/leg-end.ts';
import type { UdpConnection } from './connection.ts';

/** What reading datagrams needs of the layer. */
export interface DatagramsHost {
  readonly vault: Vault;
  now_us(): number;
  listens(port: number): boolean;
  connectionOf(tuple: FourTuple): UdpConnection | undefined;
  /** Makes the far end of a connection; undefined when there are too many. */
  accept(tuple: FourTuple, peerToken: Token): UdpConnection | undefined;
  /** An answer that needs no connection. */
  answer(tuple: FourTuple, payload: Uint8Array, parent: Frame): void;
  drop(reason: DropReason, frame: Frame, detail?: string): void;
  count(name: string): void;
}

interface Arrived {
  readonly frame: Frame;
  readonly tuple: FourTuple;
}

/**
 * What a UDP layer does with a datagram of a port of its own. A stranger's costs no state: HELLO is answered by a cookie that is
 * computed from its addresses and shorter than it, and only a packet that brings the cookie back makes a connection.
 */
export class Datagrams {
  readonly #host: DatagramsHost;

  constructor(host: DatagramsHost) {
    this.#host = host;
  }

  /** A datagram with a good checksum. */
  received(frame: Frame, udp: UdpView, tuple: FourTuple): void {
    const { units, malformed } = splitUnits(frame.bytes, udp.headerEnd, udp.end);
    for (const { type, offset, length } of units) {
      if (type === UNIT_LEG) this.#leg({ frame, tuple }, offset, offset + length);
      else this.#record({ frame, tuple }, offset, offset + length);
    }
    if (malformed !== undefined) this.#host.drop('malformed', frame, malformed);
  }

  #record({ frame, tuple }: Arrived, from: number, to: number): void {
    const connection = this.#host.connectionOf(tuple);
    if (connection === undefined) return this.#host.drop('no-session', frame, 'record');
    if (!connection.decision.open) return this.#host.drop('not-started', frame, 'record');
    connection.deliverUnit(frame.bytes.subarray(from, to));
  }

  #leg(arrived: Arrived, from: number, to: number): void {
    const { frame, tuple } = arrived;
    const leg = parseLeg(frame.bytes, from, to);
    if (!leg.ok) return this.#host.drop('malformed', frame, leg.reason);
    if (leg.kind === LegKind.HELLO) return this.#hello(arrived, leg);
    if (leg.kind === LegKind.OPEN) return this.#open(arrived, leg);
    const connection = this.#host.connectionOf(tuple);
    if (connection === undefined) return this.#host.drop('no-session', frame, legKindName(leg.kind));
    if (leg.kind === LegKind.COOKIE) return this.#cookie(arrived, leg, connection);
    if (!tokensRight(leg, connection, introduces)) return this.#host.drop('bad-token', frame, legKindName(leg.kind));
    if (!connection.decision.open && !connection.decision.lingering)
      return this.#host.drop('not-started', frame, legKindName(leg.kind));
    if (isOfLife(leg)) connection.heard(leg.senderToken);
    connection.stream.acknowledged(leg.acknowledgement);
    this.#fault(frame, takeLegPacket(frame.bytes, leg, connection));
  }

  #hello({ frame, tuple }: Arrived, leg: LegView): void {
    if (!this.#host.listens(tuple.localPort)) return this.#host.drop('no-listener', frame, 'HELLO');
    if (!isWholeUdpHello(leg)) return this.#host.drop('malformed', frame, 'HELLO');
    this.#host.count('hellos');
    const cookie = udpCookie(this.#host.vault, tuple, leg.senderToken, this.#host.now_us());
    this.#host.answer(tuple, cookie, frame);
  }

  #cookie({ frame }: Arrived, leg: LegView, connection: UdpConnection): void {
    const read = parseCookie(frame.bytes, leg.bodyOffset, leg.end);
    if (!read.ok) return this.#host.drop('malformed', frame, read.reason);
    if (leg.receiverToken !== connection.ownToken) return this.#host.drop('bad-token', frame, 'COOKIE');
    if (connection.decision.awaitsCookie) connection.takeCookie(read.cookie);
    else this.#host.drop('unknown-kind', frame, 'COOKIE again');
  }

  /** The cookie comes back with the first bytes of the stream. Until then nothing was kept. */
  #open({ frame, tuple }: Arrived, leg: LegView): void {
    if (!this.#host.listens(tuple.localPort)) return this.#host.drop('no-listener', frame, 'OPEN');
    const read = parseOpen(frame.bytes, leg.bodyOffset, leg.end);
    if (!read.ok) return this.#host.drop('malformed', frame, read.reason);
    if (leg.senderToken === NO_TOKEN) return this.#host.drop('bad-token', frame, 'OPEN');
    if (!cookieValid(this.#host.vault, tuple, 'udp', this.#host.now_us(), read.cookie))
      return this.#host.drop('bad-cookie', frame);
    const known = this.#host.connectionOf(tuple);
    if (known !== undefined && known.peerToken !== leg.senderToken) {
      // Another end at the same address and port: ours may have started anew.
      known.rumour();
      return this.#host.drop('bad-token', frame, 'OPEN');
    }
    const connection = known ?? this.#host.accept(tuple, leg.senderToken);
    if (connection === undefined) {
      this.#host.drop('too-many-connections', frame);
      return this.#host.answer(tuple, statelessRefusal(leg.senderToken, Reason.TOO_MANY_SESSIONS), frame);
    }
    this.#fault(frame, takeStreamBytes(leg.sequence, read, connection));
  }

  #fault(frame: Frame, fault: LegFault | undefined): void {
    if (fault !== undefined) this.#host.drop(fault.reason, frame, fault.detail);
  }
}

/** Whatever the far end says first introduces its token. */
function introduces(): boolean {
  return true;
}

/** Shows that the peer keeps the connection: neither a refusal nor a farewell. */
function isOfLife({ kind, senderToken }: LegView): boolean {
  return kind !== LegKind.BYE && kind !== LegKind.REFUSED && senderToken !== NO_TOKEN;
}
