import type { Device } from '../../actors/device.ts';
import { addresses6 } from '../../actors/ip-stack/interface6.ts';
import type { AnyPort, Layer } from '../../actors/layer.ts';
import { MAX_FRAME_BYTES } from '../../actors/mac/layer.ts';
import type { InterfaceAddress } from '../../actors/services.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { buildStack } from '../build.ts';
import type { StackPlan } from '../plan.ts';
import { nicPlan } from './nic.ts';

/** The layers of a host from IP routing down. */
export interface IpHostOptions {
  readonly interface: InterfaceAddress;
  /** Longest IP packet, in bytes; default that of Ethernet. */
  readonly mtu?: number;
  /**
   * Who cuts super-segments: the interface behind the boundary port, or the PHY layer. Left out: frames above the MTU pass in neither
   * direction.
   */
  readonly segmentation?: Segmentation;
}

export type Segmentation = 'interface' | 'software';

/** Everything of a host below its TCP; `numeral` is the device's, e.g. `21` for terminal 21 (2103 … 2113). Port `2103.tcp` is for TCP. */
export function ipHostPlan(numeral: string, options: IpHostOptions): StackPlan {
  const above = ipPlan(numeral, options);
  const nic = hostNicPlan(numeral, options);
  return {
    layers: [...above.layers, ...nic.layers],
    joins: [...above.joins, `${numeral}04.lower - ${numeral}05.upper`, ...nic.joins],
  };
}

/** Ping, IP routing and IP stack of a host; port `2104.lower` is for what stands below. */
export function ipPlan(numeral: string, { interface: own, mtu }: IpHostOptions): StackPlan {
  const [ping, routing, stack] = [`${numeral}03P`, `${numeral}03`, `${numeral}04`];
  return {
    layers: [
      { label: ping, block: 'ping', options: { addresses: [own.address, ...addresses6(own)] } },
      { label: routing, block: 'ip-routing', options: { lowers: [{ port: 'lower', interface: own }] } },
      { label: stack, block: 'ip-stack', options: { interface: own, ...(mtu !== undefined && { mtu }) } },
    ],
    joins: [`${ping}.ip - ${routing}.icmp`, `${routing}.lower - ${stack}.upper`],
  };
}

/** Driver and network interface of a host; port `2105.upper` is for what stands above. */
export function hostNicPlan(numeral: string, { interface: own, mtu, segmentation }: IpHostOptions): StackPlan {
  const labels = { driver: `${numeral}05`, mac: `${numeral}11`, phy: `${numeral}12`, port: `${numeral}13` };
  const maxFrame_bytes = Math.max(MAX_FRAME_BYTES, ETHERNET_HEADER_BYTES + (mtu ?? 0));
  return nicPlan(labels, { mac: own.mac, ...(segmentation ? { segmentation } : { maxFrame_bytes }) });
}

/** The same as live layers of a device that is composed by hand; `tcp`: the port for IP packets of TCP. */
export function ipHost(
  device: Device,
  numeral: string,
  options: IpHostOptions,
): { readonly layers: readonly Layer[]; readonly tcp: AnyPort } {
  const layers = buildStack(device, ipHostPlan(numeral, options));
  const routing = layers.find(({ label }) => label === `${numeral}03`) as Layer;
  return { layers, tcp: routing.ports.tcp };
}
