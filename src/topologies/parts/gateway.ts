import type { SslCipher } from '../../actors/ssl/cipher-ways.ts';
import { CONTROL_MAC_SOFTWARE } from '../../wire/address.ts';
import type { DevicePlan, LayerPlan, StackPlan, TapPlan, TunnelPlan } from '../plan.ts';
import { encapsulationLayers } from './encapsulation-layers.ts';
import {
  aboveNic,
  belowApplication,
  branchJoins,
  bridgeJoins,
  driverJoins,
  encapsulationJoins,
  engineNicJoins,
  nicJoins,
  stackOnBridge,
  stackOnDriver,
  upperJoins,
} from './gateway-joins.ts';
import { gatewayLayers, type Numeral, numeralOf } from './gateway-layers.ts';
import { type GatewayKind, type GatewayOptions, integrityOf } from './gateway-options.ts';
import { throughProxies } from './through-proxy.ts';

/** What one kind of gateway is: a stack, and where the specification's inner taps (0.4) stand in it. */
interface GatewayStack extends StackPlan {
  /** Label of the layer that the operator speaks to: accelerator control or gateway application. */
  readonly top: string;
  /**
   * S below the IP stack, V above the virtual NIC; M is below the MAC layer in every gateway. Those that the specification
   * has no name for: E between gateway application and encapsulation processing, Y below driver Y.
   */
  readonly taps: Readonly<Partial<Record<'S' | 'V' | 'E' | 'Y', TapPlan>>>;
}

type Layers = ReturnType<typeof gatewayLayers> & ReturnType<typeof encapsulationLayers>;

/** One composition for each kind. A new kind is an entry here, of blocks that are there. */
const STACKS: Readonly<Record<GatewayKind, (make: Layers, n: Numeral, options: GatewayOptions) => GatewayStack>> = {
  engine: (make, n) => ({
    top: n('001'),
    layers: [
      make.control(),
      ...upper(make),
      make.intermediate(),
      make.driver('007'),
      make.mac({ promiscuous: false }),
      make.engine(),
      make.phy(),
    ],
    joins: [
      ...upperJoins(n, n('001')),
      ...driverJoins(n, n('001')),
      `${n('006')}.lower - ${n('007')}.upper`,
      ...engineNicJoins(n),
    ],
    taps: {
      S: stackOnDriver(n),
    },
  }),
  software: (make, n) => ({
    top: n('001A'),
    layers: [make.application(), ...upper(make), make.intermediate(), ...bridged(make, n('006'))],
    joins: [
      ...upperJoins(n, n('001A')),
      ...driverJoins(n, n('001A')),
      `${n('006')}.lower - ${n('008')}.${n('006')}`,
      ...bridgeJoins(n),
    ],
    taps: {
      S: stackOnDriver(n),
      V: aboveNic(n, n('001A')),
    },
  }),
  folded: (make, n) => ({
    top: n('001A'),
    layers: [make.application(), ...upper(make), make.intermediate({ folded: true }), ...plainNic(make)],
    joins: [
      ...upperJoins(n, n('001A')),
      ...driverJoins(n, n('001A')),
      `${n('006')}.lower - ${n('007')}.upper`,
      `${n('006')}.lan - ${n('001A')}.nic`,
      ...nicJoins(n),
    ],
    taps: {
      S: stackOnDriver(n),
      V: { above: `${n('001A')}.nic`, below: `${n('006')}.lan` },
    },
  }),
  'tcp-over-tcp': (make, n) => ({
    top: n('001A'),
    layers: [make.application(), ...upper(make), ...bridged(make, n('005'))],
    joins: [...upperJoins(n, n('001A')), `${n('005')}.lower - ${n('008')}.${n('005')}`, ...bridgeJoins(n)],
    taps: {
      S: stackOnBridge(n),
      V: aboveNic(n, n('001A')),
    },
  }),
  'engine-udp': (make, n) => ({
    top: n('001'),
    layers: [
      make.bridgedControl(),
      ...upper(make, 'udp'),
      make.controlBridge(n('005')),
      make.driver('009'),
      make.virtualNic(),
      make.driver('007'),
      make.mac({ promiscuous: true }),
      make.engine(),
      make.phy(),
    ],
    joins: [
      ...upperJoins(n, n('001'), 'udp'),
      `${n('001')}.neighbours - ${n('005')}.neighbours`,
      `${n('005')}.lower - ${n('008')}.${n('005')}`,
      ...branchJoins(n, n('001')),
      ...engineNicJoins(n),
    ],
    taps: {
      S: stackOnBridge(n),
      V: aboveNic(n, n('001')),
    },
  }),
  'software-udp': (make, n) => ({
    top: n('001A'),
    layers: [make.application(), ...upper(make, 'udp'), ...bridged(make, n('005'))],
    joins: [
      ...upperJoins(n, n('001A'), 'udp'),
      `${n('001A')}.neighbours - ${n('005')}.neighbours`,
      `${n('005')}.lower - ${n('008')}.${n('005')}`,
      ...bridgeJoins(n),
    ],
    taps: {
      S: stackOnBridge(n),
      V: aboveNic(n, n('001A')),
    },
  }),
  reoriginating: (make, n) => ({
    top: n('001A'),
    layers: [
      make.encapsulation('gateway'),
      make.application(),
      make.ssl(),
      make.tcp(),
      make.serverTcp(),
      make.routingOfTwo(),
      make.stack(),
      make.driver('007'),
      make.mac({ promiscuous: false }),
      make.phy(),
    ],
    joins: [
      ...upperJoins(n, n('001A')),
      ...encapsulationJoins(n),
      `${n('005')}.lower - ${n('007')}.upper`,
      ...nicJoins(n),
    ],
    taps: { S: { above: `${n('005')}.lower`, below: `${n('007')}.upper` }, E: belowApplication(n) },
  }),
  'as-terminal': (make, n) => ({
    top: n('001A'),
    layers: [
      make.encapsulation('terminal'),
      make.application(),
      make.ssl(),
      make.tcp(),
      make.serverTcp({ anySource: true }),
      make.routingOfTwo('lowerB'),
      make.stack(),
      make.identities(),
      make.bridge(n('005'), { name: n('005B') }),
      ...plainNic(make),
    ],
    joins: [
      ...upperJoins(n, n('001A')),
      ...encapsulationJoins(n),
      `${n('001B')}.identities - ${n('005B')}.settings`,
      `${n('004')}.lowerB - ${n('005B')}.upper`,
      `${n('005')}.lower - ${n('008')}.${n('005')}`,
      `${n('005B')}.lower - ${n('008')}.${n('005B')}`,
      `${n('008')}.${n('007')} - ${n('007')}.upper`,
      ...nicJoins(n),
    ],
    taps: { S: stackOnBridge(n), E: belowApplication(n) },
  }),
  'engine-y': (make, n, { mac }) => ({
    top: n('001A'),
    layers: [
      make.application(),
      ...upper(make, 'tcp', { by: 'inline', mac, softwareMac: CONTROL_MAC_SOFTWARE }),
      make.controlBridge(n('005')),
      make.driver('009'),
      make.virtualNic(CONTROL_MAC_SOFTWARE),
      make.driver('007'),
      make.mac({ promiscuous: true }),
      make.engineY(),
      make.phy(),
    ],
    joins: [
      ...upperJoins(n, n('001A')),
      `${n('002')}.nic - ${n('010')}.ssl`,
      `${n('005')}.lower - ${n('008')}.${n('005')}`,
      ...branchJoins(n, n('001A')),
      ...engineNicJoins(n),
    ],
    taps: {
      S: stackOnBridge(n),
      V: aboveNic(n, n('001A')),
    },
  }),
  'driver-y': (make, n, { mac }) => ({
    top: n('001A'),
    layers: [
      make.application(),
      ...upper(make, 'tcp', { by: 'inline', mac }),
      make.driverY(),
      ...bridged(make, n('006')),
    ],
    joins: [
      ...upperJoins(n, n('001A')),
      `${n('002')}.inline - ${n('006')}.settings`,
      `${n('005')}.lower - ${n('006')}.upper`,
      `${n('006')}.lower - ${n('008')}.${n('006')}`,
      ...bridgeJoins(n),
    ],
    taps: {
      S: stackOnDriver(n),
      Y: { above: `${n('006')}.lower`, below: `${n('008')}.${n('006')}` },
      V: aboveNic(n, n('001A')),
    },
  }),
};

