import type { InterfaceAddress } from '../actors/services.ts';
import { type Ip4, type Mac, parseIp4, parseMac } from '../wire/address.ts';
import type { CablePlan } from './plan.ts';

/** Addresses and cables of the two-LAN network (figures 17 to 20), by the numerals of the specification. */

/** Port of gateway 20's session listener: TCP 2003. */
export const LISTEN_PORT = 443;
/** Port on which terminal and server take what they are sent. */
export const TRANSFER_PORT = 5001;
/** Bytes of an IP packet on every link. */
export const LINK_MTU = 1500;
/** Bytes of an IP packet of terminal and server: small enough that no record needs to be cut ([0142], [0199]). */
export const HOST_MTU = 1400;

const FW33_WAN_IP = ip('192.0.2.33');
const FW33_LAN_IP = ip('198.51.100.33');

export const TERMINAL_21: InterfaceAddress = {
  mac: mac('02:00:00:00:00:21'),
  address: ip('10.9.0.1'),
  prefixLength: 24,
};
export const SERVER_31: InterfaceAddress = { mac: mac('02:00:00:00:00:31'), address: ip('10.9.0.2'), prefixLength: 24 };
export const GATEWAY_20: InterfaceAddress = {
  mac: mac('02:00:00:00:00:20'),
  address: ip('192.0.2.20'),
  prefixLength: 24,
  gateway: FW33_WAN_IP,
};
export const GATEWAY_30: InterfaceAddress = {
  mac: mac('02:00:00:00:00:30'),
  address: ip('198.51.100.30'),
  prefixLength: 24,
  gateway: FW33_LAN_IP,
};
export const FIREWALL_33_WAN: InterfaceAddress = {
  mac: mac('02:00:00:00:33:01'),
  address: FW33_WAN_IP,
  prefixLength: 24,
};
export const FIREWALL_33_LAN: InterfaceAddress = {
  mac: mac('02:00:00:00:33:02'),
  address: FW33_LAN_IP,
  prefixLength: 24,
};

/** Who is where between the two intranets. */
export interface TwoLanAddresses {
  readonly gateway20: InterfaceAddress;
  readonly gateway30: InterfaceAddress;
  readonly firewallLan: InterfaceAddress;
  readonly firewallWan: InterfaceAddress;
}

export const ADDRESSES: TwoLanAddresses = {
  gateway20: GATEWAY_20,
  gateway30: GATEWAY_30,
  firewallLan: FIREWALL_33_LAN,
  firewallWan: FIREWALL_33_WAN,
};

/** Where gateway 30 speaks with server 31 itself (embodiments 6 and 7) it is in the network that terminal and server are in. */
export const GATEWAY_30_INSIDE: TwoLanAddresses = {
  ...ADDRESSES,
  gateway30: { ...GATEWAY_30, address: ip('10.9.0.30'), gateway: ip('10.9.0.33') },
  firewallLan: { ...FIREWALL_33_LAN, address: ip('10.9.0.33') },
};

/** Where gateway 20 speaks with terminal 21 itself (embodiments 6 and 7 mirrored). */
export const GATEWAY_20_INSIDE: TwoLanAddresses = {
  ...ADDRESSES,
  gateway20: { ...GATEWAY_20, address: ip('10.9.0.20'), gateway: ip('10.9.0.33') },
  firewallWan: { ...FIREWALL_33_WAN, address: ip('10.9.0.33') },
};

/** Names of the devices. */
export const DEVICES = {
  terminal21: 'terminal21',
  server31: 'server31',
  gateway20: 'gateway20',
  gateway30: 'gateway30',
  firewall33: 'firewall33',
  hub22: 'hub22',
  hub32: 'hub32',
} as const;

/** Boundary ports of the devices: numerals where the specification has them. */
export const PORTS = {
  terminal: '2113',
  server: '3113',
  gateway20: '2013',
  gateway30: '3013',
  firewallLan: '331',
  firewallWan: '332',
  hub22: { terminal: '221', gateway: '222', firewall: '223' },
  hub32: { server: '321', gateway: '322', firewall: '323' },
} as const;

/** From the terminal's side (`a`) to the server's (`b`), as a frame of terminal 21 to server 31 passes them. */
export const CABLES: readonly CablePlan[] = [
  { name: 'W1', a: { device: 'terminal21', port: PORTS.terminal }, b: { device: 'hub22', port: PORTS.hub22.terminal } },
  { name: 'W2', a: { device: 'hub22', port: PORTS.hub22.gateway }, b: { device: 'gateway20', port: PORTS.gateway20 } },
  {
    name: 'W3',
    a: { device: 'hub22', port: PORTS.hub22.firewall },
    b: { device: 'firewall33', port: PORTS.firewallWan },
  },
  {
    name: 'W4',
    a: { device: 'firewall33', port: PORTS.firewallLan },
    b: { device: 'hub32', port: PORTS.hub32.firewall },
  },
  { name: 'W5', a: { device: 'gateway30', port: PORTS.gateway30 }, b: { device: 'hub32', port: PORTS.hub32.gateway } },
  { name: 'W6', a: { device: 'hub32', port: PORTS.hub32.server }, b: { device: 'server31', port: PORTS.server } },
];

function ip(text: string): Ip4 {
  return parseIp4(text) as Ip4;
}

function mac(text: string): Mac {
  return parseMac(text) as Mac;
}
