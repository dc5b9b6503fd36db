import { engineMachine } from '../../machines/engine.ts';
import type { ControlFrameMessage, EngineSession } from '../../wire/control-frame.ts';
import { Reason } from '../../wire/terms.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { MachineCommand, MachineHost, SavedMachine } from '../machine-host.ts';
import { withoutHeadroom } from '../offload.ts';
import type { Port } from '../port.ts';
import type { SavedCipherSession } from './session.ts';
import { CipherSessions } from './sessions.ts';

interface Decision {
  readonly ciphers: boolean;
}

/**
 * In-line cipher below IP (spec 08 9.3): frames that carry F11 to F13 of a session's true TCP leave with F14 encrypted and arrive with F14
 * decrypted; everything else passes untouched. What engine Y and intermediate driver Y have in common: they differ in where they stand
 * and in how they are told of sessions. Frames come from the software at port `upper`, from the wire at port `lower`.
 *
 * A layer that is stopped goes on: what TCP still repeats of a session must not leave in clear. Only {@link told} ends a session.
 */
export abstract class InlineCipherLayer extends Layer {
  protected readonly upper: Port<Frame, Frame>;
  protected readonly lower: Port<Frame, Frame>;
  readonly #sessions: CipherSessions;
  readonly #machine: MachineHost<typeof engineMachine, Decision>;

  constructor(host: LayerHost, label: string) {
    super(host, label);
    this.#sessions = new CipherSessions(host.vault);
    this.upper = this.addPort<Frame, Frame>('upper', (frame) => this.fromSoftware(frame));
    this.lower = this.addPort<Frame, Frame>('lower', (frame) => this.fromWire(frame));
    this.#machine = this.machineHost({
      machine: engineMachine,
      decide: (snapshot) => ({ ciphers: snapshot.matches('ACCELERATING') }),
      execute: (command) => this.#execute(command),
    });
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: this.#machine.machine, state: this.#machine.state }];
  }

  save(): SavedLayer {
    return { version: 1, machine: this.#machine.save(), sessions: this.#sessions.save() as never };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as SavedMachine);
    this.#sessions.restore(saved.sessions as unknown as readonly SavedCipherSession[]);
  }

  /** Tells the software what became of what it asked for. */
  protected abstract report(message: ControlFrameMessage): void;

  /** The software has said something, in a control frame or by a call. */
  protected told(message: ControlFrameMessage): void {
    if (message.kind === 'start') this.#start(message.session);
    else if (message.kind === 'renew') this.#machine.send({ type: 'renew.commanded', session: message.session });
    else if (message.kind === 'stop')
      this.#machine.send({ type: 'stop.commanded', sessionId: message.sessionId, reason: message.reason });
  }

  /** 2014D rules 2 and 3, Y3006C: own MAC SA and a session's frame is encrypted, all else is as it was. */
  protected fromSoftware(frame: Frame): void {
    this.#pass(frame, this.#machine.decision.ciphers ? this.#sessions.encrypt(frame) : undefined, {
      to: this.lower,
      counter: 'encrypted',
    });
  }

  /** 2014B, Y3006D: a session's frame to this node is decrypted and goes up, never out; all else goes up as it was. */
  protected fromWire(frame: Frame): void {
    this.#pass(frame, this.#machine.decision.ciphers ? this.#sessions.decrypt(frame) : undefined, {
      to: this.upper,
      counter: 'decrypted',
    });
  }

  #pass(
    frame: Frame,
    changed: Uint8Array | undefined,
    { to, counter }: { readonly to: Port<Frame, Frame>; readonly counter: string },
  ): void {
    if (changed !== undefined) this.count(counter);
    const passed =
      changed === undefined ? frame : this.host.frame(changed, frame, frame.checksum, withoutHeadroom(frame.offload));
    if (!to.send(passed)) this.drop('not-joined', passed);
  }

  #start(session: EngineSession): void {
    this.#machine.send({ type: 'start.commanded', session, free: this.#sessions.isFree(session) });
  }

  // ---- commands of the machine ----

  #execute({ type, params }: MachineCommand): void {
    switch (type) {
      case 'installSession':
        return this.#sessions.add(params.session);
      case 'renewSession':
        return this.#switchOn(params.session);
      case 'refuseSession':
        return this.#refuse(params.session);
      case 'endSession':
        return this.#sessions.remove(params.sessionId);
      case 'reportStarted':
        return this.report({ kind: 'started', sessionId: params.sessionId });
      case 'reportStopped':
        return this.#reportStopped(params.sessionId, params.reason);
    }
  }

  #switchOn(session: EngineSession): void {
    this.#sessions.switchOn(session);
    this.#machine.send({ type: 'session.renewed', sessionId: session.sessionId });
  }

  #refuse(session: EngineSession): void {
    this.drop('too-many-sessions', undefined, session.sessionId);
    if (this.#sessions.has(session.sessionId)) return;
    for (const key of [session.sendDataKeyId, session.receiveDataKeyId]) this.host.vault.forget(key);
    this.#reportStopped(session.sessionId, Reason.TOO_MANY_SESSIONS);
  }

  #reportStopped(sessionId: number, reason: number): void {
    this.report({ kind: 'stopped', sessionId, reason, nextSequence: 0, acknowledgement: 0 });
  }
}
