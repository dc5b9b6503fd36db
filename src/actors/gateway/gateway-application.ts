import { f13Overhead } from '../../engine/f13.ts';
import { loopReason } from '../../engine/loop-guard.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { IP4_HEADER_BYTES } from '../../wire/ipv4.ts';
import { RECORD_OVERHEAD_BYTES } from '../../wire/record.ts';
import { withClampedMss } from '../../wire/segment.ts';
import { TCP_HEADER_BYTES } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import type { Port } from '../port.ts';
import type { RecordParameters, SslIndication } from '../services.ts';
import type { GatewayConfig } from './config.ts';
import type { TunnelSession } from './session.ts';
import { TunnelsLayer } from './tunnels.ts';

export interface GatewayApplicationConfig extends GatewayConfig {
  /** Lowers the MSS of inner SYNs, so that a full segment's record fits into one packet of the path; default true. */
  readonly clampMss?: boolean;
}

/** No MAC address: where there is no driver, nobody knows the next hop's. */
const NO_MAC = -1;

/**
 * Gateway application 2001A/3001A (spec 3.3): puts each frame of the virtual NIC into the SSL session and each frame of the session into
 * the virtual NIC. Port `nic` to the virtual NIC; `settings` stays unjoined where there is no driver.
 */
export class GatewayApplicationLayer extends TunnelsLayer {
  readonly kind = 'gateway-application';
  readonly #nic: Port<Frame, Frame>;
  readonly #clamps: boolean;

  constructor(host: LayerHost, label: string, config: GatewayApplicationConfig) {
    super(host, label, config);
    this.#clamps = config.clampMss ?? true;
    this.#nic = this.addPort<Frame, Frame>('nic', (frame) => this.#fromNic(frame));
  }

  protected install(session: TunnelSession): void {
    const parameters = session.facts.parameters as RecordParameters;
    const { receiveConnectionId } = parameters;
    this.settings.send({ kind: 'announce-records', tuple: session.tuple, receiveConnectionId });
    this.ssl.send({ kind: 'records', session: session.name, parameters });
    session.send({ type: 'installed' });
  }

  protected reinstall(session: TunnelSession): void {
    this.install(session);
  }

  /** SSL's record part ends with its session. */
  protected release(): void {}

  protected frameFromPeer({ session: name, frame }: Extract<SslIndication, { kind: 'frame' }>): void {
    const session = this.session(name);
    if (session === undefined || !session.carries) return this.drop('no-session', frame, name);
    const passed = this.#guarded(session, frame);
    if (passed === undefined) return;
    this.count('fromTunnel');
    if (!this.#nic.send(passed)) this.drop('not-joined', passed);
  }

  #fromNic(frame: Frame): void {
    const sessions = this.activeSessions();
    if (sessions.length === 0) return this.drop('no-session', frame);
    for (const session of sessions) {
      const passed = this.#guarded(session, frame);
      if (passed === undefined) continue;
      this.count('intoTunnel');
      this.ssl.send({ kind: 'frame', session: session.name, frame: passed });
    }
  }

  /** The frame as it may pass; undefined, and dropped, when it would make the tunnel carry itself. */
  #guarded({ tuple, facts }: TunnelSession, frame: Frame): Frame | undefined {
    const { ownMac, nextHopMac } = facts.leg ?? { ownMac: NO_MAC, nextHopMac: NO_MAC };
    const loop = loopReason(frame.bytes, { ownMac, nextHopMac, addresses: [tuple.local, tuple.remote] });
    if (loop === undefined)
      return this.#clamps ? this.#clamped(frame, facts.parameters as RecordParameters, facts.leg?.shape) : frame;
    this.drop('loop-guard', frame, loop);
    return undefined;
  }

  #clamped(frame: Frame, { pathMtu }: RecordParameters, shape: 'tcp' | 'udp' = 'tcp'): Frame {
    const bytes = withClampedMss(frame.bytes, pathMtu - f13Overhead(shape) - INNER_OVERHEAD_BYTES);
    return bytes === frame.bytes ? frame : this.host.frame(bytes, frame, frame.checksum);
  }
}

/** What a record adds to an inner TCP payload. */
const INNER_OVERHEAD_BYTES = RECORD_OVERHEAD_BYTES + ETHERNET_HEADER_BYTES + IP4_HEADER_BYTES + TCP_HEADER_BYTES;
