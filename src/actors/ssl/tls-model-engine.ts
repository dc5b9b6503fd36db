import { sha256 } from '@noble/hashes/sha2.js';
import { hkdfExpandLabel } from '../../engine/crypto/key-schedule.ts';
import type { KeyId } from '../../engine/crypto/vault.ts';
import { concat, EMPTY } from '../../wire/bytes.ts';
import { SeededRandom } from '../random.ts';
import { judgeModelCertificate, readModelCertificate, writeModelCertificate } from './tls-model-certificate.ts';
import {
  buildClientHello,
  buildServerHello,
  handshakeMessage,
  MESSAGE,
  RANDOM_BYTES,
  readClientHello,
  readHandshakeMessage,
  readServerHello,
} from './tls-model-hello.ts';
import {
  CONTENT,
  cutRecord,
  LEGACY_FIRST,
  openModelRecord,
  PLAINTEXT_BYTES,
  plainRecord,
  sealModelRecord,
  type TlsRecord,
} from './tls-model-records.ts';
import {
  ALERT,
  BAD_RECORD,
  CLOSED_EARLY,
  type Fault,
  type ModelContext,
  type ModelState,
  newState,
  OLD_PROTOCOL,
  UNEXPECTED,
} from './tls-model-state.ts';
import type { TlsEngine, TlsEvent, TlsOpen } from './tls-provider.ts';

/** Bodies of handshake messages as OpenSSL sends them (AES-256-GCM-SHA384, P-256 signatures). */
const BODY_BYTES = {
  encryptedExtensions: 2,
  certificateRequest: 77,
  certificateVerify: 75,
  finished: 48,
  ticket: 53,
} as const;
const TICKETS = 2;
const FATAL = 2;
const WARNING = 1;

/** One session of the `model` provider. */
export class ModelEngine implements TlsEngine {
  readonly #context: ModelContext;
  readonly #open: TlsOpen;
  readonly #events: (event: TlsEvent) => void;
  readonly #state: ModelState;
  #pumping = false;

  constructor(
    context: ModelContext,
    open: TlsOpen,
    events: (event: TlsEvent) => void,
    randomStream: string,
    saved?: ModelState,
  ) {
    this.#context = context;
    this.#open = open;
    this.#events = events;
    this.#state = saved === undefined ? newState(randomStream) : structuredClone(saved);
  }

