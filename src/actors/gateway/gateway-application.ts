import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import type { SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { NextHopAnswer, NextHopQuestion } from '../services.ts';
import { Demand } from '../sites/demand.ts';
import type { JournalData } from '../tap.ts';
import { PeerSites } from './peer-sites.ts';
import { type RecordApplicationConfig, RecordApplicationLayer } from './record-application.ts';
import type { TunnelSession } from './session.ts';

export type GatewayApplicationConfig = RecordApplicationConfig;

/** Timers of sessions on demand, beside those of sessions and peers. */
const IDLE = 'idle:';

/**
 * Gateway application 2001A/3001A (spec 3.3): puts each frame of the virtual NIC into the SSL session and each frame of the session into
 * the virtual NIC. It sees the frames itself, so that it needs no engine to tell which session is wanted or idle. Port `nic` to the virtual
 * NIC; `settings` stays unjoined where there is no driver, `neighbours` to the IP stack where it is asked for the next hop, for the loop
 * guard.
 */
export class GatewayApplicationLayer extends RecordApplicationLayer {
  readonly kind = 'gateway-application';
  readonly #nic: Port<Frame, Frame>;
  readonly #neighbours: Port<NextHopAnswer, NextHopQuestion>;
  readonly #sites: PeerSites;
  readonly #demand: Demand;

  constructor(host: LayerHost, label: string, config: GatewayApplicationConfig) {
    super(host, label, config);
    this.#nic = this.addPort<Frame, Frame>('nic', (frame) => this.#fromNic(frame));
    this.#neighbours = this.addPort<NextHopAnswer, NextHopQuestion>('neighbours', (answer) => this.#answered(answer));
    this.#sites = new PeerSites(config);
    this.#demand = new Demand({
      now_us: () => host.now_us(),
      setTimer: (site, delay_us) => this.setTimer(`${IDLE}${site}`, delay_us),
      clearTimer: (site) => this.clearTimer(`${IDLE}${site}`),
      wanted: (want) => {
        const wanted = this.#sites.wanted(want);
        this.note('session-wanted', wanted);
        this.outsideEvent('demand', wanted);
      },
      idle: (site) => this.activeSession(this.#sites.nameOf(site) ?? '')?.send({ type: 'close' }),
    });
  }

  override start(): void {
    for (const rule of this.#sites.rules) this.#demand.rule(rule);
    super.start();
  }

  override timerFired(name: string): void {
    if (name.startsWith(IDLE)) this.#demand.timerFired(Number(name.slice(IDLE.length)));
    else super.timerFired(name);
  }

  override save(): SavedLayer {
    return { ...super.save(), demand: this.#demand.save() };
  }

  override restore(saved: SavedLayer): void {
    super.restore(saved);
    this.#demand.restore(saved.demand as JournalData);
  }

  protected override install(session: TunnelSession): void {
    this.#neighbours.send({ kind: 'next-hop', name: session.name, destination: session.tuple.remote });
    super.install(session);
  }

  protected override activated(peer: string, session: TunnelSession | undefined): void {
    const site = this.#sites.siteOf(peer);
    if (session === undefined) this.#demand.down(site);
    else if (!this.#demand.isUp(site)) this.#demand.up(site);
  }

  protected fromTunnel({ facts }: TunnelSession, frame: Frame): void {
    if (frame.bytes.length < ETHERNET_HEADER_BYTES) return this.drop('malformed', frame, 'ethernet-truncated');
    if (!this.#demand.fromSite(this.#sites.siteOf(facts.peer), frame.bytes))
      return this.drop('loop-guard', frame, 'echo');
    if (!this.#nic.send(frame)) this.drop('not-joined', frame);
  }

  #answered({ name, own, nextHop }: NextHopAnswer): void {
    const session = this.session(name);
    if (session !== undefined && nextHop !== undefined) session.facts.link = { ownMac: own, nextHopMac: nextHop };
  }

  #fromNic(frame: Frame): void {
    if (frame.bytes.length < ETHERNET_HEADER_BYTES) return this.drop('malformed', frame, 'ethernet-truncated');
    // Beyond the tunnel it would pass for good: what a record held has come as it was sealed.
    if (frame.checksum === 'bad') return this.drop('bad-checksum', frame);
    if (!this.#demand.fromLan(frame.bytes)) return this.drop('loop-guard', frame, 'echo');
    const sessions = this.activeSessions();
    if (sessions.length === 0) return this.drop('no-session', frame);
    for (const session of sessions) this.intoTunnel(session, frame);
  }
}
