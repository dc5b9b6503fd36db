import type { BridgePortOptions } from '../../actors/bridge/layer.ts';
import type { GatewayConfig } from '../../actors/gateway/config.ts';
import type { InterfaceAddress } from '../../actors/services.ts';
import type { SslCipher } from '../../actors/ssl/cipher-ways.ts';
import { FIN_WAIT_KEEPALIVE } from '../../actors/tcp/limits.ts';
import { CONTROL_MAC_ENGINE, CONTROL_MAC_SOFTWARE, type Mac } from '../../wire/address.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import type { BlockName } from '../blocks.ts';
import type { LayerPlan } from '../plan.ts';
import type { GatewayOptions, Numerals } from './gateway-options.ts';

/** An interface that offloads hands over frames up to this size. */
const SUPER_FRAME_BYTES = 65_550;

/** The plan of one kind of layer. */
type PlanOf<B extends BlockName> = Extract<LayerPlan, { block: B }>;

/** `2001A` from `001A` in the series of 2000. */
export type Numeral = (tail: string) => string;

export function numeralOf(numerals: Numerals): Numeral {
  return (tail) => `${numerals / 1000}${tail}`;
}

/** Every layer that a gateway may be composed of, from its options, each a function of nothing but what differs between kinds. */
export function gatewayLayers(options: GatewayOptions) {
  const { mac, ip, mtu, peers, suites, orders, limits, clampMss, numerals } = options;
  const n = numeralOf(numerals);
  const own = interfaceOf(options);
  const config = configOf(options);
  return {
    control: (): LayerPlan => ({ label: n('001'), block: 'accelerator-control', options: config }),
    bridgedControl: (): LayerPlan => ({ label: n('001'), block: 'bridged-accelerator-control', options: config }),
    application: (): LayerPlan => ({
      label: n('001A'),
      block: 'gateway-application',
      options: { ...config, clampMss: clampMss !== undefined },
    }),
    /** `cipher`: where it is instead of in SSL. */
    ssl: (cipher?: SslCipher): PlanOf<'ssl'> => ({
      label: n('002'),
      block: 'ssl',
      options: {
        address: ip,
        peers: peers.map(({ name, pin, address }) => ({
          name,
          ...(pin !== undefined && { pin }),
          ...(address !== undefined && { address }),
        })),
        pathMtu: mtu,
        ...(cipher && { cipher }),
        ...(suites && { suites }),
        ...(orders && { orders }),
        ...(limits && { limits }),
      },
    }),
    tcp: (): PlanOf<'tcp'> => ({
      label: n('003'),
      block: 'tcp',
      options: { address: ip, mtu, connections: { finWaitKeepalive: FIN_WAIT_KEEPALIVE } },
    }),
    udp: (): LayerPlan => ({ label: n('003'), block: 'udp', options: { address: ip } }),
    /** `transport`: what stands above, and the name of the port that it has there. */
    routing: (transport: 'tcp' | 'udp' = 'tcp'): LayerPlan => ({
      label: n('004'),
      block: 'ip-routing',
      options: {
        lowers: [{ port: 'lower', interface: own }],
        ...(transport === 'udp' && { uppers: [{ port: 'udp', protocol: IpProtocol.UDP }] }),
      },
    }),
    stack: (): LayerPlan => ({ label: n('005'), block: 'ip-stack', options: { interface: own, mtu } }),
    intermediate: (more: { readonly folded?: true } = {}): LayerPlan => ({
      label: n('006'),
      block: 'intermediate-driver',
      options: { mac, mtu, ...more },
    }),
    /** `host`: label of the layer above that has the gateway's own MAC; `other`: of the one besides driver 2007. */
    bridge: (host: string, other: BridgePortOptions = { name: n('009'), outside: true }): LayerPlan => ({
      label: n('008'),
      block: 'bridge',
      options: {
        ports: [{ name: host }, other, { name: n('007'), outside: true }],
        stations: [{ mac, port: host }],
      },
    }),
    /** Between an engine and who speaks with it through the virtual NIC: both branches stay inside of the host, and control frames go through. */
    controlBridge: (host: string): LayerPlan => ({
      label: n('008'),
      block: 'bridge',
      options: {
        ports: [{ name: host }, { name: n('009') }, { name: n('007') }],
        stations: [
          { mac, port: host },
          { mac: CONTROL_MAC_SOFTWARE, port: n('009') },
          { mac: CONTROL_MAC_ENGINE, port: n('007') },
        ],
      },
    }),
    /** `own`: its address, where SSL speaks with an engine through it. */
    virtualNic: (own?: Mac): LayerPlan => ({
      label: n('010'),
      block: 'virtual-nic',
      options: own === undefined ? {} : { mac: own },
    }),
    ...interfaceLayers(options, n),
  };
}

/** From the driver down: MAC, what may stand between it and PHY, PHY; and driver Y. */
function interfaceLayers({ mac, mtu, superFrames, limits, clampMss }: GatewayOptions, n: Numeral) {
  return {
    driver: (tail: '007' | '009'): LayerPlan => ({ label: n(tail), block: 'driver', options: {} }),
    mac: ({ promiscuous }: { readonly promiscuous: boolean }): LayerPlan => ({
      label: n('011'),
      block: 'mac',
      options: {
        mac,
        promiscuous,
        maxFrame_bytes: superFrames ? SUPER_FRAME_BYTES : mtu + ETHERNET_HEADER_BYTES,
      },
    }),
    engine: (): LayerPlan => ({
      label: n('014'),
      block: 'engine',
      options: { ...(clampMss !== undefined && { clampMss }), ...(limits && { limits }) },
    }),
    engineY: (): LayerPlan => ({ label: n('014'), block: 'engine-y', options: {} }),
    driverY: (): LayerPlan => ({ label: n('006'), block: 'driver-y', options: {} }),
    phy: (): LayerPlan => ({ label: n('012'), block: 'phy', options: {} }),
  };
}

/** Address, MAC and default route of a gateway. */
export function interfaceOf({ ip, prefixLength, gateway, mac }: GatewayOptions): InterfaceAddress {
  return { address: ip, prefixLength, mac, ...(gateway !== undefined && { gateway }) };
}

/** What accelerator control, gateway application and relay application are told of sessions. */
export function configOf({
  name,
  ip,
  listen,
  peers,
  renewal_ms,
}: Pick<GatewayOptions, 'name' | 'ip' | 'listen' | 'peers' | 'renewal_ms'>): GatewayConfig {
  return {
    name,
    address: ip,
    ...(listen && { listen }),
    peers: peers.map(({ pin: _, proxy: __, ...peer }) => peer),
    ...(renewal_ms !== undefined && { renewEvery_ms: renewal_ms }),
  };
}
