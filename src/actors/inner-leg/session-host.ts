import type { LinkFields } from '../../wire/build.ts';
import type { InnerEnds } from '../../wire/inner-frame.ts';
import type { DropReason } from '../drop-reason.ts';
import type { MachineObserver, SavedMachine } from '../machine-host.ts';
import type { HandshakeMode } from '../services.ts';
import type { JournalData } from '../tap.ts';
import type { SavedInnerLine } from './line.ts';
import type { SavedInnerStreams } from './streams.ts';
import type { UnderWay } from './under-way.ts';

/**
 * What a session asks of the TCP on its own host's side: that of driver 2106 or 3106 towards its host's TCP, or TCP 3003B towards a server.
 * What that TCP tells goes to the session's `local…` methods, also from within these calls.
 */
export interface LocalSide {
  /** Far end: opens the connection that the CONN-REQ asks for; `localConnected`, `localRefused` or `localBroken` follows. */
  open(): void;
  /** Near end: answers the held SYN. Nothing to be done where it was answered at once. */
  release(): void;
  /** Near end: answers it by RST; `reason` is an `InnerRefusal`, with UNREACHABLE the host gets the ICMP error of that code as well. */
  refuse(reason: number, code: number): void;
  /** Near end: the held SYN goes out as it came. `heard`: the other host has shown that it has no counterpart; otherwise it was silent. */
  bypass(heard: boolean): void;
  /** The bytes stay as they are; `urgent`: they, and all before them. `localFull` may follow at once. */
  write(bytes: Uint8Array, urgent: boolean): void;
  /** So many bytes that were told by `localData` are worked off. */
  consumed(bytes: number): void;
  /** FIN after everything written. */
  close(): void;
  /** RST; nothing is told any more. */
  abort(): void;
  /** Nothing is left of the connection: no timer, no segment is awaited. When it becomes so later, `localGone` tells. */
  readonly isGone: boolean;
  /** A timer of the session whose name began with `local/` has fired. */
  timerFired(name: string): void;
  save(): JournalData;
  restore(saved: JournalData): void;
}

/** What both ends of a session begin with. */
export interface InnerStart {
  readonly end: 'near' | 'far';
  /** `local` is the own host's end (of 3001B: the server's). */
  readonly ends: InnerEnds;
  readonly link: LinkFields;
  readonly handshake: HandshakeMode;
  /** Largest IP packet of the leg. */
  readonly mtu: number;
}

/** Random numbers of a session. */
export interface InnerRandoms {
  readonly token: number;
  readonly seq: number;
  readonly ack: number;
}

/** What a session needs of the leg that it is part of. */
export interface InnerSessionHost {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  readonly observer: MachineObserver;
  readonly underWay: UnderWay;
  toLine(frame: Uint8Array): void;
  drop(reason: DropReason, detail: string): void;
  count(name: string): void;
  /** The session is over, and its local side is gone: it may be forgotten. */
  ended(): void;
}

export interface SavedInnerSession {
  readonly start: InnerStart;
  readonly randoms: InnerRandoms;
  readonly peerToken: number;
  readonly machine: SavedMachine;
  readonly line: SavedInnerLine;
  readonly streams: SavedInnerStreams;
  readonly local: JournalData;
}
