import { driverMachine } from '../../machines/driver.ts';
import { EngineWayLayer, type EngineWayOptions } from '../engine-way-layer.ts';
import type { LayerHost } from '../host.ts';

/**
 * Driver 2007 and its like: glue between a network interface (`lower`) and the software above (`upper`). With an address it also carries
 * SSL's frames to and from an engine where there is no virtual NIC (spec 10.4).
 */
export class DriverLayer extends EngineWayLayer {
  readonly kind = 'driver';

  constructor(host: LayerHost, label: string, options: EngineWayOptions = {}) {
    super(host, label, driverMachine, { upper: 'upper', lower: 'lower' }, options);
  }
}
