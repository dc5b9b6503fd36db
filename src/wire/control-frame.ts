/** Control frames CTRL between software and the engine of one host (docs/PROTOCOL.md section 6). Never on a cable. */
import type { Ip4, Mac } from './address.ts';
import { CONTROL_MAC_ENGINE } from './address.ts';
import { put16, put32, put48, u16, u32, u48 } from './bytes.ts';
import { buildDemandRule, type DemandRule, type DemandRuleReason, readDemandRule } from './demand-rule.ts';
import { ETHERNET_HEADER_BYTES, EtherType, parseEthernet, writeEthernet } from './ethernet.ts';
import { Order, Suite } from './terms.ts';

/** Everything the engine needs to take a session over. Keys are named, never carried. */
export interface EngineSession {
  sessionId: number;
  /** F13 is UDP. */
  udp: boolean;
  /** We are the TLS client. */
  client: boolean;
  suite: number;
  order: number;
  ownMac: Mac;
  nextHopMac: Mac;
  ownIp: Ip4;
  peerIp: Ip4;
  ownPort: number;
  peerPort: number;
  pathMtu: number;
  receiveConnectionId: number;
  sendConnectionId: number;
  sendDataKeyId: number;
  receiveDataKeyId: number;
  sendControlKeyId: number;
  receiveControlKeyId: number;
  /** F13 sequence number of the next byte to be sent. */
  nextSequence: number;
  acknowledgement: number;
  /** Number of the peer at the other end, 1 to 65535, the same for all its sessions; 0: nothing is learned about stations there. */
  site: number;
}

export type ControlFrameMessage =
  | { kind: 'start'; session: EngineSession }
  | { kind: 'stop'; sessionId: number; reason: number }
  /** Replaces ids and keys of the same session. */
  | { kind: 'renew'; session: EngineSession }
  | { kind: 'started'; sessionId: number }
  /** F13 numbers are the software's again. */
  | { kind: 'stopped'; sessionId: number; reason: number; nextSequence: number; acknowledgement: number }
  | { kind: 'disconnect'; sessionId: number; reason: number }
  | { kind: 'authenticated'; sessionId: number }
  /** Tunnel endpoints, whose ARP never enters the tunnel. */
  | { kind: 'reserved-addresses'; addresses: Ip4[] }
  | { kind: 'demand'; rule: DemandRule }
  /** A frame of the LAN is for a station behind this peer (destination's addresses, 0 where the frame has none), and no session stands. */
  | { kind: 'wanted'; site: number; destination: Mac; address: Ip4 };

export type ControlFrameKind = ControlFrameMessage['kind'];

export type ControlFrameReason =
  | 'ctrl-not-a-control-frame'
  | 'ctrl-truncated'
  | 'ctrl-bad-version'
  | 'ctrl-unknown-kind'
  | 'ctrl-wrong-direction'
  | 'ctrl-bad-length'
  | 'ctrl-reserved-flags'
  | 'ctrl-unknown-suite'
  | 'ctrl-unknown-order'
  | DemandRuleReason;

export type ControlFrameRead =
  | { ok: true; message: ControlFrameMessage; source: Mac; destination: Mac }
  | { ok: false; reason: ControlFrameReason };

const VERSION = 1;
const HEAD_BYTES = 4;
const SESSION_BYTES = 68;
const STOPPED_BYTES = 13;
const WANTED_BYTES = 12;
const FLAG_UDP = 1;
const FLAG_CLIENT = 2;
const KINDS: readonly ControlFrameKind[] = [
  'start',
  'stop',
  'renew',
  'started',
  'stopped',
  'disconnect',
  'authenticated',
  'reserved-addresses',
  'demand',
  'wanted',
];
const TO_ENGINE: readonly ControlFrameKind[] = ['start', 'stop', 'renew', 'reserved-addresses', 'demand'];

/** Whether a message of this kind goes from software to the engine. */
export function isToEngine(kind: ControlFrameKind): boolean {
  return TO_ENGINE.includes(kind);
}

