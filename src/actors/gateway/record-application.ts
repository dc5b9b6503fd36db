import { f13Overhead } from '../../engine/f13.ts';
import { loopReason } from '../../engine/loop-guard.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { IP4_HEADER_BYTES } from '../../wire/ipv4.ts';
import { RECORD_OVERHEAD_BYTES } from '../../wire/record.ts';
import { withClampedMss } from '../../wire/segment.ts';
import { TCP_HEADER_BYTES } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import type { RecordParameters, SslIndication } from '../services.ts';
import type { GatewayConfig } from './config.ts';
import type { TunnelSession } from './session.ts';
import { TunnelsLayer } from './tunnels.ts';

export interface RecordApplicationConfig extends GatewayConfig {
  /** Lowers the MSS of inner SYNs, so that a full segment's record fits into one packet of the path; default true. */
  readonly clampMss?: boolean;
}

/** What gateway application 2001A and relay application 1001 have in common: SSL seals and opens the frames of their sessions. */
export abstract class RecordApplicationLayer extends TunnelsLayer {
  readonly #clamps: boolean;

  constructor(host: LayerHost, label: string, config: RecordApplicationConfig) {
    super(host, label, config);
    this.#clamps = config.clampMss ?? true;
  }

  /** A frame of a session that carries. */
  protected abstract fromTunnel(session: TunnelSession, frame: Frame): void;

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
    this.fromTunnel(session, passed);
  }

  /** Sends a frame to a session's peer, unless it must not pass. */
  protected intoTunnel(session: TunnelSession, frame: Frame): void {
    const passed = this.#guarded(session, frame);
    if (passed === undefined) return;
    this.count('intoTunnel');
    this.ssl.send({ kind: 'frame', session: session.name, frame: passed });
  }

  /** The frame as it may pass; undefined, and dropped, when it would make the tunnel carry itself. */
  #guarded({ ends, facts }: TunnelSession, frame: Frame): Frame | undefined {
    const loop = loopReason(frame.bytes, ends);
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
