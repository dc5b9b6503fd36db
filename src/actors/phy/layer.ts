import { phyMachine } from '../../machines/phy.ts';
import { isControlMac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import { framesOnWire } from '../offload.ts';
import type { Port } from '../port.ts';
import type { JournalData } from '../tap.ts';

/** What a PHY finds behind its port. */
export interface PhyOptions {
  /** Whether a cable is plugged in when the device starts; default true. */
  readonly linkUp?: boolean;
  /** What stands behind the cable cuts super-frames and completes checksums itself; default false: it is done here. */
  readonly offloads?: boolean;
}

const BYTES_OF_BOTH_ADDRESSES = 12;

/**
 * PHY 2012 and its like: the line side of a network interface (`cable`). Passes frames while the link is up. Control frames belong
 * inside a host: none passes here in either direction. Frames that an offloading interface was to finish are finished here, unless there
 * is such an interface behind the cable.
 *
 * Outside event `link` with `{ up: boolean }`: the cable was plugged in or pulled out.
 */
export class PhyLayer extends Layer {
  readonly kind = 'phy';
  readonly #upper: Port<Frame, Frame> = this.addPort('upper', (frame: Frame) => this.#send(frame));
  readonly #cable: Port<Frame, Frame> = this.addPort('cable', (frame: Frame) =>
    this.#pass(frame, this.#upper, 'received'),
  );
  readonly #machine = this.machineHost({
    machine: phyMachine,
    decide: (snapshot) => Object.freeze({ linkUp: snapshot.value === 'UP' }),
    execute: ({ params }) => this.note('link', { up: params.up }),
  });
  readonly #linkUpAtStart: boolean;
  readonly #offloads: boolean;

  constructor(host: LayerHost, label: string, options: PhyOptions = {}) {
    super(host, label);
    this.#linkUpAtStart = options.linkUp ?? true;
    this.#offloads = options.offloads ?? false;
  }

  override start(): void {
    if (this.#linkUpAtStart) this.#machine.send({ type: 'LINK_UP' });
  }

  override stop(): void {
    this.#machine.send({ type: 'LINK_DOWN' });
  }

  override outsideEvent(name: string, data: JournalData): boolean {
    if (name !== 'link') return false;
    const up = (data as { up?: boolean } | null)?.up === true;
    this.#machine.send({ type: up ? 'LINK_UP' : 'LINK_DOWN' });
    return true;
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: phyMachine, state: this.#machine.state }];
  }

  save(): SavedLayer {
    return { version: 1, machine: this.#machine.save() };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
  }

  #send(frame: Frame): void {
    if (this.#offloads || frame.offload === undefined) return this.#pass(frame, this.#cable, 'sent');
    for (const cut of framesOnWire(this.host, frame)) this.#pass(cut, this.#cable, 'sent');
  }

  #pass(frame: Frame, to: Port<Frame, Frame>, counter: string): void {
    if (!this.#machine.decision.linkUp) this.drop('link-down', frame);
    else if (isControlFrame(frame.bytes)) this.drop('foreign-control-frame', frame);
    else if (to.send(frame)) this.count(counter);
    else this.drop('not-joined', frame);
  }
}

function isControlFrame(bytes: Uint8Array): boolean {
  return bytes.length >= BYTES_OF_BOTH_ADDRESSES && (isControlMac(u48(bytes, 0)) || isControlMac(u48(bytes, 6)));
}
