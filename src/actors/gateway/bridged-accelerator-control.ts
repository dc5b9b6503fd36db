import { CONTROL_MAC_SOFTWARE, isControlMac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { Reason } from '../../wire/terms.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { ControlFrames, type SavedControlFrames } from '../intermediate-driver/control-frames.ts';
import type { SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { EngineStart, NextHopAnswer, NextHopQuestion } from '../services.ts';
import { AcceleratorControlLayer, type EngineRequest } from './accelerator-control.ts';
import type { GatewayConfig } from './config.ts';

/** F13 is UDP here, which has no numbers. */
const NO_NUMBERS = { next: 0, acknowledged: 0 };

interface Asked {
  readonly kind: 'start' | 'renew';
  readonly start: EngineStart;
}

/**
 * Accelerator control 2001 of a gateway without intermediate driver ([1323]): block M is its own. Control frames go through virtual
 * NIC 2010, driver 2009, bridge 2008, driver 2007 and MAC 2011 to the engine (port `nic`); the next hop's MAC, which only the IP
 * stack knows, it asks for there (port `neighbours`).
 */
export class BridgedAcceleratorControlLayer extends AcceleratorControlLayer {
  readonly #nic: Port<Frame, Frame>;
  readonly #neighbours: Port<NextHopAnswer, NextHopQuestion>;
  readonly #control: ControlFrames;
  /** Starts that wait for the next hop, by engine session. */
  #asked = new Map<number, Asked>();

  constructor(host: LayerHost, label: string, config: GatewayConfig) {
    super(host, label, config);
    this.#nic = this.addPort<Frame, Frame>('nic', (frame) => this.#fromNic(frame));
    this.#neighbours = this.addPort<NextHopAnswer, NextHopQuestion>('neighbours', (answer) => this.#answered(answer));
    this.#control = new ControlFrames({
      softwareMac: CONTROL_MAC_SOFTWARE,
      toEngine: (bytes) => this.#nic.send(host.frame(bytes)),
      indicate: (indication) => this.fromDriver(indication),
      resume: () => {},
      drop: (frame, detail) => this.drop('foreign-control-frame', frame, detail),
    });
  }

  override save(): SavedLayer {
    return { ...super.save(), control: this.#control.save() as never, asked: [...this.#asked] as never };
  }

  override restore(saved: SavedLayer): void {
    super.restore(saved);
    this.#control.restore(saved.control as unknown as SavedControlFrames);
    this.#asked = new Map(saved.asked as unknown as readonly (readonly [number, Asked])[]);
  }

  protected override toEngine(request: EngineRequest): void {
    if (request.kind === 'engine-demand') return this.#control.demand(request.rule);
    if (request.kind === 'engine-stop') {
      this.#asked.delete(request.sessionId);
      return this.#control.stop(request.sessionId, request.reason);
    }
    const { start } = request;
    this.#asked.set(start.sessionId, { kind: request.kind === 'engine-start' ? 'start' : 'renew', start });
    this.#neighbours.send({ kind: 'next-hop', name: String(start.sessionId), destination: start.tuple.remote });
  }

  #answered({ name, own, nextHop }: NextHopAnswer): void {
    const sessionId = Number(name);
    const asked = this.#asked.get(sessionId);
    if (asked === undefined) return;
    this.#asked.delete(sessionId);
    if (nextHop === undefined)
      return this.fromDriver({ kind: 'engine-stopped', sessionId, reason: Reason.NO_LISTENER });
    this.#control.start(asked.kind, asked.start, { link: { own, nextHop }, shape: 'udp', numbers: NO_NUMBERS });
  }

  /** The bridge floods what it does not know: frames of the LAN, until the engine takes them, are none of ours. */
  #fromNic(frame: Frame): void {
    const { bytes } = frame;
    if (bytes.length < ETHERNET_HEADER_BYTES) return this.drop('malformed', frame);
    if (!isControlMac(u48(bytes, 0))) return this.drop('not-for-us', frame);
    this.#control.received(frame);
  }
}
