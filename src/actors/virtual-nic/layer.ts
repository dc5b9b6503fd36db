import { virtualNicMachine } from '../../machines/virtual-nic.ts';
import { EngineWayLayer, type EngineWayOptions } from '../engine-way-layer.ts';
import type { LayerHost } from '../host.ts';

/**
 * Virtual NIC 2010/3010 (spec 3.3): what comes from its driver goes to the gateway application, and back. With an address of its own it
 * also carries SSL's frames to and from an engine (spec 8.3).
 */
export class VirtualNicLayer extends EngineWayLayer {
  readonly kind = 'virtual-nic';

  constructor(host: LayerHost, label: string, options: EngineWayOptions = {}) {
    super(host, label, virtualNicMachine, { upper: 'application', lower: 'driver' }, options);
  }
}
