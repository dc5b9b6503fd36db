import type { F13Shape, FourTuple } from '../../engine/f13.ts';
import { loopReason } from '../../engine/loop-guard.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import { engineMachine } from '../../machines/engine.ts';
import { type Ip4, isControlMac, isMulticast, type Mac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import {
  buildControlFrame,
  type ControlFrameMessage,
  type EngineSession,
  parseControlFrame,
} from '../../wire/control-frame.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { type FrameView, parseFrame } from '../../wire/frame.ts';
import { withClampedMss } from '../../wire/segment.ts';
import { Flag } from '../../wire/tcp.ts';
import { Reason } from '../../wire/terms.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { MachineCommand, MachineHost, SavedMachine } from '../machine-host.ts';
import type { Port } from '../port.ts';
import { forgetKeys } from '../records/cipher-place.ts';
import type { RecordSessionNews } from '../records/record-session.ts';
import { Demand, type Want } from '../sites/demand.ts';
import type { JournalData } from '../tap.ts';
import { EngineSessionState, parametersOf, type SavedEngineSession } from './session.ts';
import { SessionTable } from './session-table.ts';

/** Of the timers, besides session ids: when sessions on demand were used last. */
const IDLE_TIMER = 'idle';

/** What an engine does beside sealing and opening. */
export interface EngineOptions {
  /** Upper bound for the MSS option of inner SYNs, bytes; left out: frames are not touched. */
  readonly clampMss?: number;
  /** Key limits other than the usual, for tests. */
  readonly limits?: Partial<RecordLimits>;
}

/** One session as {@link EngineLayer.status} tells it. */
export interface EngineSessionStatus {
  readonly sessionId: number;
  readonly tuple: FourTuple;
  readonly state: string;
  readonly shape: F13Shape;
  readonly epochs: { readonly send: number; readonly receive: number };
}

interface Decision {
  readonly accelerating: boolean;
}

/**
 * Acceleration engine 2014/3014, between MAC and PHY (spec 1.5). Port `upper` is the MAC side (block C), `lower` the PHY side (block A).
 */
export class EngineLayer extends Layer {
  readonly kind = 'engine';
  readonly #upper: Port<Frame, Frame>;
  readonly #lower: Port<Frame, Frame>;
  readonly #machine: MachineHost<typeof engineMachine, Decision>;
  /** Block N. */
  readonly #table = new SessionTable<EngineSessionState>();
  readonly #options: EngineOptions;
  readonly #demand: Demand;
  /** Where control frames to the software go. */
  #softwareMac: Mac = 0;

  constructor(host: LayerHost, label: string, options: EngineOptions = {}) {
    super(host, label);
    this.#options = options;
    this.#upper = this.addPort<Frame, Frame>('upper', (frame) => this.#fromMac(frame));
    this.#lower = this.addPort<Frame, Frame>('lower', (frame) => this.#fromPhy(frame));
    this.#machine = this.machineHost({
      machine: engineMachine,
      decide: (snapshot) => ({ accelerating: snapshot.matches('ACCELERATING') }),
      execute: (command) => this.#execute(command),
    });
    this.#demand = new Demand({
      now_us: () => host.now_us(),
      setTimer: (site, delay_us) => this.setTimer(`${IDLE_TIMER}/${site}`, delay_us),
      clearTimer: (site) => this.clearTimer(`${IDLE_TIMER}/${site}`),
      wanted: (want) => this.#wanted(want),
      idle: (site) => this.#idle(site),
    });
  }

  override timerFired(name: string): void {
    const [id, timer] = name.split('/') as [string, string];
    if (id === IDLE_TIMER) return this.#demand.timerFired(Number(timer));
    const session = this.#table.row(Number(id));
    if (timer === 'f13') session?.line.timerFired();
    else session?.records.timerFired(timer);
  }

  override stop(): void {
    for (const { session } of [...this.#table.rows])
      this.#machine.send({ type: 'stop.commanded', sessionId: session.sessionId, reason: Reason.OPERATOR });
  }

  override machines(): readonly MachineView[] {
    const own = { instance: '', machine: this.#machine.machine, state: this.#machine.state };
    return [
      own,
      ...[...this.#table.rows].flatMap(({ records }) =>
        records.machines.map(({ instance, machine, state }) => ({ instance, machine, state })),
      ),
    ];
  }

  /** What each session is at; counters are the layer's. */
  status(): readonly EngineSessionStatus[] {
    return [...this.#table.rows].map(({ session, line, records }) => ({
      sessionId: session.sessionId,
      tuple: line.keeper.tuple,
      state: records.state,
      shape: line.keeper.shape,
      epochs: records.epochs,
    }));
  }

  save(): SavedLayer {
    return {
      version: 1,
      machine: this.#machine.save(),
      softwareMac: this.#softwareMac,
      reserved: this.#table.reserved,
      sessions: [...this.#table.rows].map((session) => session.save()) as never,
      demand: this.#demand.save(),
    };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as SavedMachine);
    this.#softwareMac = saved.softwareMac as Mac;
    this.#table.clear();
    this.#table.reserved = saved.reserved as readonly Ip4[];
    this.#demand.restore(saved.demand as JournalData);
    for (const each of saved.sessions as unknown as readonly SavedEngineSession[]) {
      const session = this.#newSession(each.session);
      session.restore(each);
      this.#table.add(session);
    }
  }

  // ---- MAC -> PHY: all but control frames passes; leg packets of a session get the session's F13 numbers ----

  #fromMac(frame: Frame): void {
    const destination = macAt(frame, 0);
    if (destination !== undefined && isControlMac(destination)) return this.#controlFrame(frame);
    const stamped = this.#machine.decision.accelerating ? this.#stamped(frame) : frame;
    this.#lower.send(stamped);
  }

  #stamped(frame: Frame): Frame {
    const parsed = parseFrame(frame.bytes);
    if (!parsed.ok || parsed.tcp === undefined) return frame;
    const sessionId = this.#table.sessionFrom(parsed);
    if (sessionId === undefined) return frame;
    const { line } = this.#table.row(sessionId) as EngineSessionState;
    const reset = (parsed.tcp.flags & Flag.RST) !== 0;
    const payload = frame.bytes.subarray(parsed.payloadOffset, parsed.payloadEnd);
    return this.host.frame(line.keeper.frame(payload, reset), frame);
  }

  #controlFrame(frame: Frame): void {
    const read = parseControlFrame(frame.bytes);
    if (!read.ok) return this.drop('malformed', frame, read.reason);
    const { message } = read;
    this.#softwareMac = read.source;
    this.count('controlFrames');
    switch (message.kind) {
      case 'start':
        return this.#start(message.session);
      case 'renew':
        return this.#machine.send({ type: 'renew.commanded', session: message.session });
      case 'stop':
        return this.#machine.send({ ...message, type: 'stop.commanded' });
      case 'reserved-addresses':
        this.#table.reserved = message.addresses;
        return;
      case 'demand':
        if (!this.#demand.rule(message.rule)) this.drop('table-full', frame, message.rule.site);
    }
  }

  #start(session: EngineSession): void {
    this.#machine.send({ type: 'start.commanded', session, free: this.#table.isFree(session) });
  }

  // ---- PHY -> MAC (block B), first match wins ----

  #fromPhy(frame: Frame): void {
    const destination = macAt(frame, 0);
    const source = macAt(frame, 6);
    if (destination === undefined || source === undefined) return this.drop('malformed', frame);
    if (isControlMac(destination) || isControlMac(source)) return this.drop('foreign-control-frame', frame);
    if (!this.#machine.decision.accelerating) {
      if (this.#demand.hasRules && destination !== this.#softwareMac) this.#demand.fromLan(frame.bytes);
      this.#upper.send(frame);
      return;
    }
    if (this.#table.isOwn(destination)) return this.#toThisNode(frame);
    if (isMulticast(destination)) this.#upper.send(frame);
    this.#intoTunnels(frame);
  }

  /** R1 and R2. */
  #toThisNode(frame: Frame): void {
    const parsed = parseFrame(frame.bytes);
    const sessionId = parsed.ok ? this.#table.sessionTo(parsed) : undefined;
    if (sessionId === undefined) {
      this.#upper.send(frame);
      return;
    }
    if (frame.checksum === 'bad') return this.drop('bad-checksum', frame);
    this.#openFrame(sessionId, frame, parsed as FrameView);
  }

  /** R1: what the records held goes back out of the PHY side; leg packets go up. */
  #openFrame(sessionId: number, frame: Frame, parsed: FrameView): void {
    const row = this.#table.row(sessionId) as EngineSessionState;
    if (parsed.payloadOffset === parsed.payloadEnd) {
      this.count('emptySegments');
      if (parsed.tcp !== undefined && (parsed.tcp.flags & Flag.RST) !== 0) row.records.suspect();
      return;
    }
    const opened = row.open(frame.bytes, parsed);
    for (const { reason, detail } of opened.refused) this.drop(reason, frame, detail);
    for (const bytes of opened.frames) this.#ontoLan(row, bytes, frame);
    if (opened.hasLeg) this.#upper.send(frame);
  }

  #ontoLan({ session }: EngineSessionState, bytes: Uint8Array, f10: Frame): void {
    if (bytes.length < ETHERNET_HEADER_BYTES) return this.drop('malformed', f10, 'ethernet-truncated');
    if (!this.#demand.fromSite(session.site, bytes)) return this.drop('loop-guard', f10, 'echo');
    this.count('opened');
    this.#lower.send(this.host.frame(this.#clamped(bytes), f10));
  }

  /** R3 and R4: a copy for each session: encrypt, split, encapsulate, out of the PHY side. */
  #intoTunnels(frame: Frame): void {
    // Beyond the tunnel it would pass for good: what a record held has come as it was sealed.
    if (frame.checksum === 'bad') return this.drop('bad-checksum', frame);
    const bytes = this.#clamped(frame.bytes);
    const loop = loopReason(bytes, this.#table.ends) ?? (this.#demand.fromLan(bytes) ? undefined : 'echo');
    if (loop !== undefined) return this.drop('loop-guard', frame, loop);
    for (const { session } of this.#table.rows) this.#intoTunnel(session.sessionId, bytes, frame);
  }

  #intoTunnel(sessionId: number, bytes: Uint8Array, frame: Frame): void {
    const { records, line } = this.#table.row(sessionId) as EngineSessionState;
    const units = records.seal(bytes);
    if (typeof units === 'string') return this.drop(units, frame);
    this.count('sealed');
    for (const unit of units) this.#lower.send(this.host.frame(line.keeper.frame(unit), frame));
  }

  #clamped(bytes: Uint8Array): Uint8Array {
    const most = this.#options.clampMss;
    return most === undefined ? bytes : withClampedMss(bytes, most);
  }

  #wanted(want: Want): void {
    this.count('wanted');
    this.#report({ kind: 'wanted', ...want });
  }

  #idle(site: number): void {
    for (const { session } of [...this.#table.rows]) {
      const { sessionId } = session;
      if (session.site === site) this.#machine.send({ type: 'session.ended', sessionId, reason: Reason.IDLE });
    }
  }

  // ---- commands of the machine ----

  #execute({ type, params }: MachineCommand): void {
    switch (type) {
      case 'installSession':
        return this.#install(params.session);
      case 'renewSession':
        return this.#renew(params.session);
      case 'refuseSession':
        return this.#refuse(params.session);
      case 'endSession':
        return this.#end(params.sessionId, params.reason);
      case 'reportStarted':
        return this.#report({ kind: 'started', sessionId: params.sessionId });
      case 'reportStopped':
        return this.#reportStopped(params.sessionId, params.reason);
      case 'reportAuthenticated':
        return this.#report({ kind: 'authenticated', sessionId: params.sessionId });
      case 'reportDisconnect':
        return this.#report({ kind: 'disconnect', ...params });
    }
  }

  #install(session: EngineSession): void {
    const row = this.#newSession(session);
    this.#table.add(row);
    this.#demand.up(session.site);
    this.#note(session, 'added');
    row.records.start();
  }

  #renew(session: EngineSession): void {
    const { sessionId } = session;
    if (this.#table.row(sessionId)?.renew(session)) this.#machine.send({ type: 'session.renewed', sessionId });
    else this.#machine.send({ type: 'session.ended', sessionId, reason: Reason.TIMED_OUT });
  }

  #refuse(session: EngineSession): void {
    this.drop('too-many-sessions', undefined, session.sessionId);
    forgetKeys(this.host.vault, parametersOf(session));
    if (this.#table.row(session.sessionId) === undefined)
      this.#reportStopped(session.sessionId, Reason.TOO_MANY_SESSIONS);
  }

  #end(sessionId: number, reason: number): void {
    const session = this.#table.row(sessionId);
    session?.records.stop(reason);
    session?.line.close();
  }

  /** The software goes on with the F13 numbers, so that a firewall sees one connection to its end. */
  #reportStopped(sessionId: number, reason: number): void {
    const row = this.#table.row(sessionId);
    const numbers = row?.line.keeper.numbers ?? { next: 0, acknowledged: 0 };
    if (row !== undefined) this.#forget(row);
    this.#report({
      kind: 'stopped',
      sessionId,
      reason,
      nextSequence: numbers.next,
      acknowledgement: numbers.acknowledged,
    });
  }

  #forget({ session }: EngineSessionState): void {
    this.#table.remove(session.sessionId);
    this.#demand.down(session.site);
    this.#note(session, 'removed');
  }

  /** What the table of block N came to hold. */
  #note({ sessionId, site }: EngineSession, row: 'added' | 'removed'): void {
    this.note('session-table', { block: `${this.label}N`, row, sessionId, site, rows: this.#table.size });
  }

  #newSession(session: EngineSession): EngineSessionState {
    const { sessionId } = session;
    const transmit = (bytes: Uint8Array): void => {
      this.#lower.send(this.host.frame(bytes));
    };
    const state: EngineSessionState = new EngineSessionState(
      session,
      {
        line: {
          setTimer: (delay_us) => this.setTimer(`${sessionId}/f13`, delay_us),
          clearTimer: () => this.clearTimer(`${sessionId}/f13`),
          transmit,
        },
        records: {
          now_us: () => this.host.now_us(),
          setTimer: (name, delay_us) => this.setTimer(`${sessionId}/${name}`, delay_us),
          clearTimer: (name) => this.clearTimer(`${sessionId}/${name}`),
          vault: this.host.vault,
          observer: this.host.observer(this.label),
          transmit: (unit) => transmit(state.line.keeper.frame(unit)),
          news: (news) => this.#news(sessionId, news),
        },
      },
      this.#options.limits ?? {},
    );
    return state;
  }

  #news(sessionId: number, news: RecordSessionNews): void {
    if (news.kind === 'authenticated') this.#machine.send({ type: 'session.authenticated', sessionId });
    else this.#machine.send({ type: 'session.ended', sessionId, reason: news.reason });
  }

  #report(message: ControlFrameMessage): void {
    this.#upper.send(this.host.frame(buildControlFrame(message, this.#softwareMac)));
  }
}

function macAt(frame: Frame, offset: number): Mac | undefined {
  return frame.bytes.length < ETHERNET_HEADER_BYTES ? undefined : u48(frame.bytes, offset);
}
