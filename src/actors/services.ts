/**
 * Messages on the service ports between layers: requests go down, indications come up. Frame ports carry `Frame`s; these carry
 * what an operating system would have as calls (sockets, ioctl).
 */

import type { SuiteId } from '../engine/crypto/suite.ts';
import type { KeyId } from '../engine/crypto/vault.ts';
import type { F13Shape, FourTuple } from '../engine/f13.ts';
import type { Cidr, Ip4, Mac } from '../wire/address.ts';
import type { DemandRule } from '../wire/demand-rule.ts';
import type { CipherWay } from '../wire/hairpin.ts';
import type { Cidr6, Ip6, IpAddress } from '../wire/ip-address.ts';
import type { SourceRoute } from '../wire/ip-options.ts';
import type { Frame } from './frame.ts';
import type { Want } from './sites/demand.ts';
import type { TcpChoices } from './tcp/settings.ts';

// ---- TCP <-> its user (SSL, an application) ----

/** Name of one TCP connection on one service port. The user picks it for `connect`; TCP picks `accepted-N`. */
export type ConnectionName = string;

/** What is left out may be anything. */
export interface ListenOnly {
  /** Own address. */
  readonly address?: IpAddress;
  readonly remote?: IpAddress;
  readonly remotePort?: number;
}

export type TcpRequest =
  | {
      readonly kind: 'listen';
      readonly port: number;
      /** So many connections of the port at a time; while they stand no further one begins. */
      readonly most?: number;
      /** Takes connections to or from these alone (a passive OPEN of a specified remote). */
      readonly only?: ListenOnly;
      /** For the connections that come of it. */
      readonly choices?: TcpChoices;
    }
  | { readonly kind: 'unlisten'; readonly port: number }
  | {
      readonly kind: 'connect';
      readonly connection: ConnectionName;
      readonly destination: IpAddress;
      readonly destinationPort: number;
      /** Left out: TCP picks a free one. */
      readonly sourcePort?: number;
      /** Own address to send from. Left out: TCP picks it. */
      readonly source?: IpAddress;
      /** The way to take, IPv4 only; left out: routers know it (RFC 9293 MUST-51). */
      readonly sourceRoute?: SourceRoute;
      readonly choices?: TcpChoices;
    }
  /** Changes what was chosen for a connection, from the next segment on. */
  | { readonly kind: 'choose'; readonly connection: ConnectionName; readonly choices: TcpChoices }
  /** Asks for a `status`. */
  | { readonly kind: 'status'; readonly connection: ConnectionName }
  /** TCP takes it whole; `writable` tells when its queue has room again. A user that ignores `full` is its own fault. */
  | {
      readonly kind: 'write';
      readonly connection: ConnectionName;
      readonly bytes: Uint8Array;
      /** These bytes, and all before them, are urgent. New users do better without (RFC 9293 SHLD-13). */
      readonly urgent?: boolean;
    }
  /** The user has worked off so many delivered bytes: the receive window may open by that much. */
  | { readonly kind: 'consumed'; readonly connection: ConnectionName; readonly bytes: number }
  /** Sends FIN after everything written; data may still come in. */
  | { readonly kind: 'close'; readonly connection: ConnectionName }
  /** Sends RST and forgets. */
  | { readonly kind: 'abort'; readonly connection: ConnectionName };

export type TcpCloseReason = 'normal' | 'reset' | 'refused' | 'timed-out' | 'unreachable' | 'aborted';

/** A connection as it is now (the STATUS call of RFC 9293 section 3.9.1). */
export interface TcpStatus {
  /** One of the 11 states; CLOSED for a connection that is not there. */
  readonly state: string;
  /** Bytes that the other side's window has room for, and that ours offers. */
  readonly sendWindow: number;
  readonly receiveWindow: number;
  /** Bytes that wait for an acknowledgement or for the window, and those that wait for the user. */
  readonly unacknowledged: number;
  readonly unread: number;
  /** Urgent bytes that the user has still to work off. */
  readonly urgent: number;
  /** Payload of a full segment. */
  readonly mss: number;
  readonly srtt_us: number;
  readonly rto_us: number;
  /** Sequence number of the next byte that the user will write, and of the next that it will be given. */
  readonly sendSequence: number;
  readonly receiveSequence: number;
}

