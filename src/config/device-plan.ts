import { gatewayPlan } from '../topologies/parts/gateway.ts';
import { relayPlan } from '../topologies/parts/relay.ts';
import type { DevicePlan } from '../topologies/plan.ts';
import type { Mac } from '../wire/address.ts';
import { gatewayOptions, relayOptions } from './gateway-options.ts';
import type { Config } from './schema.ts';

/** The device that a configuration is of. `mac` is the one that `interface.mac` came to mean. */
export function devicePlan(config: Config, mac: Mac): DevicePlan {
  if (config.role === 'relay') return relayPlan(config.name, relayOptions(config, mac));
  return gatewayPlan(config.name, gatewayOptions(config, mac));
}
