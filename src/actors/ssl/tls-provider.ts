import type { KeyId } from '../../engine/crypto/vault.ts';

/**
 * The contract between the SSL layer and whoever speaks TLS for it (DESIGN 5, SSL).
 *
 * A provider is outside of the core: what it tells (`TlsEvent`) are journal inputs in the order of delivery, and a replay
 * plays them back without any TLS library. The SSL layer moves the bytes; a provider touches no network.
 *
 * Rules for both sides:
 * - Nothing happens before `start()`. Events may come while a method of the engine runs or later; their order is the truth.
 *   Every method may be called from inside an event.
 * - `failed` and `ended` are last events: nothing follows them. Nothing follows `destroy()` either.
 * - `secured` comes once, after the peer's certificate, its revocation and its name or pin were checked by THIS side. The client
 *   has it before the server judged the client, so no key may be used before the server's in-band GO.
 * - No event holds a secret. Exported secrets go to the `KeySink` that the provider was built with; here only their ids are seen.
 */

/** Where exported secrets go. It becomes the only owner of `bytes`: the provider keeps no copy. */
export interface KeySink {
  importSecret(bytes: Uint8Array): KeyId;
}

/** Who may be at the other end: any of these names (SAN dns, compared whole, no wildcards) or key pins (`sha256/BASE64` of the SPKI). */
export interface PeerExpectation {
  readonly names: readonly string[];
  readonly pins: readonly string[];
}

export interface TlsOpen {
  readonly role: 'client' | 'server';
  readonly peer: PeerExpectation;
  /** Names the session in details and, for the `model` provider, its random values. */
  readonly sessionLabel: string;
}

export interface TlsProvider {
  readonly name: 'openssl' | 'model';
  open(options: TlsOpen, events: (event: TlsEvent) => void): TlsEngine;
}

export interface TlsEngine {
  /** The client's ClientHello goes out; the server begins to listen to `receive`. */
  start(): void;
  /** TLS bytes from the peer, cut anywhere. The bytes are copied or used up at once. */
  receive(bytes: Uint8Array): void;
  /** The stream that carries the TLS bytes ended. Without the peer's close_notify before it: `failed` with `closed-early`. */
  receiveEnd(): void;
  /** Application data. False and nothing done unless secured and not yet ended by `end()`. Answered by `written`. */
  write(bytes: Uint8Array): boolean;
  /** RFC 8446 section 7.5 exporter into the key sink. Undefined unless secured. `length` in bytes. */
  exportSecret(label: string, context: Uint8Array, length: number): KeyId | undefined;
  /** Sends close_notify after all that was written; before `secured` it is `destroy()`. Data still comes until the peer's own. */
  end(): void;
  /** Forgets the session at once, without an event. */
  destroy(): void;
}

export type TlsEvent =
  /** TLS bytes for the peer: whole records, in order. */
  | { readonly kind: 'output'; readonly bytes: Uint8Array }
  | TlsSecured
  /** Application data from the peer. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** One `write` of so many bytes is complete: its records were given out as `output`. */
  | { readonly kind: 'written'; readonly length: number }
  /** The peer's close_notify came, and ours is out. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly reason: TlsFailure; readonly detail: string };

export interface TlsSecured {
  readonly kind: 'secured';
  /** The expected name or pin that matched. */
  readonly peerName: string;
  readonly matchedBy: 'name' | 'pin';
  readonly protocol: string;
  readonly cipher: string;
  /** SHA-256 of the peer's certificate (DER), 64 hex digits. */
  readonly fingerprint: string;
  /** `sha256/BASE64` of the peer's SPKI. */
  readonly pin: string;
}

export type TlsFailure =
  /** The peer showed no certificate. */
  | 'no-certificate'
  /** Not issued by a configured CA, or not for this use. */
  | 'untrusted'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  /** The configured revocation list cannot be used: outdated, of another CA, or badly signed. */
  | 'revocation-unknown'
  /** A good certificate of the CA, but of somebody else. */
  | 'wrong-peer'
  /** One side offers no TLS 1.3. */
  | 'protocol-version'
  /** The peer sent a fatal alert; `detail` has its name. */
  | 'alert'
  /** Bytes that are not TLS, or a record that does not authenticate. */
  | 'malformed'
  /** The handshake took too long. */
  | 'timeout'
  /** Too many handshakes are under way. */
  | 'too-many-handshakes'
  /** The stream ended without close_notify. */
  | 'closed-early'
  /** The TLS library failed for a reason of its own; `detail` has it. */
  | 'internal';
