import type { InterfaceAddress } from '../actors/services.ts';
import type { Cidr, Ip4, Mac } from '../wire/address.ts';
import { parseCidr, parseIp4, parseMac } from '../wire/address.ts';
import type { CableEnd, CablePlan } from './plan.ts';
import type { RelayPlace } from './relayed.ts';
import { FIREWALL_23_INTERNET, RELAY_10, RELAY_DEVICES } from './relayed-network.ts';

/**
 * Addresses and cables of the network with several far sites (embodiment 12): site 3 has the numerals and addresses that it has with one
 * relay, site 4 has gateway 40, server 41, hub 42 and firewall 43, and so on.
 */

/** First digits of the far sites' numerals. */
export type SiteDigit = 3 | 4 | 5;

/** One far site: hub, server, gateway, and a firewall that lets out what is opened inside. */
export interface FarSite {
  readonly digit: SiteDigit;
  readonly network: Cidr;
  readonly server: InterfaceAddress;
  readonly gateway: InterfaceAddress;
  readonly firewall: { readonly lan: InterfaceAddress; readonly internet: InterfaceAddress };
  readonly names: {
    readonly hub: string;
    readonly server: string;
    readonly gateway: string;
    readonly firewall: string;
  };
  readonly ports: {
    readonly hub: { readonly server: string; readonly gateway: string; readonly firewall: string };
    /** Of hub 11, where its firewall is. */
    readonly internet: string;
  };
}

/** A relay and the port of hub 11 where it is. */
export interface SeveralRelay extends RelayPlace {
  readonly digit: SiteDigit;
  readonly numeral: string;
  readonly port: string;
}

const PREFIX = 24;

export function farSite(digit: SiteDigit): FarSite {
  const net = `198.51.${97 + digit}`;
  const lan = endpoint(`02:00:00:00:${digit}3:01`, `${net}.${digit}3`);
  return {
    digit,
    network: parseCidr(`${net}.0/${PREFIX}`) as Cidr,
    server: endpoint(`02:00:00:00:00:${digit}1`, `10.9.0.${digit - 1}`),
    gateway: { ...endpoint(`02:00:00:00:00:${digit}0`, `${net}.${digit}0`), gateway: lan.address },
    firewall: { lan, internet: endpoint(`02:00:00:00:${digit}3:02`, `203.0.113.${digit}3`) },
    names: {
      hub: `hub${digit}2`,
      server: `server${digit}1`,
      gateway: `gateway${digit}0`,
      firewall: `firewall${digit}3`,
    },
    ports: {
      hub: { server: `${digit}21`, gateway: `${digit}22`, firewall: `${digit}23` },
      internet: digit === 3 ? '113' : `11${2 * digit - 2}`,
    },
  };
}

/** Relay 10 for site 3, relays 14 and 15 for the others; `sites` are those whose gateways dial it. */
export function relayOf(digit: SiteDigit, sites: readonly FarSite[]): SeveralRelay {
  const isFirst = digit === 3;
  const own = isFirst ? RELAY_10 : endpoint(`02:00:00:00:00:1${digit}`, `203.0.113.1${digit}`);
  const routes = [
    { destination: parseCidr('192.0.2.0/24') as Cidr, gateway: FIREWALL_23_INTERNET.address },
    ...sites.map(({ network, firewall }) => ({ destination: network, gateway: firewall.internet.address })),
  ];
  return {
    digit,
    numeral: isFirst ? '10' : `1${digit}`,
    name: isFirst ? RELAY_DEVICES.relay10 : `relay1${digit}`,
    port: isFirst ? '112' : `11${2 * digit - 3}`,
    interface: { ...own, routes },
  };
}

/** W8 to relay 10, W18 to relay 14, W28 to relay 15. */
export function relayCable({ digit, name, port }: SeveralRelay): CablePlan {
  return { name: cableName(digit, 8), a: { device: RELAY_DEVICES.hub11, port }, b: { device: name, port: '1013' } };
}

/** Of site 3, as with one relay: W9 and W4 beside firewall 33, W5, W6; W19, W14, W15, W16 of site 4, W29 … of site 5. */
export function siteCables({ digit, names, ports }: FarSite): CablePlan[] {
  const firewall = (side: 1 | 2) => ({ device: names.firewall, port: `${digit}3${side}` });
  const hub = (port: keyof FarSite['ports']['hub']) => ({ device: names.hub, port: ports.hub[port] });
  const cable = (number: number, a: CableEnd, b: CableEnd) => ({ name: cableName(digit, number), a, b });
  return [
    cable(9, { device: RELAY_DEVICES.hub11, port: ports.internet }, firewall(2)),
    cable(4, firewall(1), hub('firewall')),
    cable(5, { device: names.gateway, port: `${digit}013` }, hub('gateway')),
    cable(6, hub('server'), { device: names.server, port: `${digit}113` }),
  ];
}

function cableName(digit: SiteDigit, number: number): string {
  return digit === 3 ? `W${number}` : `W${digit - 3}${number}`;
}

function endpoint(mac: string, address: string): InterfaceAddress {
  return { mac: parseMac(mac) as Mac, address: parseIp4(address) as Ip4, prefixLength: PREFIX };
}
