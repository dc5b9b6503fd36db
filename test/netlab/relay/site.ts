import type { Device } from '../../../src/actors/device.ts';
import { gatewayLayers } from '../../../src/topologies/parts/gateway-layers.ts';
import type { GatewayOptions } from '../../../src/topologies/parts/gateway-options.ts';
import { transportPlan } from '../../../src/topologies/parts/host.ts';
import { ipPlan } from '../../../src/topologies/parts/ip-host.ts';
import type { DevicePlan } from '../../../src/topologies/plan.ts';
import type { Ip4, Mac } from '../../../src/wire/address.ts';

/** Where relay 10 is, and how its sites are numbered from 1 on: the last bytes of a site's addresses are its number. */
export const RELAY = { name: 'relay10', cidr: '10.60.0.1/16', mac: '02:60:ff:00:00:01', port: 443 } as const;
const RELAY_IP: Ip4 = 0x0a3c_0001;
const SITE_IP: Ip4 = 0x0a3c_1000;
const HOST_IP: Ip4 = 0x0a32_0000;
const SITE_MAC: Mac = 0x0260_0000_0000;
const HOST_MAC: Mac = 0x0250_0000_0000;
const PREFIX = 16;
const MTU = 1500;
const HOST_MTU = 1400;

export const siteName = (site: number): string => `site${site}`;
export const siteMac = (site: number): Mac => SITE_MAC + site;
/** Address and MAC of the host behind a site's gateway. */
export const hostIp = (site: number): Ip4 => HOST_IP + site;
export const hostMac = (site: number): Mac => HOST_MAC + site;

/**
 * A gateway in software whose whole LAN is one host, both in one device: the host's IP stack hands its frames to the gateway application,
 * as in a driver that has a whole gateway in it. It dials relay 10.
 */
export function sitePlan(site: number): DevicePlan {
  const host = {
    numeral: '21',
    interface: { address: hostIp(site), prefixLength: PREFIX, mac: hostMac(site) },
    mtu: HOST_MTU,
  };
  const [above, ip] = [transportPlan(host), ipPlan('21', host)];
  const make = gatewayLayers(gatewayOptions(site));
  return {
    name: siteName(site),
    numeral: String(site),
    kind: 'gateway',
    layers: [
      ...above.layers,
      ...ip.layers,
      make.application(),
      make.ssl(),
      make.tcp(),
      make.routing(),
      make.stack(),
      make.intermediate(),
      make.driver('007'),
      make.mac({ promiscuous: false }),
      make.phy(),
    ],
    joins: [
      ...above.joins,
      '2102.lower - 2103.tcp',
      ...ip.joins,
      '2104.lower - 2001A.nic',
      '2001A.ssl - 2002.upper',
      '2001A.settings - 2006.settings',
      '2002.lower - 2003.upper',
      '2003.lower - 2004.tcp',
      '2004.lower - 2005.upper',
      '2005.lower - 2006.upper',
      '2006.lower - 2007.upper',
      '2007.lower - 2011.upper',
      '2011.lower - 2012.upper',
      '2012.cable - cable.2013',
    ],
    tunnelAddresses: [SITE_IP + site],
  };
}

function gatewayOptions(site: number): GatewayOptions {
  const shape = 'tcp';
  const handshake = 'hold';
  return {
    kind: 'software',
    numerals: 2000,
    name: siteName(site),
    mac: siteMac(site),
    ip: SITE_IP + site,
    prefixLength: PREFIX,
    mtu: MTU,
    peers: [{ name: RELAY.name, address: RELAY_IP, port: RELAY.port, connect: true, shape, handshake }],
  };
}

/** Frames that came out of a site's tunnel. */
export function fromTunnel(device: Device): number {
  return device.layer('2001A').counters.fromTunnel ?? 0;
}