/** Reads a control frame. Its direction must be that of its kind. */
export function parseControlFrame(bytes: Uint8Array): ControlFrameRead {
  const ethernet = parseEthernet(bytes);
  if (!ethernet.ok || ethernet.etherType !== EtherType.CONTROL)
    return { ok: false, reason: 'ctrl-not-a-control-frame' };
  const { source, destination, headerEnd: at } = ethernet;
  if (source !== CONTROL_MAC_ENGINE && destination !== CONTROL_MAC_ENGINE) {
    return { ok: false, reason: 'ctrl-not-a-control-frame' };
  }
  if (bytes.length - at < HEAD_BYTES) return { ok: false, reason: 'ctrl-truncated' };
  if (bytes[at + 1] !== VERSION) return { ok: false, reason: 'ctrl-bad-version' };
  const kind = KINDS[bytes[at] - 1];
  if (kind === undefined) return { ok: false, reason: 'ctrl-unknown-kind' };
  const engineSide = isToEngine(kind) ? destination : source;
  if (engineSide !== CONTROL_MAC_ENGINE) return { ok: false, reason: 'ctrl-wrong-direction' };
  const body = at + HEAD_BYTES;
  const end = body + u16(bytes, at + 2);
  if (end > bytes.length) return { ok: false, reason: 'ctrl-truncated' };
  const message = readMessage(kind, bytes, body, end);
  return typeof message === 'string' ? { ok: false, reason: message } : { ok: true, message, source, destination };
}

function readMessage(
  kind: ControlFrameKind,
  bytes: Uint8Array,
  at: number,
  end: number,
): ControlFrameMessage | ControlFrameReason {
  if (kind === 'reserved-addresses') return readAddresses(bytes, at, end);
  if (kind === 'demand') {
    const rule = readDemandRule(bytes, at, end);
    return typeof rule === 'string' ? rule : { kind, rule };
  }
  if (end - at !== fixedBodyLength(kind)) return 'ctrl-bad-length';
  switch (kind) {
    case 'start':
    case 'renew': {
      const session = readSession(bytes, at);
      return typeof session === 'string' ? session : { kind, session };
    }
    case 'wanted':
      return { kind, site: u16(bytes, at), destination: u48(bytes, at + 2), address: u32(bytes, at + 8) };
    case 'started':
    case 'authenticated':
      return { kind, sessionId: u32(bytes, at) };
    case 'stopped':
      return {
        kind,
        sessionId: u32(bytes, at),
        reason: bytes[at + 4],
        nextSequence: u32(bytes, at + 5),
        acknowledgement: u32(bytes, at + 9),
      };
    default:
      return { kind, sessionId: u32(bytes, at), reason: bytes[at + 4] };
  }
}

function fixedBodyLength(kind: Exclude<ControlFrameKind, 'reserved-addresses' | 'demand'>): number {
  if (kind === 'start' || kind === 'renew') return SESSION_BYTES;
  if (kind === 'stopped') return STOPPED_BYTES;
  if (kind === 'wanted') return WANTED_BYTES;
  return kind === 'started' || kind === 'authenticated' ? 4 : 5;
}

function readAddresses(bytes: Uint8Array, at: number, end: number): ControlFrameMessage | ControlFrameReason {
  if (end <= at || end - at !== 1 + 4 * bytes[at]) return 'ctrl-bad-length';
  const addresses: Ip4[] = [];
  for (let i = at + 1; i < end; i += 4) addresses.push(u32(bytes, i));
  return { kind: 'reserved-addresses', addresses };
}

function readSession(bytes: Uint8Array, at: number): EngineSession | ControlFrameReason {
  const flags = bytes[at + 4];
  if ((flags & ~(FLAG_UDP | FLAG_CLIENT)) !== 0 || bytes[at + 7] !== 0) return 'ctrl-reserved-flags';
  const suite = bytes[at + 5];
  if (suite < Suite.AES_256_GCM || suite > Suite.CLEAR) return 'ctrl-unknown-suite';
  const order = bytes[at + 6];
  if (order > Order.FRAGMENT_THEN_ENCRYPT) return 'ctrl-unknown-order';
  return {
    sessionId: u32(bytes, at),
    udp: (flags & FLAG_UDP) !== 0,
    client: (flags & FLAG_CLIENT) !== 0,
    suite,
    order,
    ownMac: u48(bytes, at + 8),
    nextHopMac: u48(bytes, at + 14),
    ownIp: u32(bytes, at + 20),
    peerIp: u32(bytes, at + 24),
    ownPort: u16(bytes, at + 28),
    peerPort: u16(bytes, at + 30),
    pathMtu: u16(bytes, at + 32),
    receiveConnectionId: u32(bytes, at + 34),
    sendConnectionId: u32(bytes, at + 38),
    sendDataKeyId: u32(bytes, at + 42),
    receiveDataKeyId: u32(bytes, at + 46),
    sendControlKeyId: u32(bytes, at + 50),
    receiveControlKeyId: u32(bytes, at + 54),
    nextSequence: u32(bytes, at + 58),
    acknowledgement: u32(bytes, at + 62),
    site: u16(bytes, at + 66),
  };
}

