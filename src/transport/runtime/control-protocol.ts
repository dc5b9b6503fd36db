import type { DropReason } from '../../actors/drop-reason.ts';
import type { JournalLevel } from '../../actors/tap.ts';

/**
 * What `glassgate status` and the like speak with a running gateway over its Unix socket: one JSON object a line. A request is answered by
 * one line with the same `id`; after `subscribe` lines with `event` follow, after `look` lines with `page`: what the live page shows.
 */
export type ControlRequest =
  | { readonly id: number; readonly command: 'status' | 'subscribe' | 'look' }
  | { readonly id: number; readonly command: PeerCommand; readonly peer: string };

/** What an operator may want of a peer. */
export type PeerCommand = 'connect' | 'disconnect' | 'renew';

export const PEER_COMMANDS: readonly PeerCommand[] = ['connect', 'disconnect', 'renew'];

export type ControlAnswer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: string };

/** A longer line ends the connection; bytes. */
export const CONTROL_LINE_BYTES = 65_536;

/** Something that an operator wants to see. */
export interface GatewayEvent {
  /** Wall clock, ISO 8601. */
  readonly time: string;
  /** `step`: one step of a set-up; the rest change what a gateway does. */
  readonly kind: 'gateway' | 'tunnel' | 'step' | 'warning';
  readonly text: string;
  readonly peer?: string;
  /** Of a step: machine, its event, and the state it led to. */
  readonly machine?: string;
  readonly event?: string;
  readonly state?: string;
  /** Label of the layer. */
  readonly layer?: string;
  /** Number of the journal record. */
  readonly seq?: number;
}

/** All counters are since the gateway's start. */
export interface GatewayStatus {
  readonly name: string;
  readonly version: string;
  /** `gateway`, `relay`, … and which build of it. */
  readonly role: string;
  readonly embodiment: string;
  readonly pid: number;
  readonly started: string;
  readonly uptime_s: number;
  readonly tls: string;
  readonly interface: InterfaceStatus;
  /** What the kernel of a host has as its interface. */
  readonly tap: InterfaceStatus | null;
  /** Of the tunnels' own end; null where none ends. */
  readonly address: string | null;
  /** Port, shape and handshake; null when nobody may connect. */
  readonly listen: { readonly port: number; readonly f13: string; readonly handshake: string } | null;
  readonly peers: readonly PeerStatus[];
  /** TCP connections of a host that its driver has seen. */
  readonly connections: ConnectionCounts | null;
  /** LAN frames that went into records and came out of them. */
  readonly framesSealed: number;
  readonly framesOpened: number;
  readonly drops: readonly {
    readonly layer: string;
    readonly kind: string;
    readonly reason: DropReason;
    readonly count: number;
  }[];
  readonly journal: JournalStatus | null;
  /** Defects of glassgate itself that were survived. */
  readonly internalErrors: number;
}

/** What a driver that ends all TCP of its host did with connections. */
export interface ConnectionCounts {
  readonly now: number;
  /** Those that it began to carry, from here and from there, and did not give back or refuse. */
  readonly carried: number;
  /** SYNs that went out as they came: the destination has no counterpart, or there was no room. */
  readonly leftAlone: number;
  /** Refused here or by the other host, or without an answer from it. */
  readonly refused: number;
  /** Frames of connections that were over, as the last ones often are; they are among the drops too. */
  readonly lateFrames: number;
}

export interface InterfaceStatus {
  readonly name: string;
  readonly kind: string;
  readonly mac: string;
  readonly mtu: number;
  readonly framesReceived: number;
  readonly framesSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Lost because the gateway or the interface was too slow. */
  readonly framesLost: number;
}

export interface PeerStatus {
  readonly name: string;
  /** `up` carries frames. */
  readonly state: string;
  /** Since when, seconds. */
  readonly since_s: number;
  readonly session: SessionStatus | null;
}

export interface SessionStatus {
  readonly state: string;
  readonly role: 'client' | 'server';
  /** `10.2.0.30:4433` */
  readonly remote: string;
  readonly f13: string | null;
  readonly handshake: string | null;
  readonly suite: string | null;
  readonly order: string | null;
  readonly epoch: { readonly send: number; readonly receive: number } | null;
  /** How often its keys were made anew by another TLS session. */
  readonly renewals: number;
  readonly up_s: number | null;
}

export interface JournalStatus {
  readonly file: string;
  readonly level: JournalLevel;
  readonly records: number;
  readonly lost: number;
}

/** Reads a request line; undefined for anything else. */
export function parseRequest(line: string): ControlRequest | undefined {
  const value = parseJson(line) as Partial<ControlRequest & { peer: unknown }> | undefined;
  if (typeof value !== 'object' || value === null || !Number.isSafeInteger(value.id)) return undefined;
  const { id, command, peer } = value as { id: number; command: unknown; peer: unknown };
  if (command === 'status' || command === 'subscribe' || command === 'look') return { id, command };
  const found = PEER_COMMANDS.find((known) => known === command);
  return found === undefined || typeof peer !== 'string' ? undefined : { id, command: found, peer };
}

export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
