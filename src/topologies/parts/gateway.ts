import { BridgeLayer } from '../../actors/bridge/layer.ts';
import { Device } from '../../actors/device.ts';
import { DriverLayer } from '../../actors/driver/layer.ts';
import { EngineLayer } from '../../actors/engine/layer.ts';
import { AcceleratorControlLayer } from '../../actors/gateway/accelerator-control.ts';
import type { GatewayConfig } from '../../actors/gateway/config.ts';
import { GatewayApplicationLayer } from '../../actors/gateway/gateway-application.ts';
import { IntermediateDriverLayer } from '../../actors/intermediate-driver/layer.ts';
import { IpRoutingLayer } from '../../actors/ip-routing/layer.ts';
import { IpStackLayer } from '../../actors/ip-stack/layer.ts';
import type { Layer } from '../../actors/layer.ts';
import { MacLayer } from '../../actors/mac/layer.ts';
import { PhyLayer } from '../../actors/phy/layer.ts';
import type { InterfaceAddress } from '../../actors/services.ts';
import { SslLayer } from '../../actors/ssl/layer.ts';
import { TcpLayer } from '../../actors/tcp/layer.ts';
import { FIN_WAIT_KEEPALIVE } from '../../actors/tcp/limits.ts';
import { VirtualNicLayer } from '../../actors/virtual-nic/layer.ts';
import type { World } from '../../actors/world.ts';
import type { GatewayKind, GatewayOptions, Numerals } from './gateway-options.ts';
import { joined, type Stack } from './stack.ts';

/** Bytes of an Ethernet header and a VLAN tag, on top of the MTU. */
const ETHERNET_BYTES = 14;
/** An interface that offloads hands over frames up to this size. */
const SUPER_FRAME_BYTES = 65_550;

/** Gateway 20 or 30 of embodiments 2 to 4, its layers as in the stack tables of the specification (2.3, 3.3, 4.3). */
export function buildGateway(world: World, name: string, options: GatewayOptions): Device {
  return new Device(world, name, (device) => joined(device, stackOf(device, options)), {
    tunnelAddresses: [options.ip],
  });
}

/** Label of the layer that the operator speaks to: accelerator control or gateway application. */
export function topLabel({ kind, numerals }: Pick<GatewayOptions, 'kind' | 'numerals'>): string {
  return kind === 'engine' ? label(numerals, '001') : label(numerals, '001A');
}

/** The two ports that a tap stands between, `layer.port` each: the upper layer's lower port and the lower layer's upper port. */
export interface GatewayTap {
  readonly above: string;
  readonly below: string;
}

/** Where the inner taps of the specification (0.4) are: S below the IP stack, M above the engine, V above the virtual NIC. */
export function gatewayTaps({
  kind,
  numerals,
}: Pick<GatewayOptions, 'kind' | 'numerals'>): Readonly<Partial<Record<'S' | 'M' | 'V', GatewayTap>>> {
  const n = (tail: string) => label(numerals, tail);
  const belowStack = kind === 'tcp-over-tcp' ? `${n('008')}.${n('005')}` : `${n('006')}.upper`;
  return {
    S: { above: `${n('005')}.lower`, below: belowStack },
    ...(kind === 'engine'
      ? { M: { above: `${n('011')}.lower`, below: `${n('014')}.upper` } }
      : { V: { above: `${n('001A')}.nic`, below: kind === 'folded' ? `${n('006')}.lan` : `${n('010')}.application` } }),
  };
}

function stackOf(device: Device, options: GatewayOptions): Stack {
  const make = makers(device, options);
  const n = (tail: string) => label(options.numerals, tail);
  const upper = [make.ssl(), make.tcp(), make.routing(), make.stack()];
  if (options.kind === 'engine') {
    return {
      layers: [
        make.control(),
        ...upper,
        make.intermediate(),
        make.driver('007'),
        make.mac(),
        make.engine(),
        make.phy(),
      ],
      joins: JOINS.engine(n),
    };
  }
  const nic = [make.driver('007'), make.mac(), make.phy()];
  const below = {
    software: () => [make.intermediate(), make.bridge(), make.driver('009'), make.virtualNic(), ...nic],
    folded: () => [make.intermediate(), ...nic],
    'tcp-over-tcp': () => [make.bridge(), make.driver('009'), make.virtualNic(), ...nic],
  };
  return { layers: [make.application(), ...upper, ...below[options.kind]()], joins: JOINS[options.kind](n) };
}

type Numeral = (tail: string) => string;

/** From the application down to the IP stack: the same in every gateway. */
const UPPER_JOINS = (n: Numeral, top: string): readonly string[] => [
  `${top}.ssl - ${n('002')}.upper`,
  `${n('002')}.lower - ${n('003')}.upper`,
  `${n('003')}.lower - ${n('004')}.tcp`,
  `${n('004')}.lower - ${n('005')}.upper`,
];

/** From driver to cable, without an engine. */
const NIC_JOINS = (n: Numeral): readonly string[] => [
  `${n('007')}.lower - ${n('011')}.upper`,
  `${n('011')}.lower - ${n('012')}.upper`,
  `${n('012')}.cable - cable.${n('013')}`,
];

