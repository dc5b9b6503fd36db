import { gatewayPlan } from '../topologies/parts/gateway.ts';
import type { DevicePlan } from '../topologies/plan.ts';
import type { Mac } from '../wire/address.ts';
import { gatewayOptions } from './gateway-options.ts';
import type { Config } from './schema.ts';

/** The device that a configuration is of. `mac` is the one that `interface.mac` came to mean. */
export function devicePlan(config: Config, mac: Mac): DevicePlan {
  return gatewayPlan(config.name, gatewayOptions(config, mac));
}
