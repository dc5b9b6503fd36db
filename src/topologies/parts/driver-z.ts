import { ETHERNET_MTU_BYTES } from '../../actors/ip-stack/layer.ts';
import type { SslCipher } from '../../actors/ssl/cipher-ways.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import type { DevicePlan, LayerPlan, StackPlan, TapPlan, TunnelPlan } from '../plan.ts';
import { engineNicJoins, upperJoins } from './gateway-joins.ts';
import { gatewayLayers, type Numeral, numeralOf } from './gateway-layers.ts';
import { type GatewayKind, type GatewayOptions, integrityOf } from './gateway-options.ts';
import { type HostPlanOptions, transportPlan } from './host.ts';
import { ipPlan } from './ip-host.ts';
import { nicPlan } from './nic.ts';

/** Kinds of gateway that driver Z can hold: those whose frames reach the application as Ethernet frames. */
export type DriverZKind = Extract<GatewayKind, 'engine-y' | 'driver-y' | 'software' | 'tcp-over-tcp'>;

export interface DriverZOptions extends Omit<GatewayOptions, 'kind'> {
  readonly kind: DriverZKind;
}

/** What stands between IP stack 2005 and driver 2105, and below that driver. */
interface Below {
  /** Where SSL's cipher is. */
  readonly cipher?: SslCipher;
  /** From the IP stack to the cable. */
  readonly stack: StackPlan;
  readonly taps: Readonly<Record<string, TapPlan>>;
  /** Labels of MAC and what is below it. */
  readonly belowMac: TapPlan;
}

/**
 * A host with intermediate driver Z (spec 10.3): a whole gateway between its IP stack 2104 and its driver 2105, without bridge and virtual
 * NIC, as IP stack and gateway application speak Ethernet frames with each other. `host.interface` is the inner identity, `gateway` has the
 * outer one.
 */
export function hostWithDriverZ(name: string, host: HostPlanOptions, gateway: DriverZOptions): DevicePlan {
  const { numeral } = host;
  const n = numeralOf(gateway.numerals);
  const make = gatewayLayers(gateway);
  const [transport, ip] = [transportPlan(host), ipPlan(numeral, { mtu: ETHERNET_MTU_BYTES, ...host })];
  const { cipher, stack, taps, belowMac } = BELOW[gateway.kind]({ make, n, gateway, driver: `${numeral}05`, numeral });
  const side = String(gateway.numerals / 100);
  const named = { V: { above: `${numeral}04.lower`, below: `${n('001A')}.nic` }, ...taps, M: belowMac };
  return {
    name,
    numeral,
    kind: 'host',
    layers: [
      ...transport.layers,
      ...ip.layers,
      make.application(),
      make.ssl(cipher),
      make.tcp(),
      make.routing(),
      make.stack(),
      ...stack.layers,
    ],
    joins: [
      ...transport.joins,
      `${numeral}02.lower - ${numeral}03.tcp`,
      ...ip.joins,
      `${numeral}04.lower - ${n('001A')}.nic`,
      ...upperJoins(n, n('001A')),
      ...stack.joins,
    ],
    ...(integrityOf(gateway.kind) === 'aead' && { tunnelAddresses: [gateway.ip] }),
    taps: Object.fromEntries(Object.entries(named).map(([letter, tap]) => [`${letter}${side}`, tap])),
  };
}

/** The sessions of the gateway inside. */
export function driverZTunnel(device: string, { numerals, peers }: DriverZOptions): TunnelPlan {
  return { device, layer: numeralOf(numerals)('001A'), peers: peers.map(({ name }) => name) };
}

interface Parts {
  readonly make: ReturnType<typeof gatewayLayers>;
  readonly n: Numeral;
  readonly gateway: DriverZOptions;
  /** Label of the host's driver. */
  readonly driver: string;
  readonly numeral: string;
}

const BELOW: Readonly<Record<DriverZKind, (parts: Parts) => Below>> = {
  'engine-y': ({ make, n, gateway: { mac }, driver }) => ({
    cipher: { by: 'inline', mac },
    stack: {
      layers: [
        { label: driver, block: 'driver', options: { mac } },
        make.mac({ promiscuous: false }),
        make.engineY(),
        make.phy(),
      ],
      joins: [`${n('005')}.lower - ${driver}.upper`, `${n('002')}.nic - ${driver}.ssl`, ...engineNicJoins(n, driver)],
    },
    taps: { S: { above: `${n('005')}.lower`, below: `${driver}.upper` } },
    belowMac: { above: `${n('011')}.lower`, below: `${n('014')}.upper` },
  }),
  'driver-y': (parts) => ({
    cipher: { by: 'inline', mac: parts.gateway.mac },
    ...overNic(parts, parts.make.driverY(), [`${parts.n('002')}.inline - ${parts.n('006')}.settings`]),
  }),
  software: (parts) =>
    overNic(parts, parts.make.intermediate(), [`${parts.n('001A')}.settings - ${parts.n('006')}.settings`]),
  'tcp-over-tcp': (parts) => overNic(parts),
};

/** The host's plain interface, with a driver 2006 between it and IP stack 2005, or without. */
function overNic({ n, gateway, driver, numeral }: Parts, between?: LayerPlan, joins: readonly string[] = []): Below {
  const [mac, phy] = [`${numeral}11`, `${numeral}12`];
  const labels = { driver, mac, phy, port: `${numeral}13` };
  const nic = nicPlan(labels, { mac: gateway.mac, maxFrame_bytes: gateway.mtu + ETHERNET_HEADER_BYTES });
  const stack = `${n('005')}.lower`;
  const belowMac = { above: `${mac}.lower`, below: `${phy}.upper` };
  if (between === undefined) {
    const join = `${stack} - ${driver}.upper`;
    return {
      stack: { layers: nic.layers, joins: [join, ...nic.joins] },
      taps: { S: { above: stack, below: `${driver}.upper` } },
      belowMac,
    };
  }
  const { label } = between;
  return {
    stack: {
      layers: [between, ...nic.layers],
      joins: [...joins, `${stack} - ${label}.upper`, `${label}.lower - ${driver}.upper`, ...nic.joins],
    },
    taps: {
      S: { above: stack, below: `${label}.upper` },
      Y: { above: `${label}.lower`, below: `${driver}.upper` },
    },
    belowMac,
  };
}