export type TcpIndication =
  | {
      readonly kind: 'accepted';
      readonly connection: ConnectionName;
      readonly localPort: number;
      readonly remote: IpAddress;
      readonly remotePort: number;
    }
  | { readonly kind: 'connected'; readonly connection: ConnectionName; readonly localPort: number }
  | { readonly kind: 'data'; readonly connection: ConnectionName; readonly bytes: Uint8Array }
  /** Of the data that comes next, so many bytes are urgent. Told again when the urgent data goes further. */
  | { readonly kind: 'urgent'; readonly connection: ConnectionName; readonly bytes: number }
  /** The connection goes on, but 3 retransmissions in a row went unanswered, or somebody on the way says by ICMP that it can't pass. */
  | { readonly kind: 'troubled'; readonly connection: ConnectionName; readonly cause: 'no-answer' | 'icmp' }
  | ({ readonly kind: 'status'; readonly connection: ConnectionName } & TcpStatus)
  /** The send queue was over its mark and has room for `space` bytes again. */
  | { readonly kind: 'writable'; readonly connection: ConnectionName; readonly space: number }
  /** The send queue is over its mark: stop writing until `writable`. */
  | { readonly kind: 'full'; readonly connection: ConnectionName }
  /** FIN from the other side: no more data will come. */
  | { readonly kind: 'remote-closed'; readonly connection: ConnectionName }
  /** The connection is gone; its name is free. */
  | { readonly kind: 'closed'; readonly connection: ConnectionName; readonly reason: TcpCloseReason };

// ---- SSL <-> accelerator control / gateway application ----

/** Name of one tunnel session on the SSL service port: what the application picked for `connect`, `accepted-N` otherwise. */
export type SessionName = string;

/** All that the two ends agreed on and that a record engine needs; key ids, never keys. */
export interface RecordParameters {
  readonly role: 'client' | 'server';
  readonly peerName: string;
  readonly suite: SuiteId;
  /** 0 encrypt-then-fragment, 1 fragment-then-encrypt. */
  readonly order: 0 | 1;
  /** Smaller of both ends', bytes of an IP packet. */
  readonly pathMtu: number;
  readonly receiveConnectionId: number;
  readonly sendConnectionId: number;
  readonly keys: {
    readonly sendData: KeyId;
    readonly receiveData: KeyId;
    readonly sendControl: KeyId;
    readonly receiveControl: KeyId;
  };
  /**
   * Left out: frames travel in sealed records. `none`: they travel in clear units, and an in-line cipher below IP encrypts the byte stream
   * under `sendData` and `receiveData` (stream keys; the control keys are the same): nothing authenticates what arrives.
   */
  readonly integrity?: 'none';
}

export type SslRequest =
  | { readonly kind: 'listen'; readonly port: number }
  | { readonly kind: 'unlisten'; readonly port: number }
  | {
      readonly kind: 'connect';
      readonly session: SessionName;
      /** Name in the peer's certificate that must be shown. */
      readonly peer: string;
      readonly destination: Ip4;
      readonly destinationPort: number;
      readonly sourcePort: number;
    }
  /** Digest of the leg's set-up packets (PROTOCOL.md 3 and 5), once the leg stands; all zeros where there is no leg. */
  | {
      readonly kind: 'leg';
      readonly session: SessionName;
      readonly digest: Uint8Array;
      readonly shape: F13Shape;
      readonly handshake: HandshakeMode;
    }
  /** The receiver of records has its keys: the server may say GO. */
  | { readonly kind: 'installed'; readonly session: SessionName }
  /** A new TLS session over the same stream, with fresh keys and ids. */
  | { readonly kind: 'renew'; readonly session: SessionName }
  /** Turns on SSL's own record part (software gateways): frames are sealed and opened here. */
  | { readonly kind: 'records'; readonly session: SessionName; readonly parameters: RecordParameters }
  /** One inner Ethernet frame to seal and send (record part on). */
  | { readonly kind: 'frame'; readonly session: SessionName; readonly frame: Frame }
  | { readonly kind: 'close'; readonly session: SessionName };

