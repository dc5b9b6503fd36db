import type { SpeaksAs } from '../../actors/encapsulation/server-side.ts';
import { FIN_WAIT_KEEPALIVE } from '../../actors/tcp/limits.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import type { LayerPlan } from '../plan.ts';
import { interfaceOf, numeralOf } from './gateway-layers.ts';
import type { GatewayOptions } from './gateway-options.ts';

/** Layers of a gateway that speaks with servers itself: embodiments 6 and 7 (spec 6.3, 7.3). */
export function encapsulationLayers(options: GatewayOptions) {
  const { mac, ip, mtu, peers, numerals, sourcePorts } = options;
  const n = numeralOf(numerals);
  const own = interfaceOf(options);
  const { prefixLength, gateway } = own;
  return {
    encapsulation: (speaksAs: SpeaksAs): LayerPlan => ({
      label: n('001B'),
      block: 'encapsulation',
      options: {
        speaksAs,
        closed: [ip, ...peers.flatMap(({ address, proxy }) => [address ?? [], proxy?.address ?? []].flat())],
        mtu,
        ...(sourcePorts && { sourcePorts }),
      },
    }),
    /** TCP 3003B, towards servers. */
    serverTcp: (more: { readonly anySource?: true } = {}): LayerPlan => ({
      label: n('003B'),
      block: 'tcp',
      options: { address: ip, mtu, connections: { finWaitKeepalive: FIN_WAIT_KEEPALIVE }, ...more },
    }),
    /** TCP 3003 has the tunnels, TCP 3003B all else; `bound`: port for an IP stack below that 3003B alone uses. */
    routingOfTwo: (bound?: string): LayerPlan => ({
      label: n('004'),
      block: 'ip-routing',
      options: {
        lowers: [{ port: 'lower', interface: own }, ...(bound === undefined ? [] : [{ port: bound }])],
        uppers: [
          {
            port: 'tcp',
            protocol: IpProtocol.TCP,
            ...(options.listen && { localPorts: [options.listen.port] }),
            remotes: peers.flatMap(({ address, proxy }) => proxy?.address ?? address ?? []),
          },
          { port: 'tcpB', protocol: IpProtocol.TCP, ...(bound !== undefined && { lower: bound }) },
        ],
      },
    }),
    identities: (): LayerPlan => ({
      label: n('005B'),
      block: 'identity-stack',
      options: {
        mtu,
        prefixLength,
        ...(gateway !== undefined && { gateway }),
        reserved: [{ address: ip, mac }],
      },
    }),
  };
}
