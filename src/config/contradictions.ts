import { type Cidr, type Ip4, inNetwork, networkBroadcast, parseCidr, parseIp4 } from '../wire/address.ts';
import type { Complaint, Path } from './complaints.ts';
import { factsOf, RISKS } from './embodiments.ts';
import { type Config, type HostConfig, hasTunnels, type PeerConfig, type TunnelConfig } from './schema.ts';

/** First address of the multicast range 224.0.0.0/4; what follows is multicast, reserved or broadcast. */
const MULTICAST_FIRST: Ip4 = 0xe000_0000;
/** From here on a network has an address for itself and one for all. */
const BROADCAST_PREFIX_MAX = 30;

type Peer = PeerConfig;

/** What each value alone does not show: values that do not go together. */
export function contradictions(config: Config): Complaint[] {
  return [...(hasTunnels(config) ? tunnels(config) : driver(config)), ...risk(config)];
}

function tunnels(config: TunnelConfig): Complaint[] {
  const own = parseCidr(config.address) as Cidr;
  return [
    ...ownAddress(config, own),
    ...config.peers.flatMap((peer, at) => [
      ...peerName(config, peer, at),
      ...peerAddress(config, peer, at, own),
      ...onDemand(peer, at),
    ]),
    ...meeting(config),
    ...routes(config, own),
    ...trueTransport(config),
    ...(config.role === 'host-gateway' ? tapName(config) : []),
    ...sslOff(config),
  ];
}

/** The kernel's packets have to fit on the wire, and its interface is not the one on the wire. */
function driver({ tap, mtu, interface: wire }: HostConfig): Complaint[] {
  return [
    ...(tap.mtu > mtu ? [complaint(['tap', 'mtu'], `must be at most the ${mtu} of the interface`)] : []),
    ...tapName({ tap, interface: wire }),
  ];
}

function tapName({ tap, interface: wire }: Pick<HostConfig, 'interface'> & { tap: { name: string } }): Complaint[] {
  return tap.name === wire.name ? [complaint(['tap', 'name'], 'must not be the interface on the wire')] : [];
}

function ownAddress(config: TunnelConfig, own: Cidr): Complaint[] {
  const ownFault = notAHost(own.address, own);
  // Judged by a wrong address, others would seem wrong too.
  if (ownFault !== undefined) return [complaint(['address'], ownFault)];
  if (config.gateway === undefined) return [];
  const gateway = parseIp4(config.gateway) as Ip4;
  if (!inNetwork(gateway, own)) return [complaint(['gateway'], `must be in the own network ${config.address}`)];
  if (gateway === own.address) return [complaint(['gateway'], 'must not be the own address')];
  const fault = notAHost(gateway, own);
  return fault === undefined ? [] : [complaint(['gateway'], fault)];
}

/** Why an address cannot be a host's; undefined when it can. */
function notAHost(address: Ip4, network: Cidr): string | undefined {
  if (address >= MULTICAST_FIRST || address >>> 24 === 0 || address >>> 24 === 127)
    return "must be a host's address, not one with another use";
  if (!inNetwork(address, network) || network.prefix > BROADCAST_PREFIX_MAX) return undefined;
  if (address === networkBroadcast(network)) return 'must be a host, not the broadcast address of the network';
  return inNetwork(address - 1, network) ? undefined : 'must be a host, not the network itself';
}

function peerName(config: TunnelConfig, peer: Peer, at: number): Complaint[] {
  const path = ['peers', at, 'name'];
  if (peer.name === config.name) return [complaint(path, `'${peer.name}' is this gateway itself`)];
  const first = config.peers.findIndex(({ name }) => name === peer.name);
  return first < at ? [complaint(path, `'${peer.name}' is peers[${first}] already`)] : [];
}

/** A session is either always wanted or on demand. */
function onDemand(peer: Peer, at: number): Complaint[] {
  if (peer.demand === undefined) return [];
  if (peer.connect) return [complaint(['peers', at, 'demand'], 'has no use with connect: true')];
  return peer.port === undefined ? [complaint(['peers', at, 'port'], 'missing; demand needs it')] : [];
}

function peerAddress(config: TunnelConfig, peer: Peer, at: number, own: Cidr): Complaint[] {
  if (peer.address === undefined || peer.port === undefined) {
    if (!peer.connect) return [];
    const lacking = (['address', 'port'] as const).filter((key) => peer[key] === undefined);
    return lacking.map((key) => complaint(['peers', at, key], 'missing; connect: true needs it'));
  }
  const address = parseIp4(peer.address) as Ip4;
  const path = ['peers', at, 'address'];
  if (address === own.address) return [complaint(path, 'must not be the own address')];
  const why = notAHost(address, own);
  if (why !== undefined) return [complaint(path, why)];
  if (!inNetwork(address, own) && config.gateway === undefined)
    return [
      complaint(path, `is outside of the own network ${config.address}: the key 'gateway' must name the next hop`),
    ];
  return [];
}

/** A next hop is reached without another one. */
function routes(config: TunnelConfig, own: Cidr): Complaint[] {
  if (config.role !== 'relay') return [];
  return config.routes.flatMap(({ via }, at) =>
    inNetwork(parseIp4(via) as Ip4, own)
      ? []
      : [complaint(['routes', at, 'via'], `must be in the own network ${config.address}`)],
  );
}

/** Without a port to listen on and a peer to connect to, nothing would ever happen. */
function meeting(config: TunnelConfig): Complaint[] {
  const peers: readonly Peer[] = config.peers;
  const isMet = peers.some(({ connect, demand, address }) => connect || (demand && address !== undefined));
  if (config.listen !== undefined || isMet) return [];
  return [complaint([], "nobody would open a session: give 'listen', or a peer 'connect: true'")];
}

/** Where F13 is what a TCP or UDP layer sends nobody chooses its shape, and nobody holds or answers a SYN in another's name. */
function trueTransport(config: TunnelConfig): Complaint[] {
  const transport = factsOf(config).true;
  if (transport === undefined) return [];
  const not = `does not apply to embodiment ${config.embodiment}`;
  const places: [Path, Pick<Peer, 'f13' | 'handshake'>][] = config.peers.map((peer, at) => [['peers', at], peer]);
  if (config.listen !== undefined) places.unshift([['listen'], config.listen]);
  return places.flatMap(([path, { f13, handshake }]) => [
    ...(f13 === 'udp' && transport === 'tcp'
      ? [complaint([...path, 'f13'], `udp ${not}: its tunnel is a true TCP`)]
      : []),
    ...(handshake === 'immediate'
      ? [complaint([...path, 'handshake'], `immediate ${not}: no driver is there to answer a SYN`)]
      : []),
  ]);
}

/** What is dangerous runs only where somebody has written that he knows. */
function risk(config: Config): Complaint[] {
  const { risk: taken } = factsOf(config);
  if (taken === undefined || config.accept.includes(taken)) return [];
  const text = `${config.embodiment} is dangerous: ${RISKS[taken]}; who wants it all the same writes 'accept: [${taken}]'`;
  return [complaint(['embodiment'], text)];
}

function sslOff({ ssl, accept }: TunnelConfig): Complaint[] {
  if (ssl === 'on' || accept.includes('no-secrecy')) return [];
  const text = `off is dangerous: ${RISKS['no-secrecy']}; who wants it all the same writes 'accept: [no-secrecy]'`;
  return [complaint(['ssl'], text)];
}

function complaint(path: Path, text: string): Complaint {
  return { path, at: 'value', text };
}