export type SslFailure =
  | 'tcp-refused'
  | 'tcp-reset'
  | 'tcp-timed-out'
  | 'tcp-unreachable'
  | 'no-certificate'
  | 'untrusted'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  | 'revocation-unknown'
  | 'wrong-peer'
  | 'protocol-version'
  | 'alert'
  | 'malformed'
  | 'timed-out'
  | 'closed-early'
  | 'leg-tampered'
  | 'no-common-suite'
  | 'busy'
  | 'internal';

export type SslIndication =
  | { readonly kind: 'accepted'; readonly session: SessionName; readonly tuple: FourTuple }
  /** TCP below is connected; TLS begins. */
  | { readonly kind: 'connected'; readonly session: SessionName; readonly tuple: FourTuple }
  /** Peer authenticated and parameters agreed. The server's application installs its receive keys, then answers `installed`;
   *  the client's may start at once (GO was received). Comes again after `renew`. */
  | { readonly kind: 'secured'; readonly session: SessionName; readonly parameters: RecordParameters }
  /** First record opened (record part on). */
  | { readonly kind: 'authenticated'; readonly session: SessionName }
  | { readonly kind: 'frame'; readonly session: SessionName; readonly frame: Frame }
  | {
      readonly kind: 'closed';
      readonly session: SessionName;
      readonly reason: 'local' | 'peer' | 'peer-dead' | SslFailure;
    };

// ---- SSL <-> a cipher elsewhere ----

export type CipherRequest =
  /** The keys of one TLS session are the cipher's from now on; `sessionId` names them in what follows. */
  | ({ readonly kind: 'install' } & Omit<EngineStart, 'site'>)
  /** After the last record under these keys. */
  | { readonly kind: 'forget'; readonly sessionId: number }
  /** `record`: header and plaintext to seal, or the whole record to open. */
  | { readonly kind: CipherWay; readonly sessionId: number; readonly record: Uint8Array };

export type CipherIndication =
  /** In the order of the requests: `record` sealed or opened, or as it was where that cannot be. */
  | { readonly kind: CipherWay; readonly sessionId: number; readonly record: Uint8Array }
  /** The cipher does not have the session's keys: there are too many. */
  | { readonly kind: 'refused'; readonly sessionId: number };

// ---- intermediate driver's setting manager (block L) <-> application ----

export type HandshakeMode = 'hold' | 'immediate';

/** Everything an engine's START needs besides what the driver knows itself (F13 numbers, next-hop MAC). */
export interface EngineStart {
  readonly sessionId: number;
  readonly tuple: FourTuple;
  readonly parameters: RecordParameters;
  /** Number of the peer, 1 to 65535, the same for all its sessions. */
  readonly site: number;
}

export type SettingRequest =
  /** Sessions to this address and port get TCP termination (spec 2.4 step 1). */
  | {
      readonly kind: 'announce-listen';
      readonly address: Ip4;
      readonly port: number;
      readonly shape: F13Shape;
      readonly handshake: HandshakeMode;
    }
  /** Frames whose source or destination is in this range of MAC addresses are special: control frames of an engine. */
  | { readonly kind: 'announce-special'; readonly first: Mac; readonly last: Mac }
  /** The session that is about to be opened (spec 2.4 step 3). */
  | {
      readonly kind: 'announce-connect';
      readonly tuple: FourTuple;
      readonly shape: F13Shape;
      readonly handshake: HandshakeMode;
    }
  | { readonly kind: 'withdraw'; readonly tuple: FourTuple }
  /** SSL's record part takes records with this id: only such move the F13 acknowledgement number and reach the local TCP. */
  | { readonly kind: 'announce-records'; readonly tuple: FourTuple; readonly receiveConnectionId: number }
  /** Block M: put the session's addresses, key ids and the start command into a control frame for the engine below. */
  | { readonly kind: 'engine-start'; readonly start: EngineStart }
  | { readonly kind: 'engine-renew'; readonly start: EngineStart }
  | { readonly kind: 'engine-stop'; readonly sessionId: number; readonly reason: number }
  /** The engine is to say when traffic wants a session with this peer, and when the session is idle. */
  | { readonly kind: 'engine-demand'; readonly rule: DemandRule };

