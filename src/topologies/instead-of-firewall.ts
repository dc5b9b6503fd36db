import { ADDRESSES, DEVICES, LISTEN_PORT, type TwoLanAddresses } from './network.ts';
import { firewallPlan } from './parts/firewall.ts';
import { httpProxyPlan } from './parts/http-proxy.ts';
import type { DevicePlan, Topology } from './plan.ts';
import { twoLanPlan } from './two-lan.ts';

/** What may stand in the place of firewall 33 ([0645], [0789], [0909]): a NAT router, an HTTP proxy, a plain router ([0397]). */

/** Bits of the address of a single host. */
const HOST_PREFIX = 32;

/**
 * Shows gateway 30 to intranet 2 as itself, always from another port than gateway 30's own: so whoever relies on either address or port
 * of gateway 30 does not get through. Nobody can connect to gateway 30.
 */
export function natRouter33({
  gateway20,
  gateway30,
  firewallLan,
  firewallWan,
}: TwoLanAddresses = ADDRESSES): DevicePlan {
  const only = ({ address }: { address: number }) => ({ address, prefix: HOST_PREFIX });
  return firewallPlan(DEVICES.firewall33, {
    numeral: '33',
    sides: [
      { name: 'lan', interface: firewallLan },
      { name: 'wan', interface: firewallWan },
    ],
    rules: [{ from: 'lan', source: only(gateway30), destination: only(gateway20), allow: true }],
    masquerade: { side: 'wan', keepsPorts: false },
  });
}

/** Port of the proxy. */
const PROXY_PORT = 3128;

/** An HTTP proxy in the place of firewall 33, and gateway 30 told of it: nothing but CONNECT to gateway 20's port gets from one side to the other. */
export function proxy33({ gateway20, firewallLan, firewallWan }: TwoLanAddresses = ADDRESSES) {
  const firewall33 = () =>
    httpProxyPlan(DEVICES.firewall33, {
      numeral: '33',
      sides: [
        { name: 'lan', interface: firewallLan },
        { name: 'wan', interface: firewallWan },
      ],
      port: PROXY_PORT,
      allowed: [{ destination: { address: gateway20.address, prefix: HOST_PREFIX }, port: LISTEN_PORT }],
    });
  return { firewall33, proxy: { address: firewallLan.address, port: PROXY_PORT } };
}

export const E2_NAT: Topology = {
  name: 'e2-nat',
  title: 'embodiment 2 with a NAT router in place of firewall 33',
  plan: (settings) =>
    twoLanPlan(settings, { gateway20: 'engine', gateway30: 'engine', firewall33: () => natRouter33() }),
};

export const E4_NAT: Topology = {
  name: 'e4-nat',
  title: 'embodiment 4 with a NAT router in place of firewall 33',
  plan: (settings) =>
    twoLanPlan(settings, { gateway20: 'software', gateway30: 'software', firewall33: () => natRouter33() }),
};

/** Forwards what comes from either side. */
export function plainRouter33({ firewallLan, firewallWan }: TwoLanAddresses = ADDRESSES): DevicePlan {
  const plan = firewallPlan(DEVICES.firewall33, {
    numeral: '33',
    sides: [
      { name: 'lan', interface: firewallLan },
      { name: 'wan', interface: firewallWan },
    ],
    rules: [
      { from: 'lan', allow: true },
      { from: 'wan', allow: true },
    ],
  });
  return { ...plan, kind: 'router' };
}

/** Nothing on the way asks for TCP, so F13 is UDP ([0397]). */
export const E2_ROUTER: Topology = {
  name: 'e2-router',
  title: 'embodiment 2 with a plain router in place of firewall 33, F13 UDP',
  plan: (settings) =>
    twoLanPlan(
      { ...settings, shape: 'udp' },
      { gateway20: 'engine', gateway30: 'engine', firewall33: () => plainRouter33() },
    ),
};

export const E4_ROUTER: Topology = {
  name: 'e4-router',
  title: 'embodiment 4 with a plain router in place of firewall 33, F13 UDP',
  plan: (settings) =>
    twoLanPlan(
      { ...settings, shape: 'udp' },
      { gateway20: 'software', gateway30: 'software', firewall33: () => plainRouter33() },
    ),
};
