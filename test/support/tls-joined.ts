import type { PeerExpectation, TlsEngine, TlsEvent, TlsProvider } from '../../src/actors/ssl/tls-provider.ts';
import {
  CLIENT_NAME,
  type Fault,
  KeptSecrets,
  type PartyMaker,
  type Role,
  SERVER_NAME,
  untilStill,
} from './tls-parties.ts';

export interface JoinOptions {
  readonly clientFault?: Fault;
  readonly serverFault?: Fault;
  readonly clientExpects?: PeerExpectation;
  readonly serverExpects?: PeerExpectation;
  /** Cuts what one side gets into pieces of so many bytes. */
  readonly piece?: number;
  /** Changes the bytes on their way. */
  readonly tamper?: (from: Role, bytes: Uint8Array) => Uint8Array;
}

interface Side {
  readonly engine: TlsEngine;
  readonly keys: KeptSecrets;
  readonly events: TlsEvent[];
}

/** A client and a server of one maker over a lossless line; when one is through, its end of the line is closed. */
export class Joined {
  readonly client: Side;
  readonly server: Side;
  readonly #maker: PartyMaker;
  readonly #log: TlsEvent[] = [];
  readonly #options: JoinOptions;

  constructor(maker: PartyMaker, options: JoinOptions = {}) {
    this.#maker = maker;
    this.#options = options;
    this.client = this.#open('client');
    this.server = this.#open('server');
  }

  async handshake(): Promise<this> {
    this.server.engine.start();
    this.client.engine.start();
    return this.settled();
  }

  async settled(): Promise<this> {
    await this.#maker.settle();
    await untilStill(this.#log);
    return this;
  }

  /** Kinds of events of a side, without output. */
  kinds(role: Role): string[] {
    return this[role].events.filter((event) => event.kind !== 'output').map((event) => event.kind);
  }

  failureOf(role: Role): string | undefined {
    const failed = this[role].events.find((event) => event.kind === 'failed');
    return failed?.kind === 'failed' ? failed.reason : undefined;
  }

  securedOf(role: Role) {
    const secured = this[role].events.find((event) => event.kind === 'secured');
    return secured?.kind === 'secured' ? secured : undefined;
  }

  dataOf(role: Role): Buffer {
    return Buffer.concat(this[role].events.flatMap((event) => (event.kind === 'data' ? [event.bytes] : [])));
  }

  /** Type and whole length of each TLS record a side sent. */
  recordsOf(role: Role): string[] {
    const sent = Buffer.concat(this[role].events.flatMap((event) => (event.kind === 'output' ? [event.bytes] : [])));
    const records: string[] = [];
    for (let at = 0; at < sent.length; at += sent.readUInt16BE(at + 3) + 5) {
      records.push(`${sent[at].toString(16)}:${sent.readUInt16BE(at + 3) + 5}`);
    }
    return records;
  }

  #open(role: Role): Side {
    const options = this.#options;
    const [fault, expects, other] =
      role === 'client'
        ? [options.clientFault, options.clientExpects, SERVER_NAME]
        : [options.serverFault, options.serverExpects, CLIENT_NAME];
    const keys = new KeptSecrets();
    const provider: TlsProvider = this.#maker.make(role, keys, fault);
    const events: TlsEvent[] = [];
    const peer = expects ?? { names: [other], pins: [] };
    const engine = provider.open({ role, peer, sessionLabel: 'session 1' }, (event) => {
      events.push(event);
      this.#log.push(event);
      this.#pass(role, event);
    });
    return { engine, keys, events };
  }

  #pass(from: Role, event: TlsEvent): void {
    const to = from === 'client' ? this.server : this.client;
    if (event.kind === 'failed' || event.kind === 'ended') to.engine.receiveEnd();
    if (event.kind !== 'output') return;
    const bytes = this.#options.tamper?.(from, event.bytes) ?? event.bytes;
    const piece = this.#options.piece ?? bytes.length;
    for (let at = 0; at < bytes.length; at += piece) to.engine.receive(bytes.subarray(at, at + piece));
  }
}
