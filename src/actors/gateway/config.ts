import type { F13Shape } from '../../engine/f13.ts';
import type { Cidr, Ip4 } from '../../wire/address.ts';
import type { HandshakeMode } from '../services.ts';

/** Age at which a session's client asks for a new TLS session. */
export const RENEW_EVERY_MS = 3_600_000;
/** Sessions of a gateway that are alive or lingering, unless its config says otherwise. */
export const TUNNEL_SESSIONS = 256;
/** Legs that stand and whose session SSL has not yet accepted. */
export const UNCLAIMED_LEGS = 64;

/** How sessions to an address are set up. */
export interface LegChoice {
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
}

/** A session that traffic opens and idleness closes ([1421]). */
export interface OnDemand {
  /** Closed when no station here and no station there has spoken to the other for so long. */
  readonly idle_ms: number;
  /** Where the peer's stations are, besides those that earlier sessions taught. */
  readonly networks?: readonly Cidr[];
}

export interface GatewayPeer extends LegChoice {
  /** Name in the peer's certificate, or the name that its key pin has in SSL's options. */
  readonly name: string;
  /** Without an address and a port the peer can only dial us. */
  readonly address?: Ip4;
  readonly port?: number;
  /** Dialled from the start, and again whenever the session ends. */
  readonly connect: boolean;
  /** Dialled when traffic for its stations appears: at `address`, or where its last session came from. Needs `port`. */
  readonly demand?: OnDemand;
}

export interface GatewayConfig {
  /** Own name, as in the own certificate. */
  readonly name: string;
  /** Own tunnel address. */
  readonly address: Ip4;
  readonly listen?: LegChoice & { readonly port: number };
  readonly peers: readonly GatewayPeer[];
  /** Sessions that are alive or lingering; default {@link TUNNEL_SESSIONS}. */
  readonly sessions?: number;
  readonly renewEvery_ms?: number;
}
