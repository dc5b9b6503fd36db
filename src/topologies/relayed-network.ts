import type { InterfaceAddress } from '../actors/services.ts';
import { type Cidr, type Ip4, type Mac, parseCidr, parseIp4, parseMac } from '../wire/address.ts';
import { CABLES, DEVICES, FIREWALL_33_LAN, GATEWAY_20, GATEWAY_30, PORTS } from './network.ts';
import type { CablePlan } from './plan.ts';

/** Addresses and cables of the network with a session relay (figure 1), by the numerals of the specification. */

const FW23_LAN_IP = parseIp4('192.0.2.23') as Ip4;

export const FIREWALL_23_LAN: InterfaceAddress = {
  mac: parseMac('02:00:00:00:23:01') as Mac,
  address: FW23_LAN_IP,
  prefixLength: 24,
};
export const FIREWALL_23_INTERNET: InterfaceAddress = {
  mac: parseMac('02:00:00:00:23:02') as Mac,
  address: parseIp4('203.0.113.23') as Ip4,
  prefixLength: 24,
};
export const FIREWALL_33_INTERNET: InterfaceAddress = {
  mac: parseMac('02:00:00:00:33:02') as Mac,
  address: parseIp4('203.0.113.33') as Ip4,
  prefixLength: 24,
};
/** Firewall 33's side of intranet 3: where gateway 30's default route leads, as without a relay. */
export const FIREWALL_33_INTRANET: InterfaceAddress = {
  ...FIREWALL_33_LAN,
  mac: parseMac('02:00:00:00:33:01') as Mac,
};
/** Intranet 2 and intranet 3 have no translated addresses: the relay knows which firewall leads to which. */
export const RELAY_10: InterfaceAddress = {
  mac: parseMac('02:00:00:00:00:10') as Mac,
  address: parseIp4('203.0.113.10') as Ip4,
  prefixLength: 24,
  routes: [
    { destination: parseCidr('192.0.2.0/24') as Cidr, gateway: FIREWALL_23_INTERNET.address },
    { destination: parseCidr('198.51.100.0/24') as Cidr, gateway: FIREWALL_33_INTERNET.address },
  ],
};
/** Gateway 20 with its default route through firewall 23. */
export const GATEWAY_20_BEHIND_23: InterfaceAddress = { ...GATEWAY_20, gateway: FW23_LAN_IP };
export const GATEWAY_30_BEHIND_33: InterfaceAddress = GATEWAY_30;

/** Names of the devices that there are only with a relay. */
export const RELAY_DEVICES = { relay10: 'relay10', firewall23: 'firewall23', hub11: 'hub11' } as const;

export const RELAY_PORTS = {
  relay10: '1013',
  firewall23: { lan: '231', internet: '232' },
  firewall33: { lan: '331', internet: '332' },
  hub11: { firewall23: '111', relay: '112', firewall33: '113' },
} as const;

/** Cables between gateways' firewalls and the relay: the way through the Internet, there and back again. */
export const INTERNET_CABLES = ['W7', 'W9'] as const;

/**
 * As a frame of terminal 21 to server 31 passes them: W1, W2, W3 in intranet 2, W7 to hub 11, W8 to the relay and back, W9 to firewall
 * 33, W4, W5, W6 in intranet 3. W1 to W6 are where they are without a relay.
 */
export const RELAYED_CABLES: readonly CablePlan[] = [
  ...CABLES.filter(({ name }) => ['W1', 'W2', 'W5', 'W6'].includes(name)),
  {
    name: 'W3',
    a: { device: DEVICES.hub22, port: PORTS.hub22.firewall },
    b: { device: RELAY_DEVICES.firewall23, port: RELAY_PORTS.firewall23.lan },
  },
  {
    name: 'W7',
    a: { device: RELAY_DEVICES.firewall23, port: RELAY_PORTS.firewall23.internet },
    b: { device: RELAY_DEVICES.hub11, port: RELAY_PORTS.hub11.firewall23 },
  },
  {
    name: 'W8',
    a: { device: RELAY_DEVICES.hub11, port: RELAY_PORTS.hub11.relay },
    b: { device: RELAY_DEVICES.relay10, port: RELAY_PORTS.relay10 },
  },
  {
    name: 'W9',
    a: { device: RELAY_DEVICES.hub11, port: RELAY_PORTS.hub11.firewall33 },
    b: { device: DEVICES.firewall33, port: RELAY_PORTS.firewall33.internet },
  },
  {
    name: 'W4',
    a: { device: DEVICES.firewall33, port: RELAY_PORTS.firewall33.lan },
    b: { device: DEVICES.hub32, port: PORTS.hub32.firewall },
  },
];
