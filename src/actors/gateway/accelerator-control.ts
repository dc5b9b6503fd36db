import { Reason } from '../../wire/terms.ts';
import type { SavedLayer } from '../layer.ts';
import type { EngineStart, RecordParameters, SslIndication } from '../services.ts';
import type { TunnelSession } from './session.ts';
import { TunnelsLayer } from './tunnels.ts';

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
    this.settings.send({ kind: 'engine-start', start: startOf(session) });
  }

  protected reinstall(session: TunnelSession): void {
    this.settings.send({ kind: 'engine-renew', start: startOf(session) });
  }

  protected release({ facts }: TunnelSession): void {
    if (facts.engineSession === 0) return;
    this.settings.send({ kind: 'engine-stop', sessionId: facts.engineSession, reason: Reason.OPERATOR });
  }

  protected frameFromPeer({ frame }: Extract<SslIndication, { kind: 'frame' }>): void {
    this.drop('not-started', frame, 'the engine opens records, not SSL');
  }
}

function startOf({ tuple, facts }: TunnelSession): EngineStart {
  return { sessionId: facts.engineSession, tuple, parameters: facts.parameters as RecordParameters };
}