/** The leg below a session, as the driver tells it. */
export interface Leg {
  readonly tuple: FourTuple;
  readonly digest: Uint8Array;
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
  readonly ownMac: Mac;
  readonly nextHopMac: Mac;
}

export type SettingIndication =
  /** The leg stands: the far driver's TCP has answered (or, at the far end, ours has). */
  | ({ readonly kind: 'leg-open' } & Leg)
  | { readonly kind: 'leg-closed'; readonly tuple: FourTuple; readonly reason: string }
  | { readonly kind: 'engine-started'; readonly sessionId: number }
  | { readonly kind: 'engine-stopped'; readonly sessionId: number; readonly reason: number }
  | { readonly kind: 'engine-authenticated'; readonly sessionId: number }
  | { readonly kind: 'engine-wanted'; readonly want: Want }
  /** The engine asks to end the session: peer's BYE, peer dead, numbers used up. */
  | { readonly kind: 'engine-disconnect'; readonly sessionId: number; readonly reason: number };

// ---- IP stack's neighbours <-> who writes F11 himself where no intermediate driver does ----

export interface NextHopQuestion {
  readonly kind: 'next-hop';
  /** Comes back with the answer. */
  readonly name: string;
  readonly destination: Ip4;
}

export interface NextHopAnswer {
  readonly kind: 'next-hop';
  readonly name: string;
  readonly own: Mac;
  /** Undefined: nothing was sent that way lately, or there is no way. */
  readonly nextHop: Mac | undefined;
}

/** Where a host of the IP stack's own network is; it is asked. */
export interface FindQuestion {
  readonly kind: 'find';
  readonly address: Ip4;
}

export type FindAnswer =
  | { readonly kind: 'found'; readonly address: Ip4; readonly mac: Mac }
  /** It does not answer, it is not of this network, or there is no room to ask. */
  | { readonly kind: 'not-found'; readonly address: Ip4 };

export type NeighbourQuestion = NextHopQuestion | FindQuestion;
export type NeighbourAnswer = NextHopAnswer | FindAnswer;

// ---- addresses that the IP stack owns, for layers that must know ----

export interface InterfaceAddress {
  readonly address: Ip4;
  /** Bits of the netmask, 0-32. */
  readonly prefixLength: number;
  readonly gateway?: Ip4;
  /** Networks behind other routers of the link than the default one; the longest prefix counts. */
  readonly routes?: readonly { readonly destination: Cidr; readonly gateway: Ip4 }[];
  readonly mac: Mac;
  /** Left out: the interface does not speak IPv6. */
  readonly ip6?: Interface6;
}

/** The IPv6 side of an interface. */
export interface Interface6 {
  /** Besides the link-local one; each prefix is a network of this link. */
  readonly addresses: readonly Cidr6[];
  /** Left out: made of the MAC address (RFC 4862 section 5.3). */
  readonly linkLocal?: Ip6;
  /** The default router. */
  readonly gateway?: Ip6;
  /** How often an address is asked for before it is used (RFC 4862 DupAddrDetectTransmits); default 1, 0: used at once. */
  readonly duplicateProbes?: number;
}

// ---- encapsulation processing 3001B <-> IP stack 3005B ----

/** As whom an IP stack speaks: a terminal's addresses. */
export interface Identity {
  readonly address: Ip4;
  readonly mac: Mac;
}

/** Each `take` that was not refused is followed by one `leave`. `name` comes back with the answer. */
export type IdentityRequest =
  | { readonly kind: 'take'; readonly name: string; readonly identity: Identity }
  | { readonly kind: 'leave'; readonly identity: Identity };

export type IdentityIndication =
  | { readonly kind: 'taken'; readonly name: string }
  /** `conflict`: the address belongs to another MAC address, or no host may have the two. */
  | { readonly kind: 'refused'; readonly name: string; readonly reason: 'full' | 'conflict' };
