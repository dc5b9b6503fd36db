import { serverSideMachine } from '../../machines/encapsulation.ts';
import type { InnerSession } from '../inner-leg/session.ts';
import type { InnerStart, LocalSide } from '../inner-leg/session-host.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';
import type { Identity, IdentityRequest, TcpCloseReason, TcpIndication, TcpRequest } from '../services.ts';
import type { JournalData } from '../tap.ts';

/** As whom servers are spoken to: as the gateway (embodiment 6) or as the terminal (embodiment 7). */
export type SpeaksAs = 'gateway' | 'terminal';

/** What the side of a server needs of encapsulation processing. */
export interface ServerSideHost {
  readonly observer: MachineObserver;
  readonly speaksAs: SpeaksAs;
  toTcp(request: TcpRequest): void;
  toIdentities(request: IdentityRequest): void;
  /** Port of TCP 3003B for the connection; undefined: TCP picks one. */
  sourcePort(start: InnerStart): number | undefined;
  /** Nothing is left of it. */
  gone(side: ServerSide): void;
}

export interface SavedServerSide {
  readonly name: string;
  readonly start: InnerStart;
  readonly machine: SavedMachine;
}

/**
 * The server's side of a session: a connection of TCP 3003B, which it names by {@link name}. Only terminals open sessions, so there is never
 * a held SYN here.
 */
export class ServerSide implements LocalSide {
  readonly name: string;
  readonly start: InnerStart;
  readonly #host: ServerSideHost;
  readonly #machine: MachineHost<typeof serverSideMachine, { readonly isGone: boolean }>;
  /** Undefined once the session is forgotten. */
  #session: InnerSession | undefined;

  constructor(host: ServerSideHost, name: string, start: InnerStart, session: InnerSession | undefined) {
    this.#host = host;
    this.name = name;
    this.start = start;
    this.#session = session;
    this.#machine = new MachineHost({
      machine: serverSideMachine,
      instance: name,
      observer: host.observer,
      decide: ({ value }) => Object.freeze({ isGone: value === 'GONE' }),
      execute: (command) => this.#execute(command),
    });
  }

  get isGone(): boolean {
    return this.#machine.decision.isGone;
  }

  get state(): string {
    return this.#machine.state;
  }

  /** The session is over and forgotten: it hears nothing any more. */
  detach(): void {
    this.#session = undefined;
  }

  // ---- the session ----

  open(): void {
    this.#machine.send({ type: 'OPEN', asTerminal: this.#host.speaksAs === 'terminal' });
  }

  release(): void {}

  refuse(): void {}

  bypass(): void {}

  write(bytes: Uint8Array, urgent: boolean): void {
    this.#host.toTcp({ kind: 'write', connection: this.name, bytes, ...(urgent && { urgent }) });
  }

  consumed(bytes: number): void {
    this.#host.toTcp({ kind: 'consumed', connection: this.name, bytes });
  }

  close(): void {
    this.#host.toTcp({ kind: 'close', connection: this.name });
  }

  abort(): void {
    this.#machine.send({ type: 'ABORT' });
  }

  timerFired(): void {}

  save(): JournalData {
    return { name: this.name, start: this.start, machine: this.#machine.save() } as unknown as JournalData;
  }

  restore(saved: JournalData): void {
    this.#machine.restore((saved as unknown as SavedServerSide).machine);
  }

  // ---- TCP 3003B and IP stack 3005B ----

  /** What 3005B says to the order to speak as the terminal. */
  identity(isTaken: boolean): void {
    this.#machine.send({ type: isTaken ? 'TAKEN' : 'REFUSED' });
  }

  indicated(indication: TcpIndication): void {
    const session = this.#session;
    switch (indication.kind) {
      case 'connected':
        return this.#machine.send({ type: 'CONNECTED' });
      case 'closed':
        return this.#machine.send({ type: 'CLOSED', reason: indication.reason });
      case 'data':
        return session?.localData(indication.bytes);
      case 'urgent':
        return session?.localUrgent(indication.bytes);
      case 'full':
        return session?.localFull();
      case 'writable':
        return session?.localWritable();
      case 'remote-closed':
        return session?.localEnded();
    }
  }

  #execute({ type, params }: MachineCommand): void {
    const { name, start } = this;
    switch (type) {
      case 'takeIdentity':
        return this.#host.toIdentities({ kind: 'take', name, identity: terminalOf(start) });
      case 'leaveIdentity':
        if (this.#host.speaksAs === 'terminal') this.#host.toIdentities({ kind: 'leave', identity: terminalOf(start) });
        return;
      case 'connect':
        return this.#connect();
      case 'abort':
        return this.#host.toTcp({ kind: 'abort', connection: name });
      case 'tellConnected':
        return this.#session?.localConnected();
      default:
        this.#tellEnd(type, params);
    }
  }

  #connect(): void {
    const { start, name: connection } = this;
    const { local: destination, localPort: destinationPort, remote: terminal } = start.ends;
    const sourcePort = this.#host.sourcePort(start);
    this.#host.toTcp({
      kind: 'connect',
      connection,
      destination,
      destinationPort,
      ...(sourcePort !== undefined && { sourcePort }),
      ...(this.#host.speaksAs === 'terminal' && { source: terminal }),
    });
  }

  #tellEnd(type: string, params: { readonly reason: TcpCloseReason } | undefined): void {
    const session = this.#session;
    this.#host.gone(this);
    if (type === 'tellGone') session?.localGone();
    else session?.localClosed(params?.reason ?? 'refused');
  }
}

/** The terminal, as its frames show it. */
function terminalOf({ ends, link }: InnerStart): Identity {
  return { address: ends.remote as number, mac: link.destination };
}
