import { virtualNicMachine } from '../../machines/virtual-nic.ts';
import { isControlMac, type Mac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { PassLayer } from '../pass-layer.ts';
import type { Port } from '../port.ts';

export interface VirtualNicOptions {
  /** Own address, where SSL speaks with an engine through this interface: there is a port `ssl` then. */
  readonly mac?: Mac;
}

/**
 * Virtual NIC 2010/3010 (spec 3.3): what comes from its driver goes to the gateway application, and back. With an address of its own it
 * also carries SSL's frames to and from an engine (spec 8.3): special frames pass between driver and SSL only, never from or to the
 * application, behind which the other LAN is.
 */
export class VirtualNicLayer extends PassLayer {
  readonly kind = 'virtual-nic';
  readonly #mac: Mac | undefined;
  readonly #ssl: Port<Frame, Frame> | undefined;

  constructor(host: LayerHost, label: string, { mac }: VirtualNicOptions = {}) {
    super(host, label, virtualNicMachine, { upper: 'application', lower: 'driver' });
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