  save(): ModelState {
    return structuredClone(this.#state);
  }

  start(): void {
    const state = this.#state;
    if (state.phase !== 'new') return;
    state.phase = 'hello';
    if (this.#open.role === 'server') return;
    const source = this.#random();
    state.clientRandom = source.bytes(RANDOM_BYTES);
    const hello = buildClientHello(state.clientRandom, source, this.#context.offers13);
    this.#emit({ kind: 'output', bytes: plainRecord(CONTENT.handshake, hello, LEGACY_FIRST) });
  }

  receive(bytes: Uint8Array): void {
    const state = this.#state;
    if (state.phase === 'new' || state.phase === 'closed' || state.inputEnded) return;
    state.input = concat(state.input, bytes);
    this.#pump();
  }

  receiveEnd(): void {
    if (this.#state.phase === 'new') return;
    this.#state.inputEnded = true;
    this.#pump();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state.phase !== 'open') return false;
    const records: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += PLAINTEXT_BYTES) {
      records.push(this.#seal(CONTENT.applicationData, bytes.subarray(at, at + PLAINTEXT_BYTES)));
    }
    if (records.length > 0) this.#emit({ kind: 'output', bytes: concat(...records) });
    this.#emit({ kind: 'written', length: bytes.length });
    return true;
  }

  exportSecret(label: string, context: Uint8Array, length: number): KeyId | undefined {
    if (this.#state.phase !== 'open') return undefined;
    const secret = hkdfExpandLabel(this.#secret(), label, sha256(context), length);
    return this.#context.keys.importSecret(secret);
  }

  end(): void {
    if (this.#state.phase === 'ending') return;
    if (this.#state.phase !== 'open') {
      this.destroy();
      return;
    }
    this.#state.phase = 'ending';
    this.#emit({ kind: 'output', bytes: this.#alert(WARNING, ALERT.closeNotify) });
  }

  destroy(): void {
    this.#state.phase = 'closed';
    this.#state.input = EMPTY;
  }

  /** Works off whole records; what comes in while it does (from an event's receiver) waits its turn. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let record = this.#takeRecord(); record !== undefined; record = this.#takeRecord()) {
        const fault = record === 'malformed' ? UNEXPECTED : this.#handleRecord(record);
        if (fault !== undefined) this.#fail(fault);
      }
    } finally {
      this.#pumping = false;
    }
    if (this.#state.inputEnded) this.#last(CLOSED_EARLY);
  }

  /** The next whole record; undefined when there is none or the session is over. */
  #takeRecord(): TlsRecord | 'malformed' | undefined {
    if (this.#state.phase === 'closed') return undefined;
    const cut = cutRecord(this.#state.input);
    if (cut === 'incomplete') return undefined;
    if (cut === 'malformed') return cut;
    this.#state.input = this.#state.input.slice(cut.length);
    return cut.record;
  }

  #handleRecord(record: TlsRecord): Fault | undefined {
    if (record.type === CONTENT.changeCipherSpec) return undefined;
    if (record.type === CONTENT.alert) return this.#handleAlert(record.body);
    if (this.#state.phase === 'hello') return this.#handleHello(record);
    if (record.type !== CONTENT.applicationData) return UNEXPECTED;
    const sender = this.#open.role === 'client' ? 'server' : 'client';
    const opened = openModelRecord({ secret: this.#secret(), sender, number: this.#state.received }, record.body);
    if (opened === undefined) return BAD_RECORD;
    this.#state.received += 1;
    return this.#handleContent(opened);
  }

  #handleContent(content: TlsRecord): Fault | undefined {
    const inFlight = this.#state.phase === 'flight';
    if (content.type === CONTENT.alert) return this.#handleAlert(content.body);
    if (content.type === CONTENT.handshake && inFlight) return this.#handleFlight(content.body);
    // Tickets say nothing.
    if (content.type === CONTENT.handshake && this.#open.role === 'client') return undefined;
    if (content.type !== CONTENT.applicationData || inFlight) return UNEXPECTED;
    this.#emit({ kind: 'data', bytes: content.body });
  }

  #handleHello(record: TlsRecord): Fault | undefined {
    if (record.type !== CONTENT.handshake) return UNEXPECTED;
    if (this.#open.role === 'server') return this.#answerHello(record.body);
    const serverRandom = readServerHello(record.body);
    if (serverRandom === undefined) return UNEXPECTED;
    this.#state.serverRandom = serverRandom;
    this.#state.phase = 'flight';
  }

  #answerHello(content: Uint8Array): Fault | undefined {
    const hello = readClientHello(content);
    if (hello === undefined) return UNEXPECTED;
    if (!hello.offers13) return OLD_PROTOCOL;
    const state = this.#state;
    const source = this.#random();
    state.clientRandom = hello.random;
    state.serverRandom = source.bytes(RANDOM_BYTES);
    state.phase = 'flight';
    const flight = concat(
      plainRecord(CONTENT.handshake, buildServerHello(state.serverRandom, hello.sessionId, source)),
      plainRecord(CONTENT.changeCipherSpec, Uint8Array.of(1)),
      this.#message(MESSAGE.encryptedExtensions, new Uint8Array(BODY_BYTES.encryptedExtensions)),
      this.#message(MESSAGE.certificateRequest, new Uint8Array(BODY_BYTES.certificateRequest)),
      this.#certificateMessages(),
    );
    this.#emit({ kind: 'output', bytes: flight });
  }

  #handleFlight(content: Uint8Array): Fault | undefined {
    const message = readHandshakeMessage(content);
    if (message === undefined) return UNEXPECTED;
    if (message.type === MESSAGE.finished) return this.#finish();
    if (message.type !== MESSAGE.certificate) return undefined;
    const shown = readModelCertificate(message.body);
    if (shown === undefined) return UNEXPECTED;
    this.#state.shown = shown;
  }

  /** A side that refuses the other's certificate falls silent, as node:tls does; only a missing one is worth an alert. */
  #finish(): Fault | undefined {
    const verdict = judgeModelCertificate(this.#state.shown, this.#context.trust, this.#open.peer);
    if ('reason' in verdict) {
      return verdict.reason === 'no-certificate' ? { ...verdict, alert: ALERT.certificateRequired } : verdict;
    }
    const flight =
      this.#open.role === 'client'
        ? [plainRecord(CONTENT.changeCipherSpec, Uint8Array.of(1)), this.#certificateMessages()]
        : Array.from({ length: TICKETS }, () =>
            this.#message(MESSAGE.newSessionTicket, new Uint8Array(BODY_BYTES.ticket)),
          );
    this.#state.phase = 'open';
    this.#emit({ kind: 'output', bytes: concat(...flight) });
    this.#emit(verdict);
  }

  #handleAlert(body: Uint8Array): Fault | undefined {
    const code = body[1];
    if (body.length !== 2) return UNEXPECTED;
    if (code === ALERT.protocolVersion) return { reason: 'protocol-version', detail: 'alert of the peer' };
    if (code !== ALERT.closeNotify) return { reason: 'alert', detail: `alert ${code}` };
    if (this.#state.phase === 'open') this.end();
    if (this.#state.phase !== 'ending') return { reason: 'closed-early', detail: 'close_notify within the handshake' };
    this.#last({ kind: 'ended' });
  }

  #fail(fault: Fault): void {
    if (fault.alert !== undefined) this.#emit({ kind: 'output', bytes: this.#alert(FATAL, fault.alert) });
    this.#last({ kind: 'failed', reason: fault.reason, detail: fault.detail });
  }

  #last(event: TlsEvent): void {
    if (this.#state.phase === 'closed') return;
    this.destroy();
    this.#events(event);
  }

  #emit(event: TlsEvent): void {
    if (this.#state.phase !== 'closed') this.#events(event);
  }

  #certificateMessages(): Uint8Array {
    const { certificate } = this.#context;
    const verify = this.#open.role === 'server' || certificate !== undefined;
    return concat(
      this.#message(MESSAGE.certificate, writeModelCertificate(certificate)),
      verify ? this.#message(MESSAGE.certificateVerify, new Uint8Array(BODY_BYTES.certificateVerify)) : EMPTY,
      this.#message(MESSAGE.finished, new Uint8Array(BODY_BYTES.finished)),
    );
  }

  #message(type: number, body: Uint8Array): Uint8Array {
    return this.#seal(CONTENT.handshake, handshakeMessage(type, body));
  }

  /** In clear while there are no keys. */
  #alert(level: number, code: number): Uint8Array {
    const body = Uint8Array.of(level, code);
    return this.#state.phase === 'hello' ? plainRecord(CONTENT.alert, body) : this.#seal(CONTENT.alert, body);
  }

  #seal(type: number, content: Uint8Array): Uint8Array {
    const number = this.#state.sent;
    this.#state.sent += 1;
    return sealModelRecord({ secret: this.#secret(), sender: this.#open.role, number }, type, content);
  }

  #secret(): Uint8Array {
    return sha256(concat(this.#state.clientRandom, this.#state.serverRandom));
  }

  #random(): SeededRandom {
    return new SeededRandom(this.#context.seed, this.#state.randomStream);
  }
}
