import type { EncapsulationOptions } from '../../actors/encapsulation/layer.ts';
import type { OnDemand } from '../../actors/gateway/config.ts';
import type { HandshakeMode } from '../../actors/services.ts';
import type { SuiteId } from '../../engine/crypto/suite.ts';
import type { F13Shape } from '../../engine/f13.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import type { Ip4, Mac } from '../../wire/address.ts';

/**
 * - `engine`: embodiment 2, accelerator control and an acceleration engine between MAC and PHY (spec 2.3).
 * - `software`: embodiments 3 and 4, gateway application, bridge and virtual NIC; SSL seals and opens records (spec 3.3, 4.3).
 * - `folded`: as `software` with bridge, driver 3009 and virtual NIC folded into the intermediate driver ([0431]).
 * - `tcp-over-tcp`: as `software` without the intermediate driver: F13 is a true TCP from gateway to gateway, to compare with.
 * - `engine-udp`, `software-udp`: embodiment 11, UDP in TCP's place, and no intermediate driver (spec 11.3).
 * - `reoriginating`: embodiment 6, ends the inner leg of terminals' drivers and connects to servers itself, as the gateway (spec 6.3).
 * - `as-terminal`: embodiment 7, the same in the terminals' own names (spec 7.3).
 * - `engine-y`: embodiment 9, as `tcp-over-tcp`, but frames pass SSL in clear and engine Y between MAC and PHY encrypts F14 (spec 9.3).
 * - `driver-y`: embodiment 9, the same with intermediate driver Y below the IP stack in the place of the engine.
 */
export type GatewayKind =
  | 'engine'
  | 'software'
  | 'folded'
  | 'tcp-over-tcp'
  | 'engine-udp'
  | 'software-udp'
  | 'reoriginating'
  | 'as-terminal'
  | 'engine-y'
  | 'driver-y';

/** Whether what arrives is authenticated: not where an in-line cipher keeps the length of what it encrypts. */
export function integrityOf(kind: GatewayKind): 'aead' | 'none' {
  return kind === 'engine-y' || kind === 'driver-y' ? 'none' : 'aead';
}

/** Series of reference numerals that the layers' labels are taken from: gateway 20 has 2001…, gateway 30 has 3001…. */
export type Numerals = 2000 | 3000 | 4000 | 5000;

export interface GatewayListen {
  readonly port: number;
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
}

/** A gateway at the other end. */
export interface GatewayPeer {
  /** Name that its certificate must show (SAN). */
  readonly name: string;
  /** `sha256/BASE64` of the SPKI of its key; where given, only this counts. */
  readonly pin?: string;
  /** Where it listens; needed for `connect`. */
  readonly address?: Ip4;
  readonly port?: number;
  /** HTTP proxy on the way; only where F13 is a true TCP. */
  readonly proxy?: { readonly address: Ip4; readonly port: number };
  /** Opens the session to it, at the start and again after it was lost. */
  readonly connect: boolean;
  /** Opens the session when traffic for its stations appears, and closes it when there is none; needs `port`. */
  readonly demand?: OnDemand;
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
}

/** Everything that makes one gateway; plain data, so that a journal's config record can hold it. */
export interface GatewayOptions {
  readonly kind: GatewayKind;
  readonly numerals: Numerals;
  /** Own name, as its certificate shows it. */
  readonly name: string;
  readonly mac: Mac;
  readonly ip: Ip4;
  /** Bits of the netmask. */
  readonly prefixLength: number;
  /** Default route, IPv4. */
  readonly gateway?: Ip4;
  /** Of the link, bytes of an IP packet. */
  readonly mtu: number;
  /** Accepts sessions. */
  readonly listen?: GatewayListen;
  readonly peers: readonly GatewayPeer[];
  /** Cipher suites, most wanted first. Default: AES-256-GCM, ChaCha20-Poly1305, AES-128-GCM. */
  readonly suites?: readonly SuiteId[];
  /** Fragment orders: 0 encrypt-then-fragment, 1 fragment-then-encrypt; most wanted first. Default [1, 0]. */
  readonly orders?: readonly (0 | 1)[];
  /** Largest TCP segment size that inner SYNs may announce; left out: they pass unchanged. */
  readonly clampMss?: number;
  /** A new TLS session this often; left out: the default of the SSL layer's user, hourly. */
  readonly renewal_ms?: number;
  /** Limits of the record layer (rekey, peer death); left out: the defaults. */
  readonly limits?: Partial<RecordLimits>;
  /** Interface takes 64 KB super-frames; default false. */
  readonly superFrames?: boolean;
  /** Of a `reoriginating` gateway: port of TCP 3003B, a free one or the terminal's while that is free ([0829]); default `free`. */
  readonly sourcePorts?: EncapsulationOptions['sourcePorts'];
}
