import type { SnapshotFrom } from 'xstate';
import type { Vault } from '../../engine/crypto/vault.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import { recordSessionMachine } from '../../machines/record-session.ts';
import { u16, u32, u48 } from '../../wire/bytes.ts';
import { buildControlRecord, type ControlMessage, parseControlRecord } from '../../wire/control-record.ts';
import type { DropReason } from '../drop-reason.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';
import type { RecordParameters } from '../services.ts';
import { type CipherPlace, cipherHere, forgetKeys } from './cipher-place.ts';
import { type AnySavedGeneration, type Generation, newGeneration, restoredGeneration } from './generation.ts';
import type { OpenedUnit } from './key-generation.ts';
import { PeerTrust } from './peer-trust.ts';

/** Without a record of the peer for so long, KEEPALIVE is sent. */
export const KEEPALIVE_AFTER_MS = 10_000;
/** The client repeats KEEPALIVE so often until the server has answered. */
export const CONFIRM_EVERY_MS = 500;
/** Without a record of the peer for so long, it counts as dead. */
export const DEAD_AFTER_MS = 30_000;
/** Why a renewal is refused while the one before is not over. */
export const RENEWAL_UNDER_WAY = 'a renewal is under way';
/** Keys of the TLS session before stay valid so long after a renewal. */
export const OLD_KEYS_MS = 30_000;

/** Where the parts of a record's header stand. */
const CONNECTION_ID_AT = 4;
const EPOCH_AT = 8;
const SEQUENCE_AT = 10;

export type RecordSessionNews =
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'ended'; readonly why: 'peer-bye' | 'peer-dead' | 'numbers-used-up'; readonly reason: number };

/** What a session of records needs of the layer that it is part of (engine, or SSL's record part). */
export interface RecordSessionHost {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  readonly vault: Vault;
  /** Where records are sealed and opened; left out: here, by the vault. */
  readonly cipher?: CipherPlace;
  readonly observer: MachineObserver;
  /** Sends one unit (record or piece) to the peer. */
  transmit(unit: Uint8Array): void;
  news(news: RecordSessionNews): void;
}

/** What became of a unit that arrived. */
export type ReceivedUnit =
  | { readonly kind: 'frame'; readonly bytes: Uint8Array }
  /** Authentic, and nothing for the LAN yet: a control record, or a part of a frame. */
  | { readonly kind: 'control' }
  /** A piece of a record that is not whole yet, or a record that a cipher elsewhere has; nothing was authenticated. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'refused'; readonly reason: DropReason; readonly detail: string };

export interface SavedRecordSession {
  readonly machine: SavedMachine;
  readonly generations: readonly AnySavedGeneration[];
  readonly sending: number;
  readonly lastHeard_us: number;
  /** Generations that the retire timer will drop. */
  readonly retiring: number;
  readonly trust: SavedMachine;
}

interface Decision {
  readonly receives: boolean;
  readonly sends: boolean;
  /** No record of the peer has opened yet. */
  readonly unconfirmed: boolean;
  readonly mayRenew: boolean;
  readonly renewing: boolean;
}

function decide(snapshot: SnapshotFrom<typeof recordSessionMachine>): Decision {
  return Object.freeze({
    receives: !snapshot.matches('IDLE') && !snapshot.matches('ENDED'),
    sends: snapshot.matches('CONFIRMING') || snapshot.matches('LIVE'),
    unconfirmed: snapshot.matches('INSTALLED') || snapshot.matches('CONFIRMING'),
    mayRenew: snapshot.matches({ LIVE: 'STEADY' }),
    renewing: snapshot.matches({ LIVE: 'RENEWING' }),
  });
}

/**
 * Seals LAN frames into records and opens them, with keepalive, epochs, renewal and peer death. The same code in the engine and in
 * SSL's record part: who drives it differs, what is on the wire does not.
 */
export class RecordSession {
  readonly #host: RecordSessionHost;
  readonly #machine: MachineHost<typeof recordSessionMachine, Decision>;
  readonly #limits: Partial<RecordLimits>;
  readonly #cipher: CipherPlace;
  /** Oldest first; more than one only around a renewal. */
  #generations: Generation[];
  /** Index of the one that seals. */
  #sending = 0;
  #lastHeard_us: number;
  #retiring = 0;
  readonly #trust: PeerTrust;

