import { virtualNicMachine } from '../../machines/virtual-nic.ts';
import type { LayerHost } from '../host.ts';
import { PassLayer } from '../pass-layer.ts';

/** Virtual NIC 3010 (spec 3.3): what comes from its driver goes to the gateway application, and back. */
export class VirtualNicLayer extends PassLayer {
  readonly kind = 'virtual-nic';

  constructor(host: LayerHost, label: string) {
    super(host, label, virtualNicMachine, { upper: 'application', lower: 'driver' });
  }
}
