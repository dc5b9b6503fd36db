import { macMachine } from '../../machines/mac.ts';
import { isMulticast, type Mac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES, EtherType, VLAN_TAG_BYTES } from '../../wire/ethernet.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { JournalData } from '../tap.ts';

/** Longest frame of ordinary Ethernet without tag and FCS. */
export const MAX_FRAME_BYTES = 1514;

/** Which frames a MAC takes. */
export interface MacOptions {
  /** The interface's own address. */
  readonly mac: Mac;
  /** Hands up frames for others too: a bridge stands above. Default false. */
  readonly promiscuous?: boolean;
  /** Longest frame without tag, for both directions; default {@link MAX_FRAME_BYTES}. Larger where the interface offloads. */
  readonly maxFrame_bytes?: number;
}

/**
 * MAC 2011 and its like. Received frames go up when they are for this interface, broadcast or multicast, or all of them when promiscuous;
 * a frame with this interface's own source that comes in is a loop. What is sent down goes as it is: a bridge sends foreign sources.
 *
 * Outside event `promiscuous` with `{ on: boolean }`.
 */
export class MacLayer extends Layer {
  readonly kind = 'mac';
  readonly #upper: Port<Frame, Frame> = this.addPort('upper', (frame: Frame) => this.#send(frame));
  readonly #lower: Port<Frame, Frame> = this.addPort('lower', (frame: Frame) => this.#receive(frame));
  readonly #machine;
  readonly #mac: Mac;
  readonly #maxFrame_bytes: number;

  constructor(host: LayerHost, label: string, options: MacOptions) {
    super(host, label);
    this.#mac = options.mac;
    this.#maxFrame_bytes = options.maxFrame_bytes ?? MAX_FRAME_BYTES;
    this.#machine = this.machineHost({
      machine: macMachine,
      input: { promiscuous: options.promiscuous ?? false },
      decide: (snapshot) =>
        Object.freeze({ running: snapshot.value !== 'STOPPED', acceptsAll: snapshot.value === 'PROMISCUOUS' }),
      execute: () => {},
    });
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
  }

  override outsideEvent(name: string, data: JournalData): boolean {
    if (name !== 'promiscuous') return false;
    const on = (data as { on?: boolean } | null)?.on === true;
    this.#machine.send({ type: on ? 'PROMISCUOUS_ON' : 'PROMISCUOUS_OFF' });
    return true;
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: macMachine, state: this.#machine.state }];
  }

  save(): SavedLayer {
    return { version: 1, machine: this.#machine.save() };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
  }

  #send(frame: Frame): void {
    if (!this.#wellFormed(frame)) return;
    if (this.#lower.send(frame)) this.count('sent');
    else this.drop('not-joined', frame);
  }

  #receive(frame: Frame): void {
    if (!this.#wellFormed(frame)) return;
    if (u48(frame.bytes, 6) === this.#mac) this.drop('own-source', frame);
    else if (!this.#accepts(u48(frame.bytes, 0))) this.drop('not-for-us', frame);
    else if (this.#upper.send(frame)) this.count('received');
    else this.drop('not-joined', frame);
  }

  #accepts(destination: Mac): boolean {
    return this.#machine.decision.acceptsAll || destination === this.#mac || isMulticast(destination);
  }

  /** Drops what no interface carries. */
  #wellFormed(frame: Frame): boolean {
    const { bytes } = frame;
    if (!this.#machine.decision.running) this.drop('stopped', frame);
    else if (bytes.length < ETHERNET_HEADER_BYTES) this.drop('malformed', frame, 'ethernet-truncated');
    else if (bytes.length > this.#maxFrame_bytes + (isTagged(bytes) ? VLAN_TAG_BYTES : 0)) this.drop('too-long', frame);
    else return true;
    return false;
  }
}

function isTagged(bytes: Uint8Array): boolean {
  return ((bytes[12] << 8) | bytes[13]) === EtherType.VLAN;
}
