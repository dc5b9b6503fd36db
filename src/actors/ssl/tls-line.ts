import { concat, EMPTY } from '../../wire/bytes.ts';
import { buildNegotiation, type NegotiationMessage, parseNegotiation } from '../../wire/negotiation.ts';
import type { TlsEngine, TlsOpen } from './tls-provider.ts';

/** Negotiation bytes that may wait for the rest of a message. */
const NEGOTIATION_BYTES = 1024;
const TLS_HANDSHAKE = 0x16;

/** What a line needs of the session that it is part of. */
export interface TlsLineHost {
  openTls(engine: string, options: TlsOpen): void;
  tlsEngine(engine: string): TlsEngine | undefined;
  closeTls(engine: string): void;
  /** A message of the negotiation; false when it has no place now. */
  negotiated(message: NegotiationMessage): boolean;
  malformed(detail: string): void;
}

export interface SavedTlsLine {
  readonly generation: number;
  readonly receiving: number;
  readonly rest: Uint8Array;
}

/**
 * The TLS sessions that follow each other over one byte stream: a handshake record in clear begins the next one, in each direction for
 * itself (docs/PROTOCOL.md section 5). The engines live outside, named by session and generation.
 */
export class TlsLine {
  readonly #host: TlsLineHost;
  readonly #session: string;
  /** Number of the newest TLS session; 0 before the first. */
  #generation = 0;
  /** The one whose records arrive: a client hears the session before until the server's new one begins. */
  #receiving = 0;
  /** Negotiation bytes without an end yet. */
  #rest: Uint8Array = EMPTY;

  constructor(host: TlsLineHost, session: string) {
    this.#host = host;
    this.#session = session;
  }

  get generation(): number {
    return this.#generation;
  }

  get engine(): TlsEngine | undefined {
    return this.#engineOf(this.#generation);
  }

  /** Begins a TLS session of the next generation. */
  open(options: Pick<TlsOpen, 'role' | 'peer'>): void {
    this.#generation += 1;
    const engine = engineName(this.#session, this.#generation);
    this.#host.openTls(engine, { ...options, sessionLabel: engine });
    if (options.role === 'server' || this.#generation === 1) this.#receiveNewest();
    this.engine?.start();
  }

  /** True for a record that begins a TLS session which nobody here has begun. */
  begins(record: Uint8Array): boolean {
    return record[0] === TLS_HANDSHAKE && this.#receiving === this.#generation;
  }

  receive(record: Uint8Array): void {
    if (record[0] === TLS_HANDSHAKE && this.#receiving < this.#generation) this.#receiveNewest();
    this.#engineOf(this.#receiving)?.receive(record);
  }

  /** The byte stream has ended. */
  receiveEnd(): void {
    for (const generation of this.#live()) this.#engineOf(generation)?.receiveEnd();
  }

  /** Whether an engine of this number may still be heard. */
  hears(generation: number): boolean {
    return generation === this.#generation || generation === this.#receiving;
  }

  /** Application data. */
  data(bytes: Uint8Array): void {
    const all = concat(this.#rest, bytes);
    let at = 0;
    while (at < all.length) {
      const read = parseNegotiation(all, at, all.length);
      if (!read.ok && read.reason === 'incomplete') break;
      if (!read.ok) return this.#host.malformed(read.reason);
      at = read.end;
      if (!this.#host.negotiated(read.message)) return this.#host.malformed(`unexpected ${read.message.kind}`);
    }
    this.#rest = all.slice(at);
    if (this.#rest.length > NEGOTIATION_BYTES) this.#host.malformed('endless negotiation');
  }

  /** False when TLS cannot say it: not secured yet, or at its end. */
  say(message: NegotiationMessage): boolean {
    return this.engine?.write(buildNegotiation(message)) ?? false;
  }

  /** Forgets all engines. */
  close(): void {
    for (const generation of this.#live()) this.#host.closeTls(engineName(this.#session, generation));
  }

  save(): SavedTlsLine {
    return { generation: this.#generation, receiving: this.#receiving, rest: this.#rest };
  }

  restore(saved: SavedTlsLine): void {
    this.#generation = saved.generation;
    this.#receiving = saved.receiving;
    this.#rest = saved.rest;
  }

  #receiveNewest(): void {
    if (this.#receiving !== 0) this.#host.closeTls(engineName(this.#session, this.#receiving));
    this.#receiving = this.#generation;
    this.#rest = EMPTY;
  }

  #live(): number[] {
    return [...new Set([this.#receiving, this.#generation])].filter((generation) => generation !== 0);
  }

  #engineOf(generation: number): TlsEngine | undefined {
    return this.#host.tlsEngine(engineName(this.#session, generation));
  }
}

/** Name of a TLS engine: session and generation. */
export function engineName(session: string, generation: number): string {
  return `${session}#${generation}`;
}

/** The parts of {@link engineName}; undefined for anything else. */
export function engineParts(engine: string): { readonly session: string; readonly generation: number } | undefined {
  const at = engine.lastIndexOf('#');
  const generation = Number(engine.slice(at + 1));
  return at > 0 && Number.isInteger(generation) ? { session: engine.slice(0, at), generation } : undefined;
}
