import type { SnapshotFrom } from 'xstate';
import type { FourTuple } from '../../engine/f13.ts';
import type { SavedSplitter } from '../../engine/stream-splitter.ts';
import type { udpMachine } from '../../machines/udp.ts';
import type { Token } from '../../wire/terms.ts';
import type { DropReason } from '../drop-reason.ts';
import type { SavedLegStream } from '../leg/leg-stream.ts';
import type { MachineObserver, SavedMachine } from '../machine-host.ts';
import type { ConnectionName, TcpIndication } from '../services.ts';

/** What a connection needs of the layer that it is part of. */
export interface UdpConnectionHost {
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  readonly observer: MachineObserver;
  /** One datagram to the peer. */
  transmit(payload: Uint8Array): void;
  indicate(indication: TcpIndication): void;
  drop(reason: DropReason, detail: string): void;
  count(name: string): void;
  /** It is over and may be forgotten. */
  ended(): void;
}

/** What both ends of a connection begin with. */
export interface UdpConnectionStart {
  readonly name: ConnectionName;
  readonly tuple: FourTuple;
  readonly ownToken: Token;
}

export interface SavedUdpConnection {
  readonly start: UdpConnectionStart;
  readonly machine: SavedMachine;
  readonly trust: SavedMachine;
  readonly stream: SavedLegStream;
  readonly fromUser: SavedSplitter;
  readonly fromPeer: SavedSplitter;
  readonly peerToken: Token;
  readonly cookie: Uint8Array;
  readonly ended: boolean;
}

/** What packet handlers read of a connection's machine. */
export interface UdpDecision {
  /** HELLO is out, COOKIE is awaited. */
  readonly awaitsCookie: boolean;
  /** Stream and records may go to the peer. */
  readonly open: boolean;
  /** Open, and nothing of the peer has come since its COOKIE. */
  readonly opening: boolean;
  /** Only the peer's last packets are still answered. */
  readonly lingering: boolean;
}

export function udpDecision(snapshot: SnapshotFrom<typeof udpMachine>): UdpDecision {
  return Object.freeze({
    awaitsCookie: snapshot.matches('HELLO-SENT') || snapshot.matches('DOUBTED'),
    open: snapshot.matches('OPEN'),
    opening: snapshot.matches({ OPEN: 'OPENING' }),
    lingering: snapshot.matches('LINGERING'),
  });
}
