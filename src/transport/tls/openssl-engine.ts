import tls from 'node:tls';
import type { KeySink, TlsEngine, TlsEvent, TlsOpen } from '../../actors/ssl/tls-provider.ts';
import type { KeyId } from '../../engine/crypto/vault.ts';
import { ByteDuplex } from './byte-duplex.ts';
import type { Clock } from './clock.ts';
import { classifyFailure, type Failure } from './failures.ts';
import { checkPeer, verifyCodeOf } from './peer-check.ts';
import { untilQuiet } from './quiet.ts';

/** node:tls limits a server's handshake by a timer of its own, which has to stay out of the way: the longest it takes. */
const NO_NODE_TIMEOUT_MS = 2 ** 31 - 1;

export interface EngineParts {
  readonly open: TlsOpen;
  readonly events: (event: TlsEvent) => void;
  /** Too many handshakes were under way: the engine only says so. */
  readonly limited: boolean;
  readonly settings: tls.SecureContextOptions;
  readonly keys: KeySink;
  readonly clock: Clock;
  /** 0: no limit. */
  readonly handshakeTimeout_ms: number;
  readonly keyLog: ((line: Uint8Array) => void) | undefined;
  /** Called at every sign of life. */
  readonly alive: () => void;
  /** Called once, when the handshake is over, well or badly. */
  readonly handshakeOver: () => void;
  /** Called once, when nothing more comes from the engine. */
  readonly closed: () => void;
}

type Phase = 'new' | 'handshake' | 'open' | 'ending' | 'closed';

/**
 * One TLS session of OpenSSL over bytes. Events leave in a microtask, never from inside OpenSSL's own calls, so their
 * receiver may call any method.
 */