/** A gateway, its layers as in the stack tables of the specification (2.3, 3.3, 4.3, 5.3, 6.3, 7.3, 11.3). */
export function gatewayPlan(device: string, options: GatewayOptions): DevicePlan {
  const { layers, joins, taps } = stackOf(options);
  const belowMac = `${numeralOf(options.numerals)('011')}.lower`;
  const M = { above: belowMac, below: facing(joins, belowMac) };
  const numeral = String(options.numerals / 100);
  return {
    name: device,
    numeral,
    kind: 'gateway',
    layers,
    joins,
    // Above an in-line cipher users' bytes stand in clear behind F13: a journal keeps none of them, whatever they look like.
    ...(integrityOf(options.kind) === 'aead' && { tunnelAddresses: [options.ip] }),
    taps: Object.fromEntries(Object.entries({ ...taps, M }).map(([letter, tap]) => [`${letter}${numeral}`, tap])),
  };
}

/** The gateway's sessions: with each peer that one of the two dials. */
export function gatewayTunnel(device: string, options: GatewayOptions): TunnelPlan {
  return { device, layer: stackOf(options).top, peers: options.peers.map(({ name }) => name) };
}

/** The port that a port is joined to. */
function facing(joins: readonly string[], port: string): string {
  const ends = joins.map((join) => join.split(' - '));
  return ends.find(([one]) => one === port)?.[1] ?? ends.find(([, other]) => other === port)?.[0] ?? '';
}

function stackOf(options: GatewayOptions): GatewayStack {
  const make = { ...gatewayLayers(options), ...encapsulationLayers(options) };
  return throughProxies(STACKS[options.kind](make, numeralOf(options.numerals), options), options);
}

/** From SSL to the IP stack: the same in every gateway, but for what stands between SSL and IP routing. */
function upper(make: Layers, transport: 'tcp' | 'udp' = 'tcp', cipher?: SslCipher): LayerPlan[] {
  return [make.ssl(cipher), make[transport](), make.routing(transport), make.stack()];
}

function plainNic(make: Layers): LayerPlan[] {
  return [make.driver('007'), make.mac({ promiscuous: true }), make.phy()];
}

/** Bridge with its physical branch and its virtual branch. */
function bridged(make: Layers, host: string): LayerPlan[] {
  return [make.bridge(host), make.driver('009'), make.virtualNic(), ...plainNic(make)];
}
