import type { SnapshotFrom } from 'xstate';
import type { Vault } from '../../engine/crypto/vault.ts';
import type { F13Shape, FourTuple } from '../../engine/f13.ts';
import type { SavedSplitter } from '../../engine/stream-splitter.ts';
import type { legMachine } from '../../machines/leg.ts';
import type { Mac } from '../../wire/address.ts';
import type { Token } from '../../wire/terms.ts';
import type { DropReason } from '../drop-reason.ts';
import type { SavedLegStream } from '../leg/leg-stream.ts';
import type { MachineObserver, SavedMachine } from '../machine-host.ts';
import type { SavedF13Line } from '../records/f13-line.ts';
import type { HandshakeMode, SettingIndication } from '../services.ts';
import type { SavedConnection } from '../tcp/connection.ts';

/** What a session needs of the driver that it is part of. */
export interface SessionHost {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  randomBytes(length: number): Uint8Array;
  readonly vault: Vault;
  readonly observer: MachineObserver;
  /** Block K: towards the line. */
  toLine(frame: Uint8Array): void;
  /** Block J: towards the IP stack. */
  toStack(frame: Uint8Array): void;
  indicate(indication: SettingIndication): void;
  drop(reason: DropReason, detail: string): void;
  count(name: string): void;
  /** The session is over and may be forgotten. */
  ended(): void;
}

/** What both ends of a session begin with. */
export interface SessionStart {
  readonly end: 'near' | 'far';
  readonly tuple: FourTuple;
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
  readonly ownMac: Mac;
  readonly nextHopMac: Mac;
  /** F13 numbers: a random one and 0 at the near end; what the cookie and the request said at the far end. */
  readonly next: number;
  readonly acknowledged: number;
  readonly mtu: number;
}

export interface SavedLegSession {
  readonly start: SessionStart;
  readonly machine: SavedMachine;
  readonly line: SavedF13Line;
  readonly local: SavedConnection;
  readonly stream: SavedLegStream;
  readonly fromLocal: SavedSplitter;
  readonly fromPeer: SavedSplitter;
  readonly ownToken: Token;
  readonly peerToken: Token;
  readonly cookie: Uint8Array;
  readonly receiveIds: readonly number[];
  readonly trust: SavedMachine;
  readonly echoed: boolean;
  readonly received: number;
  readonly sent: number;
}

/** What packet handlers read of the leg's machine. */
export interface LegDecision {
  /** HELLO is out, COOKIE is awaited. */
  readonly awaitsCookie: boolean;
  /** The local TCP has not answered the forged SYN yet. */
  readonly forging: boolean;
  /** Records and handshake bytes may go to the peer. */
  readonly open: boolean;
  /** Keys were handed over: no stranger's. */
  readonly proven: boolean;
  readonly closed: boolean;
}

export function legDecision(snapshot: SnapshotFrom<typeof legMachine>): LegDecision {
  return Object.freeze({
    awaitsCookie: snapshot.matches('HELLO-SENT'),
    forging: snapshot.matches('SYN-FORGED'),
    open: snapshot.matches('OPEN'),
    proven: snapshot.matches({ OPEN: 'PROVEN' }),
    closed: snapshot.matches('CLOSED'),
  });
}
