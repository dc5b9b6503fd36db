import { ENGINE_SESSIONS, engineMachine } from '../../machines/engine.ts';
import { isControlMac, type Mac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import {
  buildControlFrame,
  type ControlFrameMessage,
  type EngineSession,
  parseControlFrame,
} from '../../wire/control-frame.ts';
import { ETHERNET_HEADER_BYTES, EtherType, VLAN_TAG_BYTES } from '../../wire/ethernet.ts';
import { asksForCipher, parseHairpin, turnedHairpin } from '../../wire/hairpin.ts';
import { Reason } from '../../wire/terms.ts';
import { parametersOf } from '../engine/session.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import { MAX_FRAME_BYTES } from '../mac/layer.ts';
import type { MachineCommand, MachineHost, SavedMachine } from '../machine-host.ts';
import type { Port } from '../port.ts';
import { forgetKeys } from '../records/cipher-place.ts';
import { CipherTable, type SavedCipherTable } from '../records/cipher-table.ts';

/** What engine X lets out. */
export interface EngineXOptions {
  /** Longest untagged frame towards the cable; default {@link MAX_FRAME_BYTES}. The MAC above takes longer ones, for the hairpin. */
  readonly maxFrame_bytes?: number;
}

/**
 * Engine X 2014 (spec 8.3), between MAC and PHY: of engine 2014 the interfaces A and C, ciphers G and L and control frame unit M, no
 * encapsulation and no fragments. Frame analysis B stands behind C here: software above sends a record down in a hairpin frame and gets it
 * back sealed or opened. Port `upper` is the MAC side (block C), `lower` the PHY side (block A).
 */
export class EngineXLayer extends Layer {
  readonly kind = 'engine-x';
  readonly #upper: Port<Frame, Frame>;
  readonly #lower: Port<Frame, Frame>;
  readonly #machine: MachineHost<typeof engineMachine, undefined>;
  readonly #table: CipherTable;
  readonly #maxFrame_bytes: number;
  /** Where control frames to the software go. */
  #softwareMac: Mac = 0;

  constructor(host: LayerHost, label: string, options: EngineXOptions = {}) {
    super(host, label);
    this.#maxFrame_bytes = options.maxFrame_bytes ?? MAX_FRAME_BYTES;
    this.#table = new CipherTable(host.vault);
    this.#upper = this.addPort<Frame, Frame>('upper', (frame) => this.#fromMac(frame));
    // Blocks A and F: what comes from the cable goes up unexamined ([1039]).
    this.#lower = this.addPort<Frame, Frame>('lower', (frame) => void this.#upper.send(frame));
    this.#machine = this.machineHost({
      machine: engineMachine,
      // It decides by commands alone: which sessions have their keys in the table.
      decide: () => undefined,
      execute: (command) => this.#execute(command),
    });
  }

  override stop(): void {
    for (const sessionId of this.#table.ids) this.#machine.send({ type: 'stop.commanded', sessionId, reason: 7 });
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: this.#machine.machine, state: this.#machine.state }];
  }

  save(): SavedLayer {
    return {
      version: 1,
      machine: this.#machine.save(),
      softwareMac: this.#softwareMac,
      sessions: this.#table.save() as never,
    };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as SavedMachine);
    this.#softwareMac = saved.softwareMac as Mac;
    this.#table.restore(saved.sessions as unknown as SavedCipherTable);
  }

  // ---- block B: what comes from the MAC; nothing special ever goes on to the PHY ----

  #fromMac(frame: Frame): void {
    const { bytes } = frame;
    if (bytes.length < ETHERNET_HEADER_BYTES) return this.drop('malformed', frame);
    if (!isControlMac(u48(bytes, 0)) && !isControlMac(u48(bytes, 6))) return this.#toPhy(frame);
    if (asksForCipher(bytes)) this.#hairpin(frame);
    else this.#controlFrame(frame);
  }

  #toPhy(frame: Frame): void {
    const { bytes } = frame;
    const tagBytes = ((bytes[12] << 8) | bytes[13]) === EtherType.VLAN ? VLAN_TAG_BYTES : 0;
    if (bytes.length > this.#maxFrame_bytes + tagBytes) return this.drop('too-long', frame);
    this.#lower.send(frame);
  }

  /** Blocks G and L. What cannot be done goes back as it was, before the start command too: whoever asked sees it by the length. */
  #hairpin(frame: Frame): void {
    const read = parseHairpin(frame.bytes);
    if (!read.ok) return this.drop('malformed', frame, read.reason);
    const { way, sessionId, record } = read;
    const done = this.#table[way](sessionId, record);
    this.count(done === undefined ? 'returned' : way === 'seal' ? 'sealed' : 'opened');
    this.#upper.send(this.host.frame(turnedHairpin(frame.bytes, done ?? record), frame));
  }

  // ---- block M ----

  #controlFrame(frame: Frame): void {
    const read = parseControlFrame(frame.bytes);
    if (!read.ok) return this.drop('malformed', frame, read.reason);
    const { message, source } = read;
    this.#softwareMac = source;
    this.count('controlFrames');
    if (message.kind === 'start') this.#start(message.session);
    else if (message.kind === 'renew') this.#machine.send({ type: 'renew.commanded', session: message.session });
    else if (message.kind === 'stop') this.#machine.send({ ...message, type: 'stop.commanded' });
  }

  #start(session: EngineSession): void {
    const { ids } = this.#table;
    const free = ids.length < ENGINE_SESSIONS && !ids.includes(session.sessionId);
    this.#machine.send({ type: 'start.commanded', session, free });
  }

  #execute({ type, params }: MachineCommand): void {
    switch (type) {
      case 'installSession':
        return this.#table.install(params.session.sessionId, parametersOf(params.session).keys);
      case 'renewSession':
        this.#table.install(params.session.sessionId, parametersOf(params.session).keys);
        return this.#machine.send({ type: 'session.renewed', sessionId: params.session.sessionId });
      case 'refuseSession':
        this.drop('too-many-sessions', undefined, params.session.sessionId);
        forgetKeys(this.host.vault, parametersOf(params.session));
        if (this.#table.ids.includes(params.session.sessionId)) return;
        return this.#reportStopped(params.session.sessionId, Reason.TOO_MANY_SESSIONS);
      case 'endSession':
        return this.#table.remove(params.sessionId);
      case 'reportStarted':
        return this.#report({ kind: 'started', sessionId: params.sessionId });
      case 'reportStopped':
        return this.#reportStopped(params.sessionId, params.reason);
    }
  }

  #reportStopped(sessionId: number, reason: number): void {
    this.#report({ kind: 'stopped', sessionId, reason, nextSequence: 0, acknowledgement: 0 });
  }

  #report(message: ControlFrameMessage): void {
    this.#upper.send(this.host.frame(buildControlFrame(message, this.#softwareMac)));
  }
}
