import type { AdmissionLimits } from '../../actors/admission.ts';
import type { HubOptions } from '../../actors/bridge/hub.ts';
import { RELAY_SESSIONS, type RelayApplicationConfig } from '../../actors/relay/layer.ts';
import type { InterfaceAddress } from '../../actors/services.ts';
import type { DevicePlan, LayerPlan, TapPlan, TunnelPlan } from '../plan.ts';
import { configOf, gatewayLayers } from './gateway-layers.ts';
import type { GatewayListen, GatewayOptions } from './gateway-options.ts';

/**
 * - `driver`: embodiments 1 and 12, intermediate driver 1008 ends the TCPs of relay and gateways (spec 01).
 * - `tcp-over-tcp`: prior art 1, without driver 1008: F13 is a true TCP from each gateway to the relay.
 */
export type RelayKind = 'driver' | 'tcp-over-tcp';

/** Everything that makes one session relay; plain data, so that a journal's config record can hold it. */
export interface RelayOptions
  extends Omit<GatewayOptions, 'kind' | 'numerals' | 'listen' | 'superFrames'>,
    Omit<HubOptions, 'stations'> {
  readonly kind: RelayKind;
  readonly listen: GatewayListen;
  /** Networks behind other routers than the default one. */
  readonly routes?: InterfaceAddress['routes'];
  /** That are alive or lingering; default {@link RELAY_SESSIONS}. */
  readonly sessions?: number;
  /** Sessions that are being set up by whom nobody has vouched for yet; left out: the defaults of driver and SSL. */
  readonly admission?: AdmissionLimits;
}

/** Layers from SSL to the wire have gateways' makers, and numerals of their own. */
const LABELS = {
  application: '1001',
  ssl: '1002',
  tcp: '1003',
  routing: '1006',
  stack: '1007',
  intermediate: '1008',
  driver: '1009',
  mac: '1011',
  phy: '1012',
  port: '1013',
} as const;

/** A connection that was closed stays in TIME-WAIT while its successor is there already. */
const CONNECTIONS_PER_SESSION = 2;

/**
 * Session relay 10: relay application 1001 over SSL 1002, TCP 1003, IP routing, IP stack, driver 1008, one network interface. The
 * specification draws one pair of SSL and TCP for each gateway (1002 and 1003, 1004 and 1005); here one SSL layer and one TCP layer have
 * as many sessions as there are gateways.
 */
export function relayPlan(device: string, options: RelayOptions, numeral = '10'): DevicePlan {
  const { below, tap } = STACKS[options.kind];
  const layers = relayLayers(options);
  return {
    name: device,
    numeral,
    kind: 'relay',
    layers: [
      layers.application,
      layers.ssl,
      layers.tcp,
      layers.routing,
      layers.stack,
      ...(options.kind === 'driver' ? [layers.intermediate] : []),
      layers.driver,
      layers.mac,
      layers.phy,
    ],
    joins: [
      `${LABELS.application}.ssl - ${LABELS.ssl}.upper`,
      `${LABELS.ssl}.lower - ${LABELS.tcp}.upper`,
      `${LABELS.tcp}.lower - ${LABELS.routing}.tcp`,
      `${LABELS.routing}.lower - ${LABELS.stack}.upper`,
      ...below,
      `${LABELS.driver}.lower - ${LABELS.mac}.upper`,
      `${LABELS.mac}.lower - ${LABELS.phy}.upper`,
      `${LABELS.phy}.cable - cable.${LABELS.port}`,
    ],
    tunnelAddresses: [options.ip],
    taps: { [`S${numeral}`]: tap },
  };
}

/** The relay's sessions: with each of its peers, which dial it. */
export function relayTunnel(device: string, { peers }: Pick<RelayOptions, 'peers'>): TunnelPlan {
  return { device, layer: LABELS.application, peers: peers.map(({ name }) => name) };
}

/** What stands below the IP stack, and where the tap of relay 10 is that is called S10. */
const STACKS: Readonly<Record<RelayKind, { readonly below: readonly string[]; readonly tap: TapPlan }>> = {
  driver: {
    below: [
      `${LABELS.application}.settings - ${LABELS.intermediate}.settings`,
      `${LABELS.stack}.lower - ${LABELS.intermediate}.upper`,
      `${LABELS.intermediate}.lower - ${LABELS.driver}.upper`,
    ],
    tap: { above: `${LABELS.stack}.lower`, below: `${LABELS.intermediate}.upper` },
  },
  'tcp-over-tcp': {
    below: [`${LABELS.stack}.lower - ${LABELS.driver}.upper`],
    tap: { above: `${LABELS.stack}.lower`, below: `${LABELS.driver}.upper` },
  },
};

function relayLayers(options: RelayOptions): Record<keyof Omit<typeof LABELS, 'port'>, LayerPlan> {
  const { kind: _, routes, sessions = RELAY_SESSIONS, admission, ...rest } = options;
  const { stationsMax, stationsPerPort, groupFramesPerSecond, clampMss, ip, mac, mtu, prefixLength, gateway } = rest;
  const make = gatewayLayers({ ...rest, kind: 'software', numerals: 2000 });
  const own: InterfaceAddress = {
    address: ip,
    prefixLength,
    mac,
    ...(gateway !== undefined && { gateway }),
    ...(routes && { routes }),
  };
  const application: RelayApplicationConfig = {
    ...configOf(rest),
    sessions,
    clampMss: clampMss !== undefined,
    ...(stationsMax !== undefined && { stationsMax }),
    ...(stationsPerPort !== undefined && { stationsPerPort }),
    ...(groupFramesPerSecond !== undefined && { groupFramesPerSecond }),
  };
  const { ssl, tcp } = { ssl: make.ssl(), tcp: make.tcp() };
  return {
    application: { label: LABELS.application, block: 'relay-application', options: application },
    ssl: {
      label: LABELS.ssl,
      block: 'ssl',
      options: { ...ssl.options, sessions, ...(admission && { halfOpen: admission }) },
    },
    tcp: {
      label: LABELS.tcp,
      block: 'tcp',
      options: { ...tcp.options, maxConnections: CONNECTIONS_PER_SESSION * sessions },
    },
    routing: {
      label: LABELS.routing,
      block: 'ip-routing',
      options: { lowers: [{ port: 'lower', interface: own }] },
    },
    stack: { label: LABELS.stack, block: 'ip-stack', options: { interface: own, mtu } },
    intermediate: {
      label: LABELS.intermediate,
      block: 'intermediate-driver',
      options: { mac, mtu, ...(admission && { unproven: admission }) },
    },
    driver: { label: LABELS.driver, block: 'driver', options: {} },
    mac: { ...make.mac({ promiscuous: false }), label: LABELS.mac },
    phy: { label: LABELS.phy, block: 'phy', options: {} },
  };
}