export class OpensslEngine implements TlsEngine {
  readonly #parts: EngineParts;
  readonly #duplex: ByteDuplex;
  #phase: Phase = 'new';
  #socket: tls.TLSSocket | undefined;
  #outbox: TlsEvent[] = [];
  #inbox: Uint8Array[] = [];
  /** OpenSSL wrote since it last read. */
  #wrote = false;
  #closing = false;
  #inputEnded = false;
  #checkingEnd = false;
  #peerSaidBye = false;
  #unwritten = 0;
  #activity = 0;
  #cancelTimeout: () => void = () => {};
  #handshaking = true;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#duplex = new ByteDuplex((bytes) => {
      this.#wrote = true;
      this.#emit({ kind: 'output', bytes });
    });
    this.#duplex.on('error', (error) => this.#fail(classifyFailure(error)));
  }

  /** Whether a completion or an event is known to be on its way. */
  get pending(): boolean {
    return (
      this.#phase !== 'closed' && (this.#unwritten + this.#outbox.length + this.#inbox.length > 0 || this.#checkingEnd)
    );
  }

  start(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'handshake';
    if (!this.#parts.limited) this.#limitHandshake();
    if (this.#parts.limited) this.#fail({ reason: 'too-many-handshakes', detail: this.#parts.open.sessionLabel });
    else if (this.#parts.open.role === 'client') this.#connect();
    else this.#accept();
  }

  receive(bytes: Uint8Array): void {
    if (this.#phase === 'new' || this.#phase === 'closed' || this.#inputEnded || bytes.length === 0) return;
    this.#stir();
    this.#inbox.push(Uint8Array.from(bytes));
    if (this.#inbox.length === 1) setImmediate(() => this.#read(true));
  }

  receiveEnd(): void {
    if (this.#phase === 'new' || this.#phase === 'closed' || this.#inputEnded) return;
    this.#inputEnded = true;
    this.#checkingEnd = true;
    void this.#judgeEnd();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#phase !== 'open') return false;
    const { length } = bytes;
    this.#stir();
    this.#unwritten += 1;
    this.#socket!.write(Uint8Array.from(bytes), () => {
      this.#unwritten -= 1;
      this.#emit({ kind: 'written', length });
    });
    return true;
  }

  exportSecret(label: string, context: Uint8Array, length: number): KeyId | undefined {
    if (this.#phase !== 'open') return undefined;
    const secret = this.#socket!.exportKeyingMaterial(length, label, Buffer.from(context));
    const id = this.#parts.keys.importSecret(Uint8Array.from(secret));
    secret.fill(0);
    return id;
  }

  end(): void {
    if (this.#phase === 'ending') return;
    if (this.#phase !== 'open') {
      this.destroy();
      return;
    }
    this.#phase = 'ending';
    this.#stir();
    this.#socket!.end();
  }

  destroy(): void {
    this.#outbox = [];
    this.#close();
  }

  /**
   * Gives OpenSSL what came, but only when its last write is complete (node does that by setImmediate): a fatal alert that it
   * answers with while a write is under way would be lost. It waits once, so that steady writing cannot stop reading.
   */
  #read(mayWait: boolean): void {
    const wait = this.#wrote && mayWait;
    this.#wrote = false;
    this.#stir();
    if (wait) {
      setImmediate(() => this.#read(false));
      return;
    }
    const pieces = this.#inbox;
    this.#inbox = [];
    for (const bytes of pieces) if (this.#phase !== 'closed') this.#duplex.push(bytes);
  }

  #connect(): void {
    const socket = tls.connect({
      ...this.#parts.settings,
      socket: this.#duplex,
      rejectUnauthorized: true,
      // The name is checked by #secure, on both sides alike, before anything is sent.
      checkServerIdentity: () => undefined,
    });
    if (this.#parts.keyLog) socket.on('keylog', this.#parts.keyLog);
    this.#socket = socket;
    socket.on('error', (error) => this.#fail(classifyFailure(error)));
    socket.on('close', () => this.#fail({ reason: 'closed-early', detail: 'closed by TLS' }));
    socket.on('secureConnect', () => this.#secure(socket));
  }

  /** By a server object, never `new TLSSocket(isServer)`: only the server withholds data of a client it has to reject. */
  #accept(): void {
    const server = tls.createServer({
      ...this.#parts.settings,
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: NO_NODE_TIMEOUT_MS,
    });
    if (this.#parts.keyLog) server.on('keylog', this.#parts.keyLog);
    server.on('tlsClientError', (error, socket) => this.#fail(classifyFailure(error, verifyCodeOf(socket))));
    server.on('secureConnection', (socket) => {
      this.#socket = socket;
      socket.on('error', (error) => this.#fail(classifyFailure(error)));
      socket.on('close', () => this.#fail({ reason: 'closed-early', detail: 'closed by TLS' }));
      this.#secure(socket);
    });
    server.emit('connection', this.#duplex);
  }

  #secure(socket: tls.TLSSocket): void {
    if (this.#phase !== 'handshake') return;
    const verdict = checkPeer(socket, this.#parts.open.peer);
    if ('reason' in verdict) {
      this.#fail(verdict);
      return;
    }
    this.#endHandshake();
    this.#phase = 'open';
    this.#emit(verdict);
    socket.on('data', (bytes: Buffer) => this.#emit({ kind: 'data', bytes: Uint8Array.from(bytes) }));
    socket.on('end', () => this.#peerEnded(socket));
  }

  /** The peer said close_notify: ours follows, after all that was written. */
  #peerEnded(socket: tls.TLSSocket): void {
    this.#peerSaidBye = true;
    const ended = () => {
      this.#emit({ kind: 'ended' });
      this.#closing = true;
    };
    if (socket.writableFinished) ended();
    else socket.once('finish', ended);
    this.end();
  }

  /** OpenSSL may still be reading: a close_notify among the last bytes makes this end a good one. */
  async #judgeEnd(): Promise<void> {
    await untilQuiet(
      () => this.#activity,
      () => this.#inbox.length > 0,
    );
    this.#checkingEnd = false;
    if (!this.#peerSaidBye) this.#fail({ reason: 'closed-early', detail: 'the stream ended without close_notify' });
  }

  #limitHandshake(): void {
    const limit_ms = this.#parts.handshakeTimeout_ms;
    if (limit_ms === 0) return;
    this.#cancelTimeout = this.#parts.clock.after(limit_ms, () =>
      this.#fail({ reason: 'timeout', detail: `no handshake within ${limit_ms} ms` }),
    );
  }

  #endHandshake(): void {
    if (!this.#handshaking) return;
    this.#handshaking = false;
    this.#cancelTimeout();
    this.#parts.handshakeOver();
  }

  #fail(failure: Failure): void {
    if (this.#phase === 'closed' || this.#closing) return;
    this.#emit({ kind: 'failed', ...failure });
    this.#closing = true;
  }

  #stir(): void {
    this.#activity += 1;
    this.#parts.alive();
  }

  #emit(event: TlsEvent): void {
    this.#stir();
    if (this.#phase === 'closed' || this.#closing) return;
    this.#outbox.push(event);
    if (this.#outbox.length === 1) queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    for (let event = this.#outbox[0]; event !== undefined; event = this.#outbox[0]) {
      this.#outbox.shift();
      if (event.kind === 'ended' || event.kind === 'failed') this.#close();
      this.#parts.events(event);
    }
  }

  #close(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#inbox = [];
    this.#endHandshake();
    this.#socket?.destroy();
    this.#duplex.destroy();
    this.#parts.closed();
  }
}
