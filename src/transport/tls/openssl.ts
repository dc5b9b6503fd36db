import { constants } from 'node:crypto';
import tls from 'node:tls';
import type { KeySink, TlsEngine, TlsEvent, TlsOpen, TlsProvider } from '../../actors/ssl/tls-provider.ts';
import { type Clock, realClock } from './clock.ts';
import { OpensslEngine } from './openssl-engine.ts';
import { untilQuiet } from './quiet.ts';

/**
 * Handshakes of the server role that may be under way at once: a safety net far above what the SSL layer's own limits let happen.
 * It cannot tell a stranger's handshake from the renewal of a session that stands.
 */
const HALF_OPEN_ENGINES = 1024;
const HANDSHAKE_TIMEOUT_MS = 30_000;
/** Hybrid post-quantum first, as OpenSSL's own default; named, so that flights keep their lengths. */
const KEY_EXCHANGE_GROUPS = 'X25519MLKEM768:X25519:P-256';

/** PEM texts. A CRL, once given, must be valid for every handshake to pass. */
export interface TlsCredentials {
  readonly certificate: string;
  readonly privateKey: string;
  readonly ca: string;
  readonly crl?: string;
}

export interface OpensslOptions {
  readonly credentials: TlsCredentials;
  readonly keys: KeySink;
  readonly halfOpenLimit?: number;
  /** 0: no limit here, the caller's own timer decides (virtual time). */
  readonly handshakeTimeout_ms?: number;
  readonly clock?: Clock;
  /** Lines of an SSLKEYLOGFILE for Wireshark: only on an operator's explicit wish. */
  readonly keyLog?: (line: Uint8Array) => void;
}

/**
 * TLS 1.3 by Node's OpenSSL, both certificates checked, no resumption, no early data.
 *
 * Resumption: SSL_OP_NO_TICKET takes the session's state out of tickets and nothing is kept here, so no ticket can be redeemed.
 * Node has no setting for the number of tickets: a server still sends two NewSessionTicket records of 79 bytes each behind
 * the client's Finished, which say nothing.
 */
export class OpensslProvider implements TlsProvider {
  readonly name = 'openssl';
  readonly #options: OpensslOptions;
  readonly #settings: tls.SecureContextOptions;
  readonly #engines = new Set<OpensslEngine>();
  #halfOpen = 0;
  /** Grows with every sign of life of any engine. */
  #activity = 0;

  /** Throws when certificate, key, CA or CRL cannot be read, or do not fit together. */
  constructor(options: OpensslOptions) {
    this.#options = options;
    this.#settings = contextSettings(options.credentials);
    tls.createSecureContext(this.#settings);
  }

  open(options: TlsOpen, events: (event: TlsEvent) => void): TlsEngine {
    const limited = options.role === 'server' && this.#halfOpen >= (this.#options.halfOpenLimit ?? HALF_OPEN_ENGINES);
    const counted = options.role === 'server' && !limited;
    if (counted) this.#halfOpen += 1;
    const engine: OpensslEngine = new OpensslEngine({
      open: options,
      events,
      limited,
      settings: this.#settings,
      keys: this.#options.keys,
      clock: this.#options.clock ?? realClock,
      handshakeTimeout_ms: this.#options.handshakeTimeout_ms ?? HANDSHAKE_TIMEOUT_MS,
      keyLog: this.#options.keyLog,
      alive: () => {
        this.#activity += 1;
      },
      handshakeOver: () => {
        if (counted) this.#halfOpen -= 1;
      },
      closed: () => this.#engines.delete(engine),
    });
    this.#engines.add(engine);
    return engine;
  }

  /**
   * Resolves when OpenSSL has nothing left to say for the bytes it received and the data it was given: every `write` had its
   * `written`, every event was delivered, and the event loop stayed quiet (see `untilQuiet`, also for when it rejects).
   * For a lab on virtual time: await it before the clock moves on.
   */
  idle(): Promise<void> {
    return untilQuiet(
      () => this.#activity,
      () => [...this.#engines].some((engine) => engine.pending),
    );
  }
}

function contextSettings(credentials: TlsCredentials): tls.SecureContextOptions {
  return {
    cert: credentials.certificate,
    key: credentials.privateKey,
    ca: credentials.ca,
    crl: credentials.crl,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ecdhCurve: KEY_EXCHANGE_GROUPS,
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
