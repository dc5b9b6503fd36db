import { hostWithDriverZ } from '../topologies/parts/driver-z.ts';
import { gatewayPlan } from '../topologies/parts/gateway.ts';
import { underKernel } from '../topologies/parts/kernel-above.ts';
import { relayPlan } from '../topologies/parts/relay.ts';
import { terminalDriverPlan } from '../topologies/parts/terminal-host.ts';
import { withEngineX, withSecurityEngine } from '../topologies/parts/with-cipher.ts';
import type { DevicePlan } from '../topologies/plan.ts';
import { type Cidr, type Mac, parseCidr } from '../wire/address.ts';
import { driverZOptions, gatewayOptions, relayOptions } from './gateway-options.ts';
import type { Config, HostConfig } from './schema.ts';

const BOUNDARY = 'cable.';
/** Of a terminal's numeral from the series of a gateway's: 21 and 2000, 31 and 3000. */
const SERIES = 100;

/** What the kernel has above the TAP is its own affair. */
const KERNELS_OWN = { address: 0, prefixLength: 0, mac: 0 };

/** The device that a configuration is of. `mac` is the one that `interface.mac` came to mean. */
export function devicePlan(config: Config, mac: Mac): DevicePlan {
  const plan = plainPlan(config, mac);
  if (config.embodiment === 'engine-x') return withEngineX(plan);
  return config.embodiment === 'look-aside' ? withSecurityEngine(plan) : plan;
}

/** Names of a device's boundary ports: to the wire, and in a host to its kernel. */
export function boundariesOf({ joins }: DevicePlan): { readonly wire: string; readonly kernel?: string } {
  const names = joins
    .flatMap((join) => join.split(' - '))
    .filter((port) => port.startsWith(BOUNDARY))
    .map((port) => port.slice(BOUNDARY.length));
  const [wire, kernel] = names.toReversed() as [string, string?];
  return kernel === undefined ? { wire } : { wire, kernel };
}

function plainPlan(config: Config, mac: Mac): DevicePlan {
  switch (config.role) {
    case 'gateway':
      return gatewayPlan(config.name, gatewayOptions(config, mac));
    case 'relay':
      return relayPlan(config.name, relayOptions(config, mac));
    case 'host':
      return driverPlan(config, mac);
    case 'host-gateway': {
      const numeral = String(config.numerals / SERIES + 1);
      return underKernel(
        hostWithDriverZ(config.name, { numeral, interface: KERNELS_OWN }, driverZOptions(config, mac)),
      );
    }
  }
}

function driverPlan({ name, numerals, tap, handshake, bypass }: HostConfig, mac: Mac): DevicePlan {
  const networks = bypass.networks.map((text) => parseCidr(text) as Cidr);
  return terminalDriverPlan(name, {
    numeral: String(numerals / SERIES + 1),
    mac,
    mtu: tap.mtu,
    handshake,
    bypass: { ...bypass, networks },
  });
}
