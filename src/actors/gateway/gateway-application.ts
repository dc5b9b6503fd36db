import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import type { Port } from '../port.ts';
import { type RecordApplicationConfig, RecordApplicationLayer } from './record-application.ts';
import type { TunnelSession } from './session.ts';

export type GatewayApplicationConfig = RecordApplicationConfig;

/**
 * Gateway application 2001A/3001A (spec 3.3): puts each frame of the virtual NIC into the SSL session and each frame of the session into
 * the virtual NIC. Port `nic` to the virtual NIC; `settings` stays unjoined where there is no driver.
 */
export class GatewayApplicationLayer extends RecordApplicationLayer {
  readonly kind = 'gateway-application';
  readonly #nic: Port<Frame, Frame>;

  constructor(host: LayerHost, label: string, config: GatewayApplicationConfig) {
    super(host, label, config);
    this.#nic = this.addPort<Frame, Frame>('nic', (frame) => this.#fromNic(frame));
  }

  protected fromTunnel(_session: TunnelSession, frame: Frame): void {
    if (!this.#nic.send(frame)) this.drop('not-joined', frame);
  }

  #fromNic(frame: Frame): void {
    const sessions = this.activeSessions();
    if (sessions.length === 0) return this.drop('no-session', frame);
    for (const session of sessions) this.intoTunnel(session, frame);
  }
}
