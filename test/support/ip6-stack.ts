import { expect } from 'vitest';
import type { Frame } from '../../src/actors/frame.ts';
import { IpStackLayer, type IpStackOptions } from '../../src/actors/ip-stack/layer.ts';
import type { Interface6 } from '../../src/actors/services.ts';
import { type Mac, parseIp4 } from '../../src/wire/address.ts';
import { buildEthernet, EtherType } from '../../src/wire/ethernet.ts';
import { checksumVerdict, parseFrame } from '../../src/wire/frame.ts';
import { buildIcmp6, Icmp6Type, icmp6Quote, parseIcmp6 } from '../../src/wire/icmp6.ts';
import { type Ip6, multicastMac6, solicitedNode } from '../../src/wire/ip-address.ts';
import {
  ExtensionHeader,
  IP6_HEADER_BYTES,
  ip6Destination,
  ip6Source,
  parseIp6Packet,
  writeIp6,
} from '../../src/wire/ipv6.ts';
import { type NdMessage, neighbourAdvertisement, neighbourSolicitation, parseNd } from '../../src/wire/nd.ts';
import { TestHost } from './test-host.ts';

export const OWN_MAC: Mac = 0x0200_0000_0001;
export const PEER_MAC: Mac = 0x0200_0000_0002;
export const OTHER_MAC: Mac = 0x0200_0000_0003;
export const OWN = '2001:db8::a1';
export const LOCAL = 'fe80::ff:fe00:1';
export const PEER = '2001:db8::2';
export const PEER_LOCAL = 'fe80::2';
export const ROUTER = 'fe80::fe';
export const FAR = '2001:db8:9::9';
export const ALL = 'ff02::1';

export const IP6: Interface6 = { addresses: [{ address: OWN, prefix: 64 }], gateway: ROUTER };
export const interfaceOf = (ip6: Interface6) => ({
  address: parseIp4('10.2.0.21') as number,
  prefixLength: 24,
  mac: OWN_MAC,
  ip6,
});

export function fresh(ip6: Partial<Interface6> = {}, options: Partial<IpStackOptions> = {}) {
  const host = new TestHost();
  const layer = host.attach(new IpStackLayer(host, '2104', { interface: interfaceOf({ ...IP6, ...ip6 }), ...options }));
  host.start();
  return { host, layer };
}

/** Its addresses are valid. */
export function started(options: Partial<IpStackOptions> = {}) {
  const made = fresh({ duplicateProbes: 0 }, options);
  made.host.outputs.length = 0;
  return made;
}

export const frameOf = (packet: Uint8Array, destination: Mac = OWN_MAC, source = PEER_MAC) =>
  buildEthernet({ destination, source, etherType: EtherType.IP6 }, packet);

export function nd(source: Ip6, destination: Ip6, { icmp, payload }: NdMessage, hopLimit = 255): Uint8Array {
  const mac = destination.startsWith('ff') ? multicastMac6(destination) : OWN_MAC;
  return frameOf(buildIcmp6({ source, destination, hopLimit }, icmp, payload), mac);
}

export const SOLICITED = { solicited: true, override: true };
export const answer = (target: Ip6, mac: Mac | null = PEER_MAC, flags = SOLICITED, to = OWN) =>
  nd(target, to, neighbourAdvertisement(target, mac ?? undefined, flags));
export const asks = (target: Ip6, source = PEER, mac: Mac | null = PEER_MAC) =>
  nd(source, solicitedNode(target), neighbourSolicitation(target, mac ?? undefined));

/** A packet of no protocol. */
export function packet(destination: Ip6, length = 60, source = OWN): Uint8Array {
  const bytes = new Uint8Array(length);
  writeIp6(bytes, 0, { source, destination, nextHeader: ExtensionHeader.NONE }, length - IP6_HEADER_BYTES);
  return bytes;
}

export const echo = (destination: Ip6, length = 56, source = PEER) =>
  buildIcmp6(
    { source, destination },
    { type: Icmp6Type.ECHO_REQUEST, code: 0, word: 0x7_0009 },
    new Uint8Array(length).fill(5),
  );

/** What went down: addresses, and the message if it is one of Neighbour Discovery. */
export function sent(host: TestHost) {
  return host.sentOn<Frame>('lower').flatMap(({ bytes }) => {
    const { ethernet, ip6, icmp6, reason } = parseFrame(bytes);
    if (ethernet === undefined || ip6 === undefined) return [];
    expect([reason, icmp6 && checksumVerdict(bytes, parseFrame(bytes))]).toEqual([undefined, icmp6 && 'good']);
    const ends = { source: ip6Source(bytes, ip6), destination: ip6Destination(bytes, ip6), mac: ethernet.destination };
    const message = icmp6 && parseNd(bytes, ip6, icmp6);
    const found = message?.ok ? { target: message.target, link: message.sourceMac ?? message.targetMac } : {};
    return [{ ...ends, type: icmp6?.type, length: ip6.end - ip6.offset, ...found }];
  });
}

export function errorsTold(host: TestHost, port: 'upper' | 'lower' = 'upper') {
  return host.sentOn<Frame>(port).flatMap(({ bytes }) => {
    const offset = port === 'upper' ? 0 : 14;
    const ip6 = parseIp6Packet(bytes, offset, bytes.length);
    const icmp = ip6.ok ? parseIcmp6(bytes, ip6.headerEnd, ip6.end) : undefined;
    const quoted = icmp?.ok ? icmp6Quote(bytes, icmp)?.destination : undefined;
    return ip6.ok && icmp?.ok && quoted !== undefined
      ? [{ type: icmp.type, code: icmp.code, word: icmp.word, quoted, to: ip6Destination(bytes, ip6) }]
      : [];
  });
}

export const states = (layer: IpStackLayer) =>
  Object.fromEntries(layer.machines().map(({ instance, state }) => [instance, state]));
