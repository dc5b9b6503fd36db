import { CONTROL_MAC_FIRST, CONTROL_MAC_LAST } from '../../wire/address.ts';
import { Reason } from '../../wire/terms.ts';
import type { LayerHost } from '../host.ts';
import type { SavedLayer } from '../layer.ts';
import type { EngineStart, RecordParameters, SettingIndication, SettingRequest, SslIndication } from '../services.ts';
import type { Want } from '../sites/demand.ts';
import type { GatewayConfig } from './config.ts';
import { PeerSites } from './peer-sites.ts';
import type { TunnelSession } from './session.ts';
import { TunnelsLayer } from './tunnels.ts';

/** What an engine is told. */
export type EngineRequest = Extract<SettingRequest, { kind: `engine-${string}` }>;

/**
 * Accelerator control 2001/3001 (spec 1.3): sets sessions up through SSL and gives them to the engine below by way of the driver.
 * No frame passes here.
 */
export class AcceleratorControlLayer extends TunnelsLayer {
  readonly kind = 'accelerator-control';
  readonly #sites: PeerSites;
  #engineSessions = 0;

  constructor(host: LayerHost, label: string, config: GatewayConfig) {
    super(host, label, config);
    this.#sites = new PeerSites(config);
  }

  override start(): void {
    this.settings.send({ kind: 'announce-special', first: CONTROL_MAC_FIRST, last: CONTROL_MAC_LAST });
    for (const rule of this.#sites.rules) this.toEngine({ kind: 'engine-demand', rule });
    super.start();
  }

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
    this.toEngine({ kind: 'engine-start', start: this.#startOf(session) });
  }

  protected reinstall(session: TunnelSession): void {
    this.toEngine({ kind: 'engine-renew', start: this.#startOf(session) });
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

  protected override fromDriver(indication: SettingIndication): void {
    if (indication.kind === 'engine-wanted') this.#wanted(indication.want);
    else super.fromDriver(indication);
  }

  /** A frame of the LAN is for a station of a peer with which no session stands (N12.4). */
  #wanted(want: Want): void {
    const wanted = this.#sites.wanted(want);
    this.note('session-wanted', wanted);
    this.outsideEvent('demand', wanted);
  }

  #startOf({ tuple, facts }: TunnelSession): EngineStart {
    const parameters = facts.parameters as RecordParameters;
    return { sessionId: facts.engineSession, tuple, parameters, site: this.#sites.siteOf(facts.peer) };
  }
}
