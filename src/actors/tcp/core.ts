import type { TcpDecision, TcpEnd } from '../../machines/tcp.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import type { MachineObserver } from '../machine-host.ts';
import type { CongestionName } from './congestion/congestion.ts';
import type { EcnChoice } from './ecn.ts';
import type { TimerHost } from './lazy-timer.ts';
import type { Keepalive } from './limits.ts';
import type { MtuProbing } from './path-mtu.ts';
import type { RareTimers } from './rare-timers.ts';
import type { OutSegment } from './segment.ts';
import type { TcpChoices, TcpSettings } from './settings.ts';
import type { Urgent } from './urgent.ts';

/** What a connection tells its user. */
export type ConnectionEvent =
  /** A SYN came and is held: `release`, `refuse` or `abort` decide about it. */
  | { readonly kind: 'syn-received' }
  | { readonly kind: 'connected' }
  /** Bytes in order; the user reports with `consumed` when it has worked them off. The array is a view of what arrived. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** Of what is delivered next, so many bytes are urgent: told with the first urgent pointer and with each that goes further. */
  | { readonly kind: 'urgent'; readonly bytes: number }
  /**
   * The path is in trouble, and the connection goes on (R1 of RFC 9293 section 3.8.3): `no-answer` after 3 retransmissions in a row,
   * `icmp` when somebody on the way says so.
   */
  | { readonly kind: 'troubled'; readonly cause: 'no-answer' | 'icmp' }
  /** The send queue is over its mark. */
  | { readonly kind: 'full' }
  | { readonly kind: 'writable'; readonly space: number }
  | { readonly kind: 'remote-closed' }
  /** For the user the connection is over. It may go on in TIME-WAIT. */
  | { readonly kind: 'closed'; readonly reason: TcpEnd }
  /** Nothing is left: no timer, no segment is awaited. Whoever keeps the object drops it now. Always the last one. */
  | { readonly kind: 'gone' };

/** The world of a connection. `transmit` and `setTimer` must not call back into the connection; `indicate` may. */
export interface TcpConnectionHost extends TimerHost {
  /** An initial sequence number for this connection (RFC 6528). */
  isn(): number;
  transmit(segment: OutSegment): void;
  indicate(event: ConnectionEvent): void;
  /** Negative advice: what goes out next may be on a dead path (RFC 9293 section 3.8.3, R1). */
  doubtPath?(): void;
  readonly observer: MachineObserver;
}

/** What a connection is made with, and never changes; what its user may change later is in {@link TcpChoices}. */
export interface TcpConnectionOptions extends TcpChoices {
  /** Instance name of its machine. */
  readonly name: string;
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** Largest payload of a segment without TCP options, both ways: MTU less 40, with IPv6 less 60. */
  readonly mss: number;
  /** Leave a passive open's SYN unanswered until `release`. */
  readonly holdSynAck?: boolean;
  /** Probes in FIN-WAIT-2 where the user has not asked for keepalive; none unless given. */
  readonly finWaitKeepalive?: Keepalive;
  readonly congestion?: CongestionName;
  /** Explicit congestion notification (RFC 3168): `accept`, the default, uses it where the other side asks. */
  readonly ecn?: EcnChoice;
  readonly sendQueueBytes?: number;
  readonly receiveBufferBytes?: number;
  readonly timeWait_us?: number;
  /** Search for the size of packets that the path takes; `black-hole` unless given. */
  readonly mtuProbing?: MtuProbing;
  /** Retransmissions of data, SYN or SYN+ACK before the other side counts as dead. */
  readonly retransmissions?: number;
  /** Offer window scale, SACK and timestamps; each is on unless false. */
  readonly windowScale?: boolean;
  readonly sack?: boolean;
  readonly timestamps?: boolean;
  /** The layers below take segments of up to 64 KB and leave cutting and checksums to the interface; off unless true. */
  readonly superSegments?: boolean;
}

/** What sender and receiver of one connection share. */
export interface ConnectionCore {
  readonly host: TcpConnectionHost;
  readonly options: TcpConnectionOptions;
  /** What the user has chosen, and the way that the other side has; read anew each time. */
  settings: TcpSettings;
  readonly urgent: Urgent;
  readonly rareTimers: RareTimers;
  /** What the machine decided; read anew each time. */
  readonly decision: TcpDecision;
  /** Our timestamp in a segment that goes out now; -1 without the option. */
  readonly stamp: number;
  /** Puts a segment on the wire with the present ACK, window and options; headroom as in {@link OutSegment}. */
  emit(seq: number, flags: number, payload: Uint8Array, headroom_bytes?: number): void;
  /** Tells the user once the present step is done. */
  tell(event: ConnectionEvent): void;
}

/** Plain counters of a connection. */
export interface TcpStats {
  /** Payload bytes that were acknowledged by the other side, and that were delivered to the user. */
  bytesOut: number;
  bytesIn: number;
  segmentsOut: number;
  segmentsIn: number;
  /** Segments sent again, for whatever reason. */
  retransmissions: number;
  timeouts: number;
  /** Repetitions that the other side reported as needless (DSACK), and reductions of the window that were taken back. */
  repeatedForNothing: number;
  undone: number;
  /** Segments that the network had marked (ECN), and reductions of our window because of such marks. */
  marksSeen: number;
  marksAnswered: number;
  fastRecoveries: number;
  tailProbes: number;
  windowProbes: number;
  /** Answers to what may be a guess (RFC 5961); and to probes of the other side, keepalive or for a shut window. */
  challenges: number;
  probesAnswered: number;
  /** Bare ACKs that later segments had overtaken. */
  overtakenAcks: number;
  /** Segments that arrived ahead of a gap; and those of which nothing was new. */
  outOfOrder: number;
  duplicates: number;
}

/** All of them zero. */
export function newStats(): TcpStats {
  return {
    bytesOut: 0,
    bytesIn: 0,
    segmentsOut: 0,
    segmentsIn: 0,
    retransmissions: 0,
    timeouts: 0,
    repeatedForNothing: 0,
    undone: 0,
    marksSeen: 0,
    marksAnswered: 0,
    fastRecoveries: 0,
    tailProbes: 0,
    windowProbes: 0,
    challenges: 0,
    probesAnswered: 0,
    overtakenAcks: 0,
    outOfOrder: 0,
    duplicates: 0,
  };
}
