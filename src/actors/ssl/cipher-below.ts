import type { SnapshotFrom } from 'xstate';
import type { FourTuple } from '../../engine/f13.ts';
import { type CipherBelowEvent, cipherBelowMachine } from '../../machines/cipher-below.ts';
import type { ControlFrameMessage, EngineSession } from '../../wire/control-frame.ts';
import { Reason } from '../../wire/terms.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';
import type { RecordParameters, TcpStatus } from '../services.ts';
import type { InlineCipherAccess, SslSessionHost, SslSessionStart } from './session-host.ts';
import type { TcpWriter } from './tcp-writer.ts';

/** What it needs of the session that it is part of. */
export interface CipherBelowOwner {
  /** Server: the cipher decrypts what the client will send. */
  receiverReady(): void;
  fail(): void;
}

interface CipherBelowHost extends InlineCipherAccess, CipherBelowOwner {
  readonly observer: MachineObserver;
  /** Asks TCP where it stands. */
  askStatus(): void;
  hold(): void;
  release(): void;
}

export interface SavedCipherBelow {
  readonly machine: SavedMachine;
  readonly sessionId: number;
  readonly parameters?: RecordParameters;
  readonly numbers?: Numbers;
}

type Numbers = Pick<TcpStatus, 'sendSequence' | 'receiveSequence'>;

interface Decision {
  readonly awaitsPeer: boolean;
}

function decide(snapshot: SnapshotFrom<typeof cipherBelowMachine>): Decision {
  return { awaitsPeer: snapshot.matches({ ON: 'RECEIVING' }) };
}

/** SSL's side of an in-line cipher: key ids, addresses and the two points from which on the byte stream is encrypted. */
export class CipherBelow {
  readonly #host: CipherBelowHost;
  readonly #tuple: FourTuple;
  readonly #machine: MachineHost<typeof cipherBelowMachine, Decision>;
  #sessionId = 0;
  #parameters: RecordParameters | undefined;
  #numbers: Numbers | undefined;

  constructor(host: CipherBelowHost, name: string, tuple: FourTuple, client: boolean) {
    this.#host = host;
    this.#tuple = tuple;
    this.#machine = new MachineHost({
      machine: cipherBelowMachine,
      instance: `cipher-${name}`,
      input: { client },
      decide,
      execute: (command) => this.#execute(command),
      observer: host.observer,
    });
  }

  get machine(): MachineHost<typeof cipherBelowMachine, unknown> {
    return this.#machine;
  }

  /** Number that the cipher knows the session by; 0 before it does. */
  get sessionId(): number {
    return this.#sessionId;
  }

  turnOn(parameters: RecordParameters): void {
    this.#parameters = parameters;
    this.#sessionId = this.#host.newSessionId();
    this.#machine.send({ type: 'turned.on' });
  }

  /** TCP's answer. */
  located({ sendSequence, receiveSequence }: Numbers): void {
    this.#numbers = { sendSequence, receiveSequence };
    this.#machine.send({ type: 'located' });
  }

  /** A unit has come through the cipher; the first one of the client shows the server that it may switch over. */
  heard(): void {
    if (this.#machine.decision.awaitsPeer) this.#machine.send({ type: 'peer.heard' });
  }

  /** The cipher's answer. */
  answered(kind: ControlFrameMessage['kind']): void {
    if (kind === 'started' || kind === 'stopped') this.#machine.send({ type: kind } satisfies CipherBelowEvent);
  }

  ended(): void {
    this.#machine.send({ type: 'ended' });
  }

  save(): SavedCipherBelow {
    return {
      machine: this.#machine.save(),
      sessionId: this.#sessionId,
      ...(this.#parameters && { parameters: this.#parameters }),
      ...(this.#numbers && { numbers: this.#numbers }),
    };
  }

  restore(saved: SavedCipherBelow | undefined): void {
    if (saved === undefined) return;
    this.#machine.restore(saved.machine);
    this.#sessionId = saved.sessionId;
    this.#parameters = saved.parameters;
    this.#numbers = saved.numbers;
  }

  #execute({ type }: MachineCommand): void {
    switch (type) {
      case 'hold':
        return this.#host.hold();
      case 'release':
        return this.#host.release();
      case 'locate':
        return this.#host.askStatus();
      case 'installReceiving':
        return this.#host.tell({ kind: 'start', session: { ...this.#session(), sendDataKeyId: 0 } });
      case 'installBoth':
        return this.#host.tell({ kind: this.#isClient ? 'start' : 'renew', session: this.#session() });
      case 'receiverReady':
        return this.#host.receiverReady();
      case 'uninstall':
        return this.#host.tell({ kind: 'stop', sessionId: this.#sessionId, reason: Reason.OPERATOR });
      case 'fail':
        return this.#host.fail();
    }
  }

  get #isClient(): boolean {
    return this.#parameters?.role === 'client';
  }

  #session(): EngineSession {
    const { role, suite, order, pathMtu, receiveConnectionId, sendConnectionId, keys } = this
      .#parameters as RecordParameters;
    const { sendSequence, receiveSequence } = this.#numbers as Numbers;
    const { local, localPort, remote, remotePort } = this.#tuple;
    return {
      sessionId: this.#sessionId,
      udp: false,
      client: role === 'client',
      suite,
      order,
      ownMac: this.#host.ownMac,
      nextHopMac: 0,
      ownIp: local,
      peerIp: remote,
      ownPort: localPort,
      peerPort: remotePort,
      pathMtu,
      receiveConnectionId,
      sendConnectionId,
      sendDataKeyId: keys.sendData,
      receiveDataKeyId: keys.receiveData,
      sendControlKeyId: 0,
      receiveControlKeyId: 0,
      nextSequence: sendSequence,
      acknowledgement: receiveSequence,
      site: 0,
    };
  }
}

/** The one of a session; undefined where records are sealed. */
export function cipherBelowOf(
  { inlineCipher, observer, toTcp }: SslSessionHost,
  { name, tuple, role }: SslSessionStart,
  writer: TcpWriter,
  { receiverReady, fail }: CipherBelowOwner,
): CipherBelow | undefined {
  if (inlineCipher === undefined) return undefined;
  const host: CipherBelowHost = {
    ...inlineCipher,
    receiverReady,
    fail,
    observer,
    askStatus: () => toTcp({ kind: 'status', connection: name }),
    hold: () => writer.hold(),
    release: () => writer.release(),
  };
  return new CipherBelow(host, name, tuple, role === 'client');
}