/** Around the bridge of a software gateway: physical branch and virtual branch, which ends at the application again. */
const BRIDGE_JOINS = (n: Numeral): readonly string[] => [
  ...NIC_JOINS(n),
  `${n('008')}.${n('007')} - ${n('007')}.upper`,
  `${n('008')}.${n('009')} - ${n('009')}.upper`,
  `${n('009')}.lower - ${n('010')}.driver`,
  `${n('010')}.application - ${n('001A')}.nic`,
];

/** Which ports face each other, by kind of gateway. */
const JOINS: Readonly<Record<GatewayKind, (n: Numeral) => readonly string[]>> = {
  engine: (n) => [
    ...UPPER_JOINS(n, n('001')),
    `${n('001')}.settings - ${n('006')}.settings`,
    `${n('005')}.lower - ${n('006')}.upper`,
    `${n('006')}.lower - ${n('007')}.upper`,
    `${n('007')}.lower - ${n('011')}.upper`,
    `${n('011')}.lower - ${n('014')}.upper`,
    `${n('014')}.lower - ${n('012')}.upper`,
    `${n('012')}.cable - cable.${n('013')}`,
  ],
  software: (n) => [
    ...UPPER_JOINS(n, n('001A')),
    `${n('001A')}.settings - ${n('006')}.settings`,
    `${n('005')}.lower - ${n('006')}.upper`,
    `${n('006')}.lower - ${n('008')}.${n('006')}`,
    ...BRIDGE_JOINS(n),
  ],
  folded: (n) => [
    ...UPPER_JOINS(n, n('001A')),
    ...NIC_JOINS(n),
    `${n('001A')}.settings - ${n('006')}.settings`,
    `${n('005')}.lower - ${n('006')}.upper`,
    `${n('006')}.lower - ${n('007')}.upper`,
    `${n('006')}.lan - ${n('001A')}.nic`,
  ],
  'tcp-over-tcp': (n) => [
    ...UPPER_JOINS(n, n('001A')),
    `${n('005')}.lower - ${n('008')}.${n('005')}`,
    ...BRIDGE_JOINS(n),
  ],
};

/** One maker for each layer, from the gateway's options. */
function makers(device: Device, options: GatewayOptions) {
  const { numerals, mac, ip, mtu, peers, suites, orders, limits, clampMss } = options;
  const n = (tail: string) => label(numerals, tail);
  const own: InterfaceAddress = interfaceOf(options);
  const isEngine = options.kind === 'engine';
  const config = configOf(options);
  const host = options.kind === 'tcp-over-tcp' ? n('005') : n('006');
  return {
    control: (): Layer => new AcceleratorControlLayer(device, n('001'), config),
    application: (): Layer =>
      new GatewayApplicationLayer(device, n('001A'), { ...config, clampMss: clampMss !== undefined }),
    ssl: () =>
      new SslLayer(device, n('002'), {
        address: ip,
        peers: peers.map(({ name, pin, address }) => ({
          name,
          ...(pin !== undefined && { pin }),
          ...(address !== undefined && { address }),
        })),
        pathMtu: mtu,
        ...(suites && { suites }),
        ...(orders && { orders }),
        ...(limits && { limits }),
      }),
    tcp: () =>
      new TcpLayer(device, n('003'), { address: ip, mtu, connections: { finWaitKeepalive: FIN_WAIT_KEEPALIVE } }),
    routing: () => new IpRoutingLayer(device, n('004'), { lowers: [{ port: 'lower', interface: own }] }),
    stack: () => new IpStackLayer(device, n('005'), { interface: own, mtu }),
    intermediate: () =>
      new IntermediateDriverLayer(device, n('006'), { mac, mtu, ...(options.kind === 'folded' && { folded: true }) }),
    bridge: () =>
      new BridgeLayer(device, n('008'), {
        ports: [{ name: host }, { name: n('009'), outside: true }, { name: n('007'), outside: true }],
        stations: [{ mac, port: host }],
      }),
    virtualNic: () => new VirtualNicLayer(device, n('010')),
    driver: (tail: '007' | '009') => new DriverLayer(device, n(tail)),
    mac: () =>
      new MacLayer(device, n('011'), {
        mac,
        promiscuous: !isEngine,
        maxFrame_bytes: options.superFrames ? SUPER_FRAME_BYTES : mtu + ETHERNET_BYTES,
      }),
    engine: () =>
      new EngineLayer(device, n('014'), { ...(clampMss !== undefined && { clampMss }), ...(limits && { limits }) }),
    phy: () => new PhyLayer(device, n('012')),
  };
}

function interfaceOf({ ip, prefixLength, gateway, mac }: GatewayOptions): InterfaceAddress {
  return { address: ip, prefixLength, mac, ...(gateway !== undefined && { gateway }) };
}

function configOf({ name, ip, listen, peers, renewal_ms }: GatewayOptions): GatewayConfig {
  return {
    name,
    address: ip,
    ...(listen && { listen }),
    peers: peers.map(({ pin: _, ...peer }) => peer),
    ...(renewal_ms !== undefined && { renewEvery_ms: renewal_ms }),
  };
}

/** `2001A` from 2000 and `001A`. */
function label(numerals: Numerals, tail: string): string {
  return `${numerals / 1000}${tail}`;
}
