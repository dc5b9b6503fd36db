import type { Vault } from '../../engine/crypto/vault.ts';
import type { FourTuple } from '../../engine/f13.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import type { Mac } from '../../wire/address.ts';
import type { ControlFrameMessage } from '../../wire/control-frame.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import type { MachineObserver } from '../machine-host.ts';
import type { CipherPlace } from '../records/cipher-place.ts';
import type { SslIndication, TcpRequest } from '../services.ts';
import type { JournalData } from '../tap.ts';
import type { Wishes } from './terms.ts';
import type { PeerExpectation, TlsEngine, TlsOpen } from './tls-provider.ts';

/** What a session needs of the layer that it is part of. */
export interface SslSessionHost {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  readonly vault: Vault;
  /** Where the session's records are sealed and opened; left out: here. */
  readonly cipher?: CipherPlace;
  readonly observer: MachineObserver;
  readonly wishes: Wishes;
  readonly limits: Partial<RecordLimits>;
  /** Left out: frames travel in sealed records. */
  readonly inlineCipher?: InlineCipherAccess;
  /** Random, nonzero, of no other session. */
  newConnectionId(): number;
  /** Who may be at the other end; all configured peers for an accepted session. */
  expectation(peer: string | undefined): PeerExpectation;
  /** Name of the configured peer that showed a name or a pin. */
  peerNameOf(shown: string): string;
  openTls(engine: string, options: TlsOpen): void;
  tlsEngine(engine: string): TlsEngine | undefined;
  closeTls(engine: string): void;
  toTcp(request: TcpRequest): void;
  indicate(indication: SslIndication): void;
  frame(bytes: Uint8Array): Frame;
  drop(reason: DropReason, frame: Frame | undefined, detail?: JournalData): void;
  count(name: string): void;
  note(name: string, data: JournalData): void;
  ended(): void;
}

/** The way to an in-line cipher below IP. */
export interface InlineCipherAccess {
  /** MAC address that this host's frames carry. */
  readonly ownMac: Mac;
  /** Number of no other session. */
  newSessionId(): number;
  tell(message: ControlFrameMessage): void;
}

/** What a session begins with. */
export interface SslSessionStart {
  /** Also the name of the TCP connection. */
  readonly name: string;
  readonly role: 'client' | 'server';
  /** Client: who must be at the other end. */
  readonly peer?: string;
  readonly tuple: FourTuple;
}

/** What a client asks of TCP first. */
export function connectRequest({ name, tuple }: SslSessionStart): TcpRequest {
  const { remote: destination, remotePort: destinationPort, localPort: sourcePort } = tuple;
  return { kind: 'connect', connection: name, destination, destinationPort, sourcePort };
}
