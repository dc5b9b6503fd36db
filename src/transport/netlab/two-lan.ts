import {
  type ConntrackEntry,
  conntrackEntries,
  type FirewallCounters,
  firewall,
  firewallCounters,
} from './firewall.ts';
import { address, bridge, cable, createHost, type HostName, macAddress, offloads, route } from './hosts.ts';
import { type Impairment, type ImpairmentOptions, impair } from './impair.ts';

/** Where each device of figures 17 and 18 is and what it is called. The gateways' addresses are theirs to use: no kernel has them. */
export const TWO_LAN = {
  terminal: { host: 't21', interface: 'eth0', ip: '10.9.0.1', prefix: 24, mac: '02:00:00:00:00:21' },
  server: { host: 's31', interface: 'eth0', ip: '10.9.0.2', prefix: 24, mac: '02:00:00:00:00:31' },
  gateway20: {
    host: 'gw20',
    interface: 'eth0',
    ip: '192.0.2.20',
    prefix: 24,
    mac: '02:00:00:00:00:20',
    defaultRoute: '192.0.2.33',
  },
  gateway30: {
    host: 'gw30',
    interface: 'eth0',
    ip: '198.51.100.30',
    prefix: 24,
    mac: '02:00:00:00:00:30',
    defaultRoute: '198.51.100.33',
  },
  firewall: {
    host: 'fw33',
    wan: { interface: 'wan', ip: '192.0.2.33', prefix: 24, mac: '02:00:00:00:33:02' },
    lan: { interface: 'lan', ip: '198.51.100.33', prefix: 24, mac: '02:00:00:00:33:03' },
  },
  /** Observation points of the cables: the hub's end of each. */
  taps: {
    W1: { host: 'hub22', interface: 'w1' },
    W2: { host: 'hub22', interface: 'w2' },
    W3: { host: 'hub22', interface: 'w3' },
    W4: { host: 'hub32', interface: 'w4' },
    W5: { host: 'hub32', interface: 'w5' },
    W6: { host: 'hub32', interface: 'w6' },
  },
} as const;

export type TapName = keyof typeof TWO_LAN.taps;

export interface TwoLanOptions {
  /** Bytes, every cable. Default 1500. */
  mtu?: number;
  /** `off`: checksum and segmentation offloads of all interfaces off, so that every packet is as on a wire. Default `on`. */
  offloads?: 'on' | 'off';
  /**
   * Also give terminal and server routed addresses (192.0.2.21, 198.51.100.31) with routes through the firewall, so that
   * direct traffic reaches the firewall and is seen to be blocked.
   */
  directAddresses?: boolean;
  /** Loss, delay, … on the way between hub 22 and the firewall. */
  impairment?: ImpairmentOptions;
}

export interface TwoLanNetwork {
  addresses: typeof TWO_LAN;
  firewallCounters(): Promise<FirewallCounters>;
  conntrack(): Promise<ConntrackEntry[]>;
  /** Present when the network was made with an impairment. */
  impairment?: Impairment;
}

/** Direct addresses of the option of that name. */
export const DIRECT = { terminal: '192.0.2.21', server: '198.51.100.31' } as const;

/** Builds the network of figures 17 and 18; inside a sandbox only. It ends with the sandbox. */
export async function twoLanNetwork(options: TwoLanOptions = {}): Promise<TwoLanNetwork> {
  const { terminal, server, gateway20, gateway30, firewall: fw33, taps } = TWO_LAN;
  const hosts: HostName[] = ['hub22', 'hub32', fw33.host, terminal.host, server.host, gateway20.host, gateway30.host];
  for (const host of hosts) await createHost(host);
  const { mtu } = options;
  const join = (tap: TapName, host: HostName, name: string): Promise<void> =>
    cable(taps[tap].host, taps[tap].interface, host, name, { mtu });
  await join('W1', terminal.host, terminal.interface);
  await join('W2', gateway20.host, gateway20.interface);
  const impairment = await wanCable(options);
  await join('W4', fw33.host, fw33.lan.interface);
  await join('W5', gateway30.host, gateway30.interface);
  await join('W6', server.host, server.interface);
  await bridge('hub22', 'hub', ['w1', 'w2', 'w3']);
  await bridge('hub32', 'hub', ['w4', 'w5', 'w6']);
  if (options.offloads === 'off') await allOffloadsOff();
  await giveAddresses();
  await firewall(fw33.host, gateway20.ip, gateway30.ip);
  if (options.directAddresses) await giveDirectAddresses();
  return {
    addresses: TWO_LAN,
    firewallCounters: () => firewallCounters(fw33.host),
    conntrack: () => conntrackEntries(fw33.host),
    impairment,
  };
}

/** Hub 22 to the firewall's WAN side: a cable, or two with the impairment between. */
async function wanCable({ mtu, impairment }: TwoLanOptions): Promise<Impairment | undefined> {
  const { firewall: fw33, taps } = TWO_LAN;
  if (impairment === undefined) {
    await cable(taps.W3.host, taps.W3.interface, fw33.host, fw33.wan.interface, { mtu });
    return undefined;
  }
  await createHost('wan');
  await cable(taps.W3.host, taps.W3.interface, 'wan', 'near', { mtu });
  await cable('wan', 'far', fw33.host, fw33.wan.interface, { mtu });
  return impair('wan', 'near', 'far', impairment);
}

async function giveAddresses(): Promise<void> {
  const { terminal, server, gateway20, gateway30, firewall: fw33 } = TWO_LAN;
  for (const { host, interface: name, ip, prefix, mac } of [
    terminal,
    server,
    { host: fw33.host, ...fw33.wan },
    { host: fw33.host, ...fw33.lan },
  ]) {
    await address(host, name, `${ip}/${prefix}`, mac);
  }
  for (const { host, interface: name, mac } of [gateway20, gateway30]) await macAddress(host, name, mac);
}

async function giveDirectAddresses(): Promise<void> {
  const { terminal, server, gateway20, gateway30 } = TWO_LAN;
  await address(terminal.host, terminal.interface, `${DIRECT.terminal}/24`);
  await route(terminal.host, 'default', gateway20.defaultRoute);
  await address(server.host, server.interface, `${DIRECT.server}/24`);
  await route(server.host, 'default', gateway30.defaultRoute);
}

async function allOffloadsOff(): Promise<void> {
  const { terminal, server, gateway20, gateway30, firewall: fw33, taps } = TWO_LAN;
  const ends = [
    ...[terminal, server, gateway20, gateway30, ...Object.values(taps)],
    { host: fw33.host, interface: fw33.wan.interface },
    { host: fw33.host, interface: fw33.lan.interface },
  ];
  for (const { host, interface: name } of ends) await offloads(host, name, 'off');
}
