import { driverMachine } from '../../machines/driver.ts';
import type { LayerHost } from '../host.ts';
import { PassLayer } from '../pass-layer.ts';

/** Driver 2007 and its like: glue between a network interface (`lower`) and the software above (`upper`). */
export class DriverLayer extends PassLayer {
  readonly kind = 'driver';

  constructor(host: LayerHost, label: string) {
    super(host, label, driverMachine, { upper: 'upper', lower: 'lower' });
  }
}
