import { Reason } from '../../wire/terms.ts';
import type { SavedLayer } from '../layer.ts';
import type { EngineStart, RecordParameters, SettingRequest, SslIndication } from '../services.ts';
import type { TunnelSession } from './session.ts';
import { TunnelsLayer } from './tunnels.ts';

/** What an engine is told. */
export type EngineRequest = Extract<SettingRequest, { kind: 'engine-start' | 'engine-renew' | 'engine-stop' }>;

/**
 * Accelerator control 2001/3001 (spec 1.3): sets sessions up through SSL and gives them to the engine below by way of the driver.
 * No frame passes here.
 */
export class AcceleratorControlLayer extends TunnelsLayer {
  readonly kind = 'accelerator-control';
  #engineSessions = 0;

  override save(): SavedLayer {
    return { ...super.save(), engineSessions: this.#engineSessions };
  }

  override restore(saved: SavedLayer): void {
    super.restore(saved);
    this.#engineSessions = saved.engineSessions as number;
  }

  /** Step 21 of spec 2.4; the engine's answer is the session's `installed`. */
  protected install(session: TunnelSession): void {
    session.facts.engineSession = ++this.#engineSessions;
    this.toEngine({ kind: 'engine-start', start: startOf(session) });
  }

  protected reinstall(session: TunnelSession): void {
    this.toEngine({ kind: 'engine-renew', start: startOf(session) });
  }

  protected release({ facts }: TunnelSession): void {
    if (facts.engineSession === 0) return;
    this.toEngine({ kind: 'engine-stop', sessionId: facts.engineSession, reason: Reason.OPERATOR });
  }

  /** By way of the intermediate driver, whose block M makes the control frame. */
  protected toEngine(request: EngineRequest): void {
    this.settings.send(request);
  }

  protected frameFromPeer({ frame }: Extract<SslIndication, { kind: 'frame' }>): void {
    this.drop('not-started', frame, 'the engine opens records, not SSL');
  }
}

function startOf({ tuple, facts }: TunnelSession): EngineStart {
  return { sessionId: facts.engineSession, tuple, parameters: facts.parameters as RecordParameters };
}
