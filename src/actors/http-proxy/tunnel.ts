import { proxyTunnelMachine } from '../../machines/http-proxy.ts';
import type { Ip4 } from '../../wire/address.ts';
import { concat, EMPTY } from '../../wire/bytes.ts';
import { buildConnectResponse, connectTarget, httpHead } from '../../wire/http-connect.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';
import type { ConnectionName, TcpCloseReason, TcpIndication, TcpRequest } from '../services.ts';

/** A client has so long for its request, and for taking a refusal. */
export const REQUEST_US = 30_000_000;

export interface Target {
  readonly address: Ip4;
  readonly port: number;
}

/** What a tunnel needs of the proxy. */
export interface TunnelHost {
  readonly observer: MachineObserver;
  toTcp(request: TcpRequest): void;
  connect(connection: ConnectionName, target: Target): void;
  allows(target: Target): boolean;
  setTimer(delay_us: number): void;
  clearTimer(): void;
  count(name: string): void;
  forget(): void;
}

/** One of the two connections, as it stands towards the other. */
interface Side {
  /** Its queue is over its mark. */
  full: boolean;
  /** Bytes that it has delivered and that wait for the other's queue: not yet reported as read. */
  owed: number;
  ended: boolean;
}

export interface SavedTunnel {
  readonly client: ConnectionName;
  readonly machine: SavedMachine;
  readonly heard: Uint8Array;
  readonly target: Target | null;
  readonly sides: { readonly client: Side; readonly server: Side };
}

/** A client's connection and the one to the server that it asked for, spliced: bytes, ends and resets of one go to the other. */
export class ProxyTunnel {
  readonly client: ConnectionName;
  readonly server: ConnectionName;
  readonly machine: MachineHost<typeof proxyTunnelMachine, { readonly isOpen: boolean; readonly isReading: boolean }>;
  readonly #host: TunnelHost;
  /** What the client has said before the way was open. */
  #heard: Uint8Array = EMPTY;
  #target: Target | undefined;
  #sides = { client: newSide(), server: newSide() };

  constructor(host: TunnelHost, client: ConnectionName) {
    this.#host = host;
    this.client = client;
    this.server = serverOf(client);
    this.machine = new MachineHost({
      machine: proxyTunnelMachine,
      instance: client,
      observer: host.observer,
      decide: ({ value }) => Object.freeze({ isOpen: value === 'OPEN', isReading: value === 'READING' }),
      execute: (command) => this.#execute(command),
    });
  }

  /** The client has connected. */
  start(): void {
    this.#host.setTimer(REQUEST_US);
  }

  timerFired(): void {
    this.machine.send({ type: 'TIMEOUT' });
  }

  indicated(indication: TcpIndication): void {
    const from = indication.connection === this.client ? 'client' : 'server';
    const side = this.#sides[from];
    switch (indication.kind) {
      case 'connected':
        return this.machine.send({ type: 'SERVER_CONNECTED' });
      case 'data':
        return this.#data(from, indication.bytes);
      case 'full':
        side.full = true;
        return;
      case 'writable':
        return this.#writable(from);
      case 'remote-closed':
        return this.#ended(from);
      case 'closed':
        return this.#closed(from, indication.reason);
    }
  }

  save(): SavedTunnel {
    const { client, server } = this.#sides;
    return {
      client: this.client,
      machine: this.machine.save(),
      heard: this.#heard,
      target: this.#target ?? null,
      sides: { client: { ...client }, server: { ...server } },
    };
  }

  restore(saved: SavedTunnel): void {
    this.machine.restore(saved.machine);
    this.#heard = saved.heard;
    this.#target = saved.target ?? undefined;
    this.#sides = { client: { ...saved.sides.client }, server: { ...saved.sides.server } };
  }

