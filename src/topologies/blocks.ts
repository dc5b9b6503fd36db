import { BridgeLayer, type BridgeOptions } from '../actors/bridge/layer.ts';
import type { Device } from '../actors/device.ts';
import { DriverLayer } from '../actors/driver/layer.ts';
import { DriverYLayer } from '../actors/driver-y/layer.ts';
import { EncapsulationLayer, type EncapsulationOptions } from '../actors/encapsulation/layer.ts';
import { EngineLayer, type EngineOptions } from '../actors/engine/layer.ts';
import type { EngineWayOptions } from '../actors/engine-way-layer.ts';
import { EngineXLayer, type EngineXOptions } from '../actors/engine-x/layer.ts';
import { EngineYLayer } from '../actors/engine-y/layer.ts';
import { FirewallLayer, type FirewallOptions } from '../actors/firewall/layer.ts';
import { AcceleratorControlLayer } from '../actors/gateway/accelerator-control.ts';
import { BridgedAcceleratorControlLayer } from '../actors/gateway/bridged-accelerator-control.ts';
import type { GatewayConfig } from '../actors/gateway/config.ts';
import { type GatewayApplicationConfig, GatewayApplicationLayer } from '../actors/gateway/gateway-application.ts';
import { HttpConnectLayer, type HttpConnectOptions } from '../actors/http-connect/layer.ts';
import { HttpProxyLayer, type HttpProxyOptions } from '../actors/http-proxy/layer.ts';
import { IdentityStackLayer, type IdentityStackOptions } from '../actors/identity-stack/layer.ts';
import { IntermediateDriverLayer, type IntermediateDriverOptions } from '../actors/intermediate-driver/layer.ts';
import { IpRoutingLayer, type IpRoutingOptions } from '../actors/ip-routing/layer.ts';
import { IpStackLayer, type IpStackOptions } from '../actors/ip-stack/layer.ts';
import type { Layer } from '../actors/layer.ts';
import { MacLayer, type MacOptions } from '../actors/mac/layer.ts';
import { PhyLayer, type PhyOptions } from '../actors/phy/layer.ts';
import { PingLayer, type PingOptions } from '../actors/ping/layer.ts';
import { type RelayApplicationConfig, RelayApplicationLayer } from '../actors/relay/layer.ts';
import { SecurityEngineLayer } from '../actors/security-engine/layer.ts';
import { SslLayer, type SslOptions } from '../actors/ssl/layer.ts';
import { TcpLayer, type TcpLayerOptions } from '../actors/tcp/layer.ts';
import { TerminalDriverLayer, type TerminalDriverOptions } from '../actors/terminal-driver/layer.ts';
import { TestApplicationLayer, type TestApplicationOptions } from '../actors/test-application/layer.ts';
import type { DataWatcher } from '../actors/test-application/pattern.ts';
import { UdpLayer, type UdpLayerOptions } from '../actors/udp/layer.ts';
import { VirtualNicLayer } from '../actors/virtual-nic/layer.ts';

/** What a layer is given beside its options: it is no plain data, and a replay does without. */
export interface Outside {
  /** Sees what the device's application receives. */
  readonly onData?: DataWatcher;
}

/** A block that has nothing to choose. */
export type NoOptions = Readonly<Record<string, never>>;

/** Every kind of layer there is, once: how it is made from its label and plain options. Devices are compositions of these. */
const BLOCKS = {
  'accelerator-control': (host: Device, label: string, options: GatewayConfig) =>
    new AcceleratorControlLayer(host, label, options),
  'bridged-accelerator-control': (host: Device, label: string, options: GatewayConfig) =>
    new BridgedAcceleratorControlLayer(host, label, options),
  bridge: (host: Device, label: string, options: BridgeOptions) => new BridgeLayer(host, label, options),
  encapsulation: (host: Device, label: string, options: EncapsulationOptions) =>
    new EncapsulationLayer(host, label, options),
  driver: (host: Device, label: string, options: EngineWayOptions) => new DriverLayer(host, label, options),
  'driver-y': (host: Device, label: string, _: NoOptions) => new DriverYLayer(host, label),
  engine: (host: Device, label: string, options: EngineOptions) => new EngineLayer(host, label, options),
  'engine-x': (host: Device, label: string, options: EngineXOptions) => new EngineXLayer(host, label, options),
  'engine-y': (host: Device, label: string, _: NoOptions) => new EngineYLayer(host, label),
  firewall: (host: Device, label: string, options: FirewallOptions) => new FirewallLayer(host, label, options),
  'gateway-application': (host: Device, label: string, options: GatewayApplicationConfig) =>
    new GatewayApplicationLayer(host, label, options),
  'http-connect': (host: Device, label: string, options: HttpConnectOptions) =>
    new HttpConnectLayer(host, label, options),
  'http-proxy': (host: Device, label: string, options: HttpProxyOptions) => new HttpProxyLayer(host, label, options),
  'identity-stack': (host: Device, label: string, options: IdentityStackOptions) =>
    new IdentityStackLayer(host, label, options),
  'intermediate-driver': (host: Device, label: string, options: IntermediateDriverOptions) =>
    new IntermediateDriverLayer(host, label, options),
  'ip-routing': (host: Device, label: string, options: IpRoutingOptions) => new IpRoutingLayer(host, label, options),
  'ip-stack': (host: Device, label: string, options: IpStackOptions) => new IpStackLayer(host, label, options),
  mac: (host: Device, label: string, options: MacOptions) => new MacLayer(host, label, options),
  phy: (host: Device, label: string, options: PhyOptions) => new PhyLayer(host, label, options),
  ping: (host: Device, label: string, options: PingOptions) => new PingLayer(host, label, options),
  'relay-application': (host: Device, label: string, options: RelayApplicationConfig) =>
    new RelayApplicationLayer(host, label, options),
  'security-engine': (host: Device, label: string, _: NoOptions) => new SecurityEngineLayer(host, label),
  ssl: (host: Device, label: string, options: SslOptions) => new SslLayer(host, label, options),
  tcp: (host: Device, label: string, options: TcpLayerOptions) => new TcpLayer(host, label, options),
  'terminal-driver': (host: Device, label: string, options: TerminalDriverOptions) =>
    new TerminalDriverLayer(host, label, options),
  'test-application': (
    host: Device,
    label: string,
    options: Omit<TestApplicationOptions, 'onData'>,
    { onData }: Outside,
  ) => new TestApplicationLayer(host, label, { ...options, ...(onData && { onData }) }),
  udp: (host: Device, label: string, options: UdpLayerOptions) => new UdpLayer(host, label, options),
  'virtual-nic': (host: Device, label: string, options: EngineWayOptions) => new VirtualNicLayer(host, label, options),
};

export type BlockName = keyof typeof BLOCKS;
export type BlockOptions<B extends BlockName> = Parameters<(typeof BLOCKS)[B]>[2];

type Maker = (host: Device, label: string, options: unknown, outside: Outside) => Layer;

/** Makes one layer of a device. */
export function makeLayer(
  host: Device,
  { label, block, options }: { readonly label: string; readonly block: BlockName; readonly options: unknown },
  outside: Outside,
): Layer {
  return (BLOCKS[block] as Maker)(host, label, options, outside);
}
