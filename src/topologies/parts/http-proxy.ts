import type { HttpProxyOptions } from '../../actors/http-proxy/layer.ts';
import { ETHERNET_MTU_BYTES } from '../../actors/ip-stack/layer.ts';
import { FIN_WAIT_KEEPALIVE } from '../../actors/tcp/limits.ts';
import type { DevicePlan } from '../plan.ts';
import { branchPlans, type FirewallSpec } from './firewall.ts';

export interface HttpProxySpec extends Pick<HttpProxyOptions, 'port' | 'allowed'>, Pick<FirewallSpec, 'numeral'> {
  /** First the side of the clients, then that of the servers. */
  readonly sides: readonly [FirewallSpec['sides'][number], FirewallSpec['sides'][number]];
}

/** An HTTP proxy in the place of a firewall: application 3301, TCP 3302, IP routing 3303, then a branch for each side. */
export function httpProxyPlan(name: string, { numeral, sides, port, allowed }: HttpProxySpec): DevicePlan {
  const n = (tail: string) => `${numeral}${tail}`;
  const [inner, outer] = sides.map((side) => side.interface);
  const branches = branchPlans(numeral, sides, {
    first: 4,
    forwarding: false,
    above: (side) => `${n('03')}.${side}`,
  });
  return {
    name,
    numeral,
    kind: 'proxy',
    layers: [
      {
        label: n('01'),
        block: 'http-proxy',
        options: { address: inner.address, outgoing: outer.address, port, allowed },
      },
      {
        label: n('02'),
        block: 'tcp',
        options: {
          address: inner.address,
          otherAddresses: [outer.address],
          mtu: ETHERNET_MTU_BYTES,
          connections: { finWaitKeepalive: FIN_WAIT_KEEPALIVE },
        },
      },
      {
        label: n('03'),
        block: 'ip-routing',
        options: { lowers: sides.map((side) => ({ port: side.name, interface: side.interface })) },
      },
      ...branches.flatMap(({ layers }) => layers),
    ],
    joins: [
      `${n('01')}.tcp - ${n('02')}.upper`,
      `${n('02')}.lower - ${n('03')}.tcp`,
      ...branches.flatMap(({ joins }) => joins),
    ],
  };
}
