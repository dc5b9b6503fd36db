import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import type { Port } from '../port.ts';
import type { NextHopAnswer, NextHopQuestion } from '../services.ts';
import { type RecordApplicationConfig, RecordApplicationLayer } from './record-application.ts';
import type { TunnelSession } from './session.ts';

export type GatewayApplicationConfig = RecordApplicationConfig;

/**
 * Gateway application 2001A/3001A (spec 3.3): puts each frame of the virtual NIC into the SSL session and each frame of the session into
 * the virtual NIC. Port `nic` to the virtual NIC; `settings` stays unjoined where there is no driver, `neighbours` to the IP stack where it
 * is asked for the next hop, for the loop guard.
 */
export class GatewayApplicationLayer extends RecordApplicationLayer {
  readonly kind = 'gateway-application';
  readonly #nic: Port<Frame, Frame>;
  readonly #neighbours: Port<NextHopAnswer, NextHopQuestion>;

  constructor(host: LayerHost, label: string, config: GatewayApplicationConfig) {
    super(host, label, config);
    this.#nic = this.addPort<Frame, Frame>('nic', (frame) => this.#fromNic(frame));
    this.#neighbours = this.addPort<NextHopAnswer, NextHopQuestion>('neighbours', (answer) => this.#answered(answer));
  }

  protected override install(session: TunnelSession): void {
    this.#neighbours.send({ kind: 'next-hop', name: session.name, destination: session.tuple.remote });
    super.install(session);
  }

  protected fromTunnel(_session: TunnelSession, frame: Frame): void {
    if (!this.#nic.send(frame)) this.drop('not-joined', frame);
  }

  #answered({ name, own, nextHop }: NextHopAnswer): void {
    const session = this.session(name);
    if (session !== undefined && nextHop !== undefined) session.facts.link = { ownMac: own, nextHopMac: nextHop };
  }

  #fromNic(frame: Frame): void {
    const sessions = this.activeSessions();
    if (sessions.length === 0) return this.drop('no-session', frame);
    for (const session of sessions) this.intoTunnel(session, frame);
  }
}
