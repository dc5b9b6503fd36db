import type { Device } from '../../actors/device.ts';
import { IpRoutingLayer } from '../../actors/ip-routing/layer.ts';
import { addresses6 } from '../../actors/ip-stack/interface6.ts';
import { IpStackLayer } from '../../actors/ip-stack/layer.ts';
import type { AnyPort, Layer } from '../../actors/layer.ts';
import { MAX_FRAME_BYTES } from '../../actors/mac/layer.ts';
import { PingLayer } from '../../actors/ping/layer.ts';
import { Port } from '../../actors/port.ts';
import type { InterfaceAddress } from '../../actors/services.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { nic } from './nic.ts';

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

export interface IpHost {
  /** From the top: ping, IP routing, IP stack, driver, MAC, PHY. */
  readonly layers: readonly Layer[];
  /** IP packets of TCP. */
  readonly tcp: AnyPort;
}

/** Everything of a host below its TCP; `numeral` is the device's, e.g. `21` for terminal 21 (2103 … 2113). */
export function ipHost(device: Device, numeral: string, options: IpHostOptions): IpHost {
  const { interface: own, mtu, segmentation } = options;
  const ping = new PingLayer(device, `${numeral}03P`, { addresses: [own.address, ...addresses6(own)] });
  const routing = new IpRoutingLayer(device, `${numeral}03`, { lowers: [{ port: 'lower', interface: own }] });
  const stack = new IpStackLayer(device, `${numeral}04`, { interface: own, ...(mtu !== undefined && { mtu }) });
  const labels = { driver: `${numeral}05`, mac: `${numeral}11`, phy: `${numeral}12`, port: `${numeral}13` };
  const maxFrame_bytes = Math.max(MAX_FRAME_BYTES, ETHERNET_HEADER_BYTES + (mtu ?? 0));
  const card = nic(device, labels, { mac: own.mac, ...(segmentation ? { segmentation } : { maxFrame_bytes }) });
  Port.join(ping.ports.ip, routing.ports.icmp);
  Port.join(routing.ports.lower, stack.ports.upper);
  Port.join(stack.ports.lower, card.upper);
  return { layers: [ping, routing, stack, ...card.layers], tcp: routing.ports.tcp };
}