/** A control frame. `softwareMac` is the address of the software's side; the other is the engine's. */
export function buildControlFrame(message: ControlFrameMessage, softwareMac: Mac): Uint8Array {
  const body = buildBody(message);
  const bytes = new Uint8Array(ETHERNET_HEADER_BYTES + HEAD_BYTES + body.length);
  const toEngine = isToEngine(message.kind);
  const at = writeEthernet(bytes, 0, {
    destination: toEngine ? CONTROL_MAC_ENGINE : softwareMac,
    source: toEngine ? softwareMac : CONTROL_MAC_ENGINE,
    etherType: EtherType.CONTROL,
  });
  bytes[at] = KINDS.indexOf(message.kind) + 1;
  bytes[at + 1] = VERSION;
  put16(bytes, at + 2, body.length);
  bytes.set(body, at + HEAD_BYTES);
  return bytes;
}

function buildBody(message: ControlFrameMessage): Uint8Array {
  if (message.kind === 'start' || message.kind === 'renew') return buildSession(message.session);
  if (message.kind === 'reserved-addresses') return buildAddresses(message.addresses);
  if (message.kind === 'demand') return buildDemandRule(message.rule);
  if (message.kind === 'wanted') return buildWanted(message);
  const bytes = new Uint8Array(fixedBodyLength(message.kind));
  put32(bytes, 0, message.sessionId);
  if ('reason' in message) bytes[4] = message.reason;
  if (message.kind === 'stopped') {
    put32(bytes, 5, message.nextSequence);
    put32(bytes, 9, message.acknowledgement);
  }
  return bytes;
}

function buildAddresses(addresses: readonly Ip4[]): Uint8Array {
  const bytes = new Uint8Array(1 + 4 * addresses.length);
  bytes[0] = addresses.length;
  for (let i = 0; i < addresses.length; i++) put32(bytes, 1 + 4 * i, addresses[i]);
  return bytes;
}

function buildSession(session: EngineSession): Uint8Array {
  const bytes = new Uint8Array(SESSION_BYTES);
  put32(bytes, 0, session.sessionId);
  bytes[4] = (session.udp ? FLAG_UDP : 0) | (session.client ? FLAG_CLIENT : 0);
  bytes[5] = session.suite;
  bytes[6] = session.order;
  put48(bytes, 8, session.ownMac);
  put48(bytes, 14, session.nextHopMac);
  put32(bytes, 20, session.ownIp);
  put32(bytes, 24, session.peerIp);
  put16(bytes, 28, session.ownPort);
  put16(bytes, 30, session.peerPort);
  put16(bytes, 32, session.pathMtu);
  put32(bytes, 34, session.receiveConnectionId);
  put32(bytes, 38, session.sendConnectionId);
  put32(bytes, 42, session.sendDataKeyId);
  put32(bytes, 46, session.receiveDataKeyId);
  put32(bytes, 50, session.sendControlKeyId);
  put32(bytes, 54, session.receiveControlKeyId);
  put32(bytes, 58, session.nextSequence);
  put32(bytes, 62, session.acknowledgement);
  put16(bytes, 66, session.site);
  return bytes;
}

function buildWanted({ site, destination, address }: Extract<ControlFrameMessage, { kind: 'wanted' }>): Uint8Array {
  const bytes = new Uint8Array(WANTED_BYTES);
  put16(bytes, 0, site);
  put48(bytes, 2, destination);
  put32(bytes, 8, address);
  return bytes;
}
