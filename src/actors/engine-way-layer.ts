import type { onOffMachine } from '../machines/on-off.ts';
import { isControlMac, type Mac } from '../wire/address.ts';
import { u48 } from '../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES } from '../wire/ethernet.ts';
import type { Frame } from './frame.ts';
import type { LayerHost } from './host.ts';
import { PassLayer } from './pass-layer.ts';
import type { Port } from './port.ts';

export interface EngineWayOptions {
  /** Address of SSL on its way to an engine below: there is a port `ssl` then. */
  readonly mac?: Mac;
}

/**
 * A layer that passes frames, and may be where SSL's way to an engine below begins: special frames then pass between `ssl` and below only,
 * never from or to above, where users' frames come from.
 */
export abstract class EngineWayLayer extends PassLayer {
  readonly #mac: Mac | undefined;
  readonly #ssl: Port<Frame, Frame> | undefined;

  constructor(
    host: LayerHost,
    label: string,
    machine: ReturnType<typeof onOffMachine>,
    names: { upper: string; lower: string },
    { mac }: EngineWayOptions,
  ) {
    super(host, label, machine, names);
    this.#mac = mac;
    if (mac !== undefined) this.#ssl = this.addPort('ssl', (frame: Frame) => this.pass(frame, this.lower, 'sent'));
  }

  protected override fromUpper(frame: Frame): void {
    if (this.#ssl !== undefined && isSpecial(frame)) this.drop('foreign-control-frame', frame);
    else super.fromUpper(frame);
  }

  protected override fromLower(frame: Frame): void {
    if (this.#ssl === undefined || !isSpecial(frame)) super.fromLower(frame);
    else if (u48(frame.bytes, 0) !== this.#mac) this.drop('foreign-control-frame', frame);
    else this.pass(frame, this.#ssl, 'received');
  }
}

function isSpecial({ bytes }: Frame): boolean {
  return bytes.length >= ETHERNET_HEADER_BYTES && (isControlMac(u48(bytes, 0)) || isControlMac(u48(bytes, 6)));
}
