import {
  type AgreedSetup,
  type Direction,
  EXPORTER_LABEL,
  exporterContext,
  type Purpose,
  SECRET_BYTES,
} from '../../engine/crypto/key-schedule.ts';
import { chooseSuite, isSuiteId, type SuiteId } from '../../engine/crypto/suite.ts';
import type { KeyId, Vault } from '../../engine/crypto/vault.ts';
import type { F13Shape } from '../../engine/f13.ts';
import { equal } from '../../wire/bytes.ts';
import type { Go, Offer } from '../../wire/negotiation.ts';
import { Order, OrderBit, PROTOCOL_VERSION } from '../../wire/terms.ts';
import type { HandshakeMode, RecordParameters, SslFailure } from '../services.ts';
import type { TlsEngine } from './tls-provider.ts';

/** Smallest path MTU that a peer may name, in bytes: every IPv4 host takes packets of this size (RFC 791 section 3.1). */
export const PATH_MTU_MIN_BYTES = 576;

/** What this end would agree to. */
export interface Wishes {
  /** Most wanted first. */
  readonly suites: readonly SuiteId[];
  /** Fragment orders, most wanted first. */
  readonly orders: readonly (0 | 1)[];
  /** Bytes of an IP packet. */
  readonly pathMtu: number;
  /** An in-line cipher below IP takes the place of sealed records; the other end must want the same. */
  readonly inline?: true;
}

/** The leg as this end saw its set-up. */
export interface LegFacts {
  readonly digest: Uint8Array;
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
}

/** What both ends have agreed on. */
export interface Terms {
  readonly setup: AgreedSetup;
  readonly pathMtu: number;
}

/** The client's OFFER. */
export function makeOffer(wishes: Wishes, leg: LegFacts, connectionId: number): Offer {
  return {
    kind: 'offer',
    protocolVersion: PROTOCOL_VERSION,
    connectionId,
    pathMtu: wishes.pathMtu,
    udp: leg.shape === 'udp',
    immediate: leg.handshake === 'immediate',
    suites: [...wishes.suites],
    orders: wishes.orders.reduce<number>((bits, order) => bits | bitOf(order), 0),
    ...(wishes.inline && { inline: wishes.inline }),
    legDigest: leg.digest,
  };
}

/** Server: what follows from an OFFER, or why the session cannot be. */
export function judgeOffer(offer: Offer, wishes: Wishes, leg: LegFacts, connectionId: number): Terms | SslFailure {
  const sameMode = offer.udp === (leg.shape === 'udp') && offer.immediate === (leg.handshake === 'immediate');
  if (!sameMode || !equal(offer.legDigest, leg.digest)) return 'leg-tampered';
  if (!isSound(offer)) return 'malformed';
  const suite = chooseSuite(offer.suites, wishes.suites);
  const order = wishes.orders.find((each) => (offer.orders & bitOf(each)) !== 0);
  if (suite === undefined || order === undefined || offer.inline !== wishes.inline) return 'no-common-suite';
  return termsOf(offer, { connectionId, suite, order, pathMtu: wishes.pathMtu }, leg);
}

/** Server: the GO that says what {@link judgeOffer} found. */
export function makeGo(terms: Terms, wishes: Wishes, leg: LegFacts): Go {
  const { serverConnectionId, suiteChosen, orderChosen } = terms.setup;
  return {
    kind: 'go',
    connectionId: serverConnectionId,
    pathMtu: wishes.pathMtu,
    suite: suiteChosen,
    order: orderChosen,
    legDigest: leg.digest,
  };
}

/** Client: what follows from the GO, or what is wrong with it. */
export function judgeGo(go: Go, offer: Offer, leg: LegFacts): Terms | SslFailure {
  if (!equal(go.legDigest, leg.digest)) return 'leg-tampered';
  const { suite } = go;
  const order = go.order === Order.ENCRYPT_THEN_FRAGMENT ? Order.ENCRYPT_THEN_FRAGMENT : Order.FRAGMENT_THEN_ENCRYPT;
  const wasOffered = isSuiteId(suite) && offer.suites.includes(suite) && (offer.orders & bitOf(order)) !== 0;
  if (!wasOffered || !isSound(go)) return 'malformed';
  return termsOf(offer, { ...go, suite, order }, leg);
}

/** Keys of both directions (engine index 0), by id. Undefined when TLS gives no secret any more. */
export function deriveParameters(
  vault: Vault,
  tls: TlsEngine,
  terms: Terms,
  role: 'client' | 'server',
  peerName: string,
): RecordParameters | undefined {
  const { setup, pathMtu } = terms;
  const base = tls.exportSecret(EXPORTER_LABEL, exporterContext(setup), SECRET_BYTES);
  if (base === undefined) return undefined;
  const client = role === 'client';
  const [send, receive] = client ? (['c2s', 's2c'] as const) : (['s2c', 'c2s'] as const);
  const keys = setup.inline
    ? streamKeys(vault, base, setup.suiteChosen, send, receive)
    : recordKeys(vault, base, setup.suiteChosen, send, receive);
  vault.forget(base);
  return {
    role,
    peerName,
    suite: setup.suiteChosen,
    order: setup.orderChosen,
    pathMtu,
    receiveConnectionId: client ? setup.clientConnectionId : setup.serverConnectionId,
    sendConnectionId: client ? setup.serverConnectionId : setup.clientConnectionId,
    keys,
    ...(setup.inline && { integrity: 'none' as const }),
  };
}

type Keys = RecordParameters['keys'];

function recordKeys(vault: Vault, base: KeyId, suite: SuiteId, send: Direction, receive: Direction): Keys {
  const key = (direction: Direction, purpose: Purpose): KeyId =>
    vault.deriveTraffic(base, suite, direction, purpose, 0);
  return {
    sendData: key(send, 'data'),
    receiveData: key(receive, 'data'),
    sendControl: key(send, 'control'),
    receiveControl: key(receive, 'control'),
  };
}

/** One key for each direction: an in-line cipher knows no records. */
function streamKeys(vault: Vault, base: KeyId, suite: SuiteId, send: Direction, receive: Direction): Keys {
  const sending = vault.deriveStream(base, suite, send);
  const receiving = vault.deriveStream(base, suite, receive);
  return { sendData: sending, receiveData: receiving, sendControl: sending, receiveControl: receiving };
}

function termsOf(
  offer: Offer,
  chosen: { connectionId: number; suite: SuiteId; order: 0 | 1; pathMtu: number },
  leg: LegFacts,
): Terms {
  return {
    setup: {
      clientConnectionId: offer.connectionId,
      serverConnectionId: chosen.connectionId,
      suitesOffered: offer.suites,
      suiteChosen: chosen.suite,
      f13: leg.shape,
      ordersOffered: offer.orders,
      orderChosen: chosen.order,
      handshake: leg.handshake,
      legDigest: leg.digest,
      ...(offer.inline && { inline: offer.inline }),
    },
    pathMtu: Math.min(offer.pathMtu, chosen.pathMtu),
  };
}

/** Id 0 stands for none, and a path MTU must leave room for a record. */
function isSound(said: { connectionId: number; pathMtu: number }): boolean {
  return said.connectionId !== 0 && said.pathMtu >= PATH_MTU_MIN_BYTES;
}

function bitOf(order: 0 | 1): number {
  return order === Order.ENCRYPT_THEN_FRAGMENT ? OrderBit.ENCRYPT_THEN_FRAGMENT : OrderBit.FRAGMENT_THEN_ENCRYPT;
}