  #data(from: 'client' | 'server', bytes: Uint8Array): void {
    if (this.machine.decision.isOpen) return this.#pass(from, bytes);
    const known = this.#heard.length;
    this.#heard = concat(this.#heard, bytes);
    if (this.machine.decision.isReading) this.#read(known);
  }

  /** Until the way is open nothing is reported as read: TCP's window bounds what is kept. */
  #read(known: number): void {
    const head = httpHead(this.#heard, known);
    if (head === undefined) return;
    if (head === 'too-long') return this.machine.send({ type: 'BAD', status: 431 });
    const target = connectTarget(head.line);
    if ('status' in target) return this.machine.send({ type: 'BAD', status: target.status });
    if (!this.#host.allows(target)) return this.machine.send({ type: 'BAD', status: 403 });
    this.#host.toTcp({ kind: 'consumed', connection: this.client, bytes: head.length });
    this.#heard = this.#heard.slice(head.length);
    this.#target = target;
    this.machine.send({ type: 'REQUEST' });
  }

  #pass(from: 'client' | 'server', bytes: Uint8Array): void {
    const [source, other] = from === 'client' ? [this.client, this.server] : [this.server, this.client];
    const to = this.#sides[from === 'client' ? 'server' : 'client'];
    this.#host.toTcp({ kind: 'write', connection: other, bytes });
    if (to.full) this.#sides[from].owed += bytes.length;
    else this.#host.toTcp({ kind: 'consumed', connection: source, bytes: bytes.length });
  }

  #writable(at: 'client' | 'server'): void {
    this.#sides[at].full = false;
    const from = at === 'client' ? 'server' : 'client';
    const { owed } = this.#sides[from];
    this.#sides[from].owed = 0;
    if (owed > 0) this.#host.toTcp({ kind: 'consumed', connection: this[from], bytes: owed });
  }

  #ended(from: 'client' | 'server'): void {
    this.#sides[from].ended = true;
    if (this.machine.decision.isOpen) this.#close(from === 'client' ? this.server : this.client);
    else if (this.machine.decision.isReading) this.machine.send({ type: 'BAD', status: 400 });
  }

  #closed(from: 'client' | 'server', reason: TcpCloseReason): void {
    const clean = reason === 'normal';
    if (from === 'client') return this.machine.send({ type: 'CLIENT_CLOSED', clean });
    this.machine.send({ type: 'SERVER_FAILED', status: reason === 'timed-out' ? 504 : 502 });
    this.machine.send({ type: 'SERVER_CLOSED', clean });
  }

  #close(connection: ConnectionName): void {
    this.#host.toTcp({ kind: 'close', connection });
  }

  #execute({ type, params }: MachineCommand): void {
    switch (type) {
      case 'connect':
        this.#host.clearTimer();
        return this.#host.connect(this.server, this.#target as Target);
      case 'accept':
        return this.#accept();
      case 'refuse':
        return this.#refuse(params.status);
      case 'abortClient':
        return this.#host.toTcp({ kind: 'abort', connection: this.client });
      case 'abortServer':
        return this.#host.toTcp({ kind: 'abort', connection: this.server });
      case 'forget':
        this.#host.clearTimer();
        return this.#host.forget();
    }
  }

  #accept(): void {
    this.#host.count('opened');
    this.#host.toTcp({ kind: 'write', connection: this.client, bytes: buildConnectResponse(200) });
    const early = this.#heard;
    this.#heard = EMPTY;
    if (early.length > 0) this.#pass('client', early);
    if (this.#sides.client.ended) this.#close(this.server);
  }

  #refuse(status: number): void {
    this.#host.count(`refused:${status}`);
    this.#host.setTimer(REQUEST_US);
    this.#host.toTcp({ kind: 'write', connection: this.client, bytes: buildConnectResponse(status) });
    this.#close(this.client);
  }
}

function newSide(): Side {
  return { full: false, owed: 0, ended: false };
}

/** Name of the connection to the server. */
function serverOf(client: ConnectionName): ConnectionName {
  return `to-${client}`;
}
