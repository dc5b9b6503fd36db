import { Device } from '../../actors/device.ts';
import { addresses6 } from '../../actors/ip-stack/interface6.ts';
import { ETHERNET_MTU_BYTES } from '../../actors/ip-stack/layer.ts';
import { Port } from '../../actors/port.ts';
import { TcpLayer, type TcpLayerOptions } from '../../actors/tcp/layer.ts';
import { FIN_WAIT_KEEPALIVE } from '../../actors/tcp/limits.ts';
import { TestApplicationLayer, type TransferService } from '../../actors/test-application/layer.ts';
import type { DataWatcher } from '../../actors/test-application/pattern.ts';
import type { World } from '../../actors/world.ts';
import { type IpHostOptions, ipHost } from './ip-host.ts';

/** A whole host: addresses, TCP, and what its application offers. */
export interface HostOptions extends IpHostOptions {
  /** The device's numeral, `21` or `31`: application 2101, TCP 2102, IP routing 2103 (ping 2103P), …, boundary port 2113. */
  readonly numeral: string;
  /** What the application listens for. */
  readonly services?: readonly TransferService[];
  /** Sees what the application receives, outside of the core. */
  readonly onData?: DataWatcher;
  /** Of its TCP: congestion control and so on. */
  readonly tcp?: Partial<Omit<TcpLayerOptions, 'address' | 'otherAddresses' | 'mtu'>>;
}

/** Terminal 21 or server 31: the lab's application over a whole stack down to a network interface. */
export function host(world: World, name: string, options: HostOptions): Device {
  const { numeral, services, onData, tcp: tcpOptions, mtu = ETHERNET_MTU_BYTES, ...below } = options;
  const { interface: own, segmentation } = below;
  const superSegments = segmentation !== undefined;
  const connections = { superSegments, finWaitKeepalive: FIN_WAIT_KEEPALIVE, ...tcpOptions?.connections };
  return new Device(world, name, (device) => {
    const application = new TestApplicationLayer(device, `${numeral}01`, {
      ...(services && { services }),
      ...(onData && { onData }),
    });
    const addresses = { address: own.address, otherAddresses: addresses6(own) };
    const tcp = new TcpLayer(device, `${numeral}02`, { ...tcpOptions, connections, ...addresses, mtu });
    const rest = ipHost(device, numeral, { ...below, mtu });
    Port.join(application.ports.tcp, tcp.ports.upper);
    Port.join(tcp.ports.lower, rest.tcp);
    return [application, tcp, ...rest.layers];
  });
}