  /** `payloadBytes`: what F13 may carry in one packet. */
  constructor(
    host: RecordSessionHost,
    parameters: RecordParameters,
    options: { payloadBytes: number; limits?: Partial<RecordLimits> },
  ) {
    this.#host = host;
    this.#limits = options.limits ?? {};
    this.#cipher = host.cipher ?? cipherHere(host.vault);
    this.#lastHeard_us = host.now_us();
    this.#generations = [newGeneration(this.#cipher, parameters, options.payloadBytes, this.#limits)];
    this.#machine = new MachineHost({
      machine: recordSessionMachine,
      instance: `records-${parameters.receiveConnectionId.toString(16)}`,
      input: { client: parameters.role === 'client' },
      decide,
      execute: (command) => this.#execute(command),
      observer: host.observer,
    });
    this.#trust = new PeerTrust(
      {
        observer: host.observer,
        setTimer: (delay_us) => host.setTimer('trust', delay_us),
        clearTimer: () => host.clearTimer('trust'),
        probe: () => this.#sendControl({ kind: 'keepalive' }),
        lost: () => this.#machine.send({ type: 'peer.lost' }),
      },
      `trust-${parameters.receiveConnectionId.toString(16)}`,
    );
  }

  /** Machines alive in this session. */
  get machines(): readonly MachineHost<never, unknown>[] {
    return [this.#machine, this.#trust.machine] as never;
  }

  get state(): string {
    return this.#machine.state;
  }

  get machine(): MachineHost<typeof recordSessionMachine, unknown> {
    return this.#machine;
  }

  /** Receive ids that are valid now. */
  get connectionIds(): readonly number[] {
    return this.#generations.map((generation) => generation.parameters.receiveConnectionId);
  }

  get epochs(): { readonly send: number; readonly receive: number } {
    const generation = this.#generations[this.#sending] as Generation;
    return { send: generation.sendEpoch, receive: generation.receiveEpoch };
  }

  start(): void {
    this.#machine.send({ type: 'start' });
  }

  /** Ends the session in order: the peer gets a sealed BYE. */
  stop(reason: number): void {
    this.#machine.send({ type: 'stop', reason });
  }

  /** Something unauthenticated says that the peer is gone. */
  suspect(): void {
    if (this.#machine.decision.sends) this.#trust.rumour();
  }

  /** Installs the keys of a new TLS session beside the present ones; false when a renewal is under way already. */
  renew(parameters: RecordParameters, payloadBytes: number): boolean {
    if (!this.#machine.decision.mayRenew) {
      forgetKeys(this.#host.vault, parameters);
      return false;
    }
    const generation = newGeneration(this.#cipher, parameters, payloadBytes, this.#limits);
    generation.startReceiving();
    this.#generations.push(generation);
    this.#machine.send({ type: 'renew' });
    return true;
  }

  /** Seals one LAN frame: the units to send, or why there are none. No unit where a cipher elsewhere has it: {@link sealed} follows. */
  seal(frame: Uint8Array): readonly Uint8Array[] | DropReason {
    if (!this.#machine.decision.sends) return 'not-started';
    const units = (this.#generations[this.#sending] as Generation).sealFrame(frame);
    if (typeof units !== 'string') return units;
    if (units === 'numbers-used-up') this.#machine.send({ type: 'numbers.used-up' });
    return units;
  }

  /** Takes one unit of the wire (data, control, piece). */
  receive(unit: Uint8Array): ReceivedUnit {
    if (!this.#machine.decision.receives)
      return { kind: 'refused', reason: 'not-started', detail: this.#machine.state };
    const id = unit.length >= CONNECTION_ID_AT + 4 ? u32(unit, CONNECTION_ID_AT) : -1;
    const index = this.#generations.findIndex((generation) => generation.parameters.receiveConnectionId === id);
    const generation = this.#generations[index];
    if (generation === undefined) return { kind: 'refused', reason: 'unknown-connection-id', detail: id.toString(16) };
    return this.#received(generation.open(unit, this.#host.now_us()), index);
  }

  /** The units to send of a record that a cipher elsewhere has sealed. */
  sealed(record: Uint8Array): readonly Uint8Array[] {
    const id = u32(record, CONNECTION_ID_AT);
    return this.#generations.find(({ parameters }) => parameters.sendConnectionId === id)?.units(record) ?? [];
  }

  /**
   * What a cipher elsewhere has made of a record that {@link receive} handed out: its header, and its plaintext unless it did not
   * authenticate.
   */
  opened(header: Uint8Array, plaintext: Uint8Array | undefined): ReceivedUnit {
    const id = u32(header, CONNECTION_ID_AT);
    const index = this.#generations.findIndex((generation) => generation.parameters.receiveConnectionId === id);
    const generation = this.#generations[index];
    if (generation === undefined || !this.#machine.decision.receives)
      return { kind: 'refused', reason: 'not-started', detail: this.#machine.state };
    const numbers = { flags: header[1], epoch: u16(header, EPOCH_AT), sequence: u48(header, SEQUENCE_AT) };
    return this.#received(generation.settle(header[0], numbers, plaintext, this.#host.now_us()), index);
  }

  #received(opened: OpenedUnit, index: number): ReceivedUnit {
    if (opened.kind === 'refused' || opened.kind === 'pending') return opened;
    this.#heard(index);
    if (opened.kind === 'frame') return opened;
    return opened.kind === 'part' ? { kind: 'control' } : this.#control(opened.bytes);
  }

  timerFired(name: string): void {
    if (name === 'quiet') this.#quiet();
    else if (name === 'retire') this.#retire();
    else if (name === 'trust') this.#trust.timerFired();
  }

  save(): SavedRecordSession {
    return {
      machine: this.#machine.save(),
      generations: this.#generations.map((generation) => generation.save()),
      sending: this.#sending,
      lastHeard_us: this.#lastHeard_us,
      retiring: this.#retiring,
      trust: this.#trust.save(),
    };
  }

  /** Takes over what `save` gave; the vault must hold the keys it names. */
  restore(saved: SavedRecordSession): void {
    this.#machine.restore(saved.machine);
    this.#generations = saved.generations.map((each) => restoredGeneration(this.#cipher, each, this.#limits));
    this.#sending = saved.sending;
    this.#lastHeard_us = saved.lastHeard_us;
    this.#retiring = saved.retiring;
    this.#trust.restore(saved.trust);
  }

  #heard(index: number): void {
    this.#lastHeard_us = this.#host.now_us();
    this.#trust.heard();
    const { unconfirmed, renewing } = this.#machine.decision;
    if (unconfirmed) this.#machine.send({ type: 'opened.first' });
    else if (renewing && index === this.#generations.length - 1) this.#machine.send({ type: 'opened.renewed' });
  }

  #control(bytes: Uint8Array): ReceivedUnit {
    const read = parseControlRecord(bytes);
    if (!read.ok) return { kind: 'refused', reason: 'malformed', detail: read.reason };
    const { message } = read;
    if (message.kind === 'keepalive') this.#sendControl({ kind: 'keepalive-answer' });
    else if (message.kind === 'bye') this.#machine.send({ type: 'bye.received', reason: message.reason });
    else if (message.kind === 'path-challenge')
      this.#sendControl({ kind: 'path-response', challenge: message.challenge });
    return { kind: 'control' };
  }

  /** One timer for keepalive, peer death and key age: it looks, rather than being re-armed by every record. */
  #quiet(): void {
    const silent_us = this.#host.now_us() - this.#lastHeard_us;
    if (silent_us >= DEAD_AFTER_MS * 1000) {
      this.#machine.send({ type: 'timer.dead' });
      return;
    }
    const { unconfirmed } = this.#machine.decision;
    const patience_us = unconfirmed ? CONFIRM_EVERY_MS * 1000 : KEEPALIVE_AFTER_MS * 1000;
    if (silent_us >= patience_us) this.#machine.send({ type: 'timer.quiet' });
    const now_us = this.#host.now_us();
    for (const generation of this.#generations) generation.forgetOldEpoch(now_us);
    if (this.#generations[this.#sending]?.rekeyDue(now_us)) this.#machine.send({ type: 'rekey.due' });
    this.#armQuiet();
  }

  #armQuiet(): void {
    const every_ms = this.#machine.decision.unconfirmed ? CONFIRM_EVERY_MS : KEEPALIVE_AFTER_MS;
    const toDeath_us = this.#lastHeard_us + DEAD_AFTER_MS * 1000 - this.#host.now_us();
    this.#host.setTimer('quiet', Math.max(0, Math.min(every_ms * 1000, toDeath_us)));
  }

  #retire(): void {
    for (const old of this.#generations.splice(0, this.#retiring)) old.stop();
    this.#sending -= this.#retiring;
    this.#retiring = 0;
  }

  #sendControl(message: ControlMessage): void {
    const record = (this.#generations[this.#sending] as Generation).sealControl(buildControlRecord(message));
    if (record !== undefined) this.#host.transmit(record);
  }

  #execute({ type, params }: MachineCommand): void {
    const now_us = this.#host.now_us();
    const newest = this.#generations[this.#generations.length - 1] as Generation;
    switch (type) {
      case 'startReceiving':
        return newest.startReceiving();
      case 'startSending':
        return newest.startSending(now_us);
      case 'sendKeepalive':
        return this.#sendControl({ kind: 'keepalive' });
      case 'sendBye':
        return this.#sendControl({ kind: 'bye', reason: params.reason });
      case 'armQuiet':
        return this.#host.setTimer('quiet', CONFIRM_EVERY_MS * 1000);
      case 'disarmTimers':
        this.#host.clearTimer('quiet');
        this.#trust.close();
        return this.#host.clearTimer('retire');
      case 'nextEpoch':
        return (this.#generations[this.#sending] as Generation).advance(now_us);
      case 'useRenewed':
        newest.startSending(now_us);
        this.#sending = this.#generations.length - 1;
        return;
      case 'retireOld':
        this.#retiring = this.#generations.length - 1;
        return this.#host.setTimer('retire', OLD_KEYS_MS * 1000);
      case 'indicateAuthenticated':
        return this.#host.news({ kind: 'authenticated' });
      case 'indicateEnded':
        return this.#host.news({ kind: 'ended', ...params });
      case 'forgetKeys':
        for (const generation of this.#generations) generation.stop();
    }
  }
}
