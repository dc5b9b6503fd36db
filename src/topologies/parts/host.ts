import type { Device } from '../../actors/device.ts';
import { addresses6 } from '../../actors/ip-stack/interface6.ts';
import { ETHERNET_MTU_BYTES } from '../../actors/ip-stack/layer.ts';
import type { TcpLayerOptions } from '../../actors/tcp/layer.ts';
import { FIN_WAIT_KEEPALIVE } from '../../actors/tcp/limits.ts';
import type { TransferService } from '../../actors/test-application/layer.ts';
import type { DataWatcher } from '../../actors/test-application/pattern.ts';
import type { World } from '../../actors/world.ts';
import { buildDevice } from '../build.ts';
import type { DevicePlan, EndPlan, StackPlan } from '../plan.ts';
import { type IpHostOptions, ipHostPlan } from './ip-host.ts';

/** A whole host: addresses, TCP, and what its application offers. Plain data. */
export interface HostPlanOptions extends IpHostOptions {
  /** The device's numeral, `21` or `31`: application 2101, TCP 2102, IP routing 2103 (ping 2103P), …, boundary port 2113. */
  readonly numeral: string;
  /** What the application listens for. */
  readonly services?: readonly TransferService[];
  /** Of its TCP: congestion control and so on. */
  readonly tcp?: Partial<Omit<TcpLayerOptions, 'address' | 'otherAddresses' | 'mtu'>>;
}

export interface HostOptions extends HostPlanOptions {
  /** Sees what the application receives, outside of the core. */
  readonly onData?: DataWatcher;
}

/** Terminal 21 or server 31: the lab's application over a whole stack down to a network interface. */
export function hostPlan(name: string, options: HostPlanOptions): DevicePlan {
  const { numeral } = options;
  const above = transportPlan(options);
  const below = ipHostPlan(numeral, { mtu: ETHERNET_MTU_BYTES, ...options });
  return {
    name,
    numeral,
    kind: 'host',
    layers: [...above.layers, ...below.layers],
    joins: [...above.joins, `${numeral}02.lower - ${numeral}03.tcp`, ...below.joins],
  };
}

/** Application and TCP of a host; port `2102.lower` is for IP routing. */
export function transportPlan(options: HostPlanOptions): StackPlan {
  const { numeral, services, tcp, mtu = ETHERNET_MTU_BYTES, interface: own, segmentation } = options;
  const superSegments = segmentation !== undefined;
  const connections = { superSegments, finWaitKeepalive: FIN_WAIT_KEEPALIVE, ...tcp?.connections };
  const addresses = { address: own.address, otherAddresses: addresses6(own) };
  return {
    layers: [
      { label: `${numeral}01`, block: 'test-application', options: services ? { services } : {} },
      { label: `${numeral}02`, block: 'tcp', options: { ...tcp, connections, ...addresses, mtu } },
    ],
    joins: [`${numeral}01.tcp - ${numeral}02.upper`],
  };
}

/** The host as an end of users' traffic. */
export function hostEnd(device: string, { numeral, interface: own }: HostPlanOptions): EndPlan {
  const { address, mac } = own;
  return { device, address, mac, application: `${numeral}01`, tcp: `${numeral}02`, ping: `${numeral}03P` };
}

export function host(world: World, name: string, { onData, ...options }: HostOptions): Device {
  return buildDevice(world, hostPlan(name, options), onData && { onData });
}
