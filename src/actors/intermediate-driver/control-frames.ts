import type { F13Numbers } from '../../engine/f13.ts';
import type { Mac } from '../../wire/address.ts';
import { buildControlFrame, parseControlFrame } from '../../wire/control-frame.ts';
import type { DemandRule } from '../../wire/demand-rule.ts';
import { engineSessionOf, type SessionF13 } from '../engine/start.ts';
import type { Frame } from '../frame.ts';
import type { EngineStart, SettingIndication } from '../services.ts';
import { tupleKey } from './settings.ts';

export interface ControlFramesHost {
  /** Where the engine's answers go. */
  readonly softwareMac: Mac;
  toEngine(bytes: Uint8Array): void;
  indicate(indication: SettingIndication): void;
  /** The engine has stopped: the software goes on from its F13 numbers. */
  resume(key: string, numbers: F13Numbers): void;
  drop(frame: Frame, detail: string): void;
}

export interface SavedControlFrames {
  /** Sessions that the engine serves: session id and key of the tuple. */
  readonly sessions: readonly (readonly [number, string])[];
  /** Peers whose sessions the engine may ask for. */
  readonly sites: readonly number[];
}

/** Block M: control frames to and from the engine of this host, whoever in it sends them. */
export class ControlFrames {
  readonly #host: ControlFramesHost;
  #sessions = new Map<number, string>();
  #sites = new Set<number>();

  constructor(host: ControlFramesHost) {
    this.#host = host;
  }

  /** The start (or renew) command with all that the engine needs. */
  start(kind: 'start' | 'renew', start: EngineStart, f13: SessionF13): void {
    this.#sessions.set(start.sessionId, tupleKey(start.tuple));
    const session = engineSessionOf(start, f13);
    this.#host.toEngine(buildControlFrame({ kind, session }, this.#host.softwareMac));
  }

  stop(sessionId: number, reason: number): void {
    this.#host.toEngine(buildControlFrame({ kind: 'stop', sessionId, reason }, this.#host.softwareMac));
  }

  /** Lets the engine ask for sessions with a peer. */
  demand(rule: DemandRule): void {
    this.#sites.add(rule.site);
    this.#host.toEngine(buildControlFrame({ kind: 'demand', rule }, this.#host.softwareMac));
  }

  /** A control frame of the engine. */
  received(frame: Frame): void {
    const read = parseControlFrame(frame.bytes);
    if (!read.ok) return this.#host.drop(frame, read.reason);
    const { message } = read;
    if (message.kind === 'wanted' && this.#sites.has(message.site)) {
      const { kind: _, ...want } = message;
      return this.#host.indicate({ kind: 'engine-wanted', want });
    }
    if (!('sessionId' in message) || !this.#sessions.has(message.sessionId))
      return this.#host.drop(frame, 'no such session');
    switch (message.kind) {
      case 'started':
        return this.#host.indicate({ kind: 'engine-started', sessionId: message.sessionId });
      case 'stopped':
        this.#takeNumbersBack(message);
        return this.#host.indicate({ kind: 'engine-stopped', sessionId: message.sessionId, reason: message.reason });
      case 'authenticated':
        return this.#host.indicate({ kind: 'engine-authenticated', sessionId: message.sessionId });
      case 'disconnect':
        return this.#host.indicate({ kind: 'engine-disconnect', sessionId: message.sessionId, reason: message.reason });
      default:
        return this.#host.drop(frame, message.kind);
    }
  }

  #takeNumbersBack(stopped: { sessionId: number; nextSequence: number; acknowledgement: number }): void {
    const key = this.#sessions.get(stopped.sessionId);
    this.#sessions.delete(stopped.sessionId);
    if (key === undefined) return;
    this.#host.resume(key, { next: stopped.nextSequence, acknowledged: stopped.acknowledgement });
  }

  save(): SavedControlFrames {
    return { sessions: [...this.#sessions], sites: [...this.#sites] };
  }

  restore(saved: SavedControlFrames): void {
    this.#sessions = new Map(saved.sessions);
    this.#sites = new Set(saved.sites);
  }
}
