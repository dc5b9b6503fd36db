import type { ModelCertificate, ModelTrust } from './tls-model-certificate.ts';
import { ModelEngine } from './tls-model-engine.ts';
import type { ModelContext, ModelState } from './tls-model-state.ts';
import type { KeySink, TlsEngine, TlsEvent, TlsOpen, TlsProvider } from './tls-provider.ts';

/** One side of the model of TLS. */
export interface ModelOptions {
  readonly seed: number;
  /** Tells devices of one seed apart. */
  readonly device: string;
  /** Left out: this side has no certificate to show. */
  readonly certificate?: ModelCertificate;
  readonly trust: ModelTrust;
  readonly keys: KeySink;
  /** What a client offers; `TLSv1.2` makes a client that the other side must refuse. */
  readonly protocol?: 'TLSv1.3' | 'TLSv1.2';
}

/**
 * TLS for the lab: the flights, record types and lengths of TLS 1.3 with two certificates as the `openssl` provider has them,
 * pure and synchronous, random values from the seed. NO SECURITY: secrets follow from what is in clear on the wire.
 */
export class ModelProvider implements TlsProvider {
  readonly name = 'model';
  readonly #context: ModelContext;
  #opened = 0;

  constructor(options: ModelOptions) {
    this.#context = { ...options, offers13: options.protocol !== 'TLSv1.2' };
  }

  open(options: TlsOpen, events: (event: TlsEvent) => void): TlsEngine & { save(): ModelState } {
    this.#opened += 1;
    const randomStream = [this.#context.device, options.sessionLabel, options.role, this.#opened].join('|');
    return new ModelEngine(this.#context, options, events, randomStream);
  }

  /** Goes on from `saved`, which an engine of equal options gave; `start` was called there. */
  restore(options: TlsOpen, events: (event: TlsEvent) => void, saved: ModelState): TlsEngine & { save(): ModelState } {
    return new ModelEngine(this.#context, options, events, saved.randomStream, saved);
  }

  /** Sessions opened so far: the one thing a provider remembers. */
  save(): number {
    return this.#opened;
  }

  restoreCount(opened: number): void {
    this.#opened = opened;
  }
}
