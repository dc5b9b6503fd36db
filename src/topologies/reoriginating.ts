import { natRouter33, proxy33 } from './instead-of-firewall.ts';
import { GATEWAY_20_INSIDE, GATEWAY_30_INSIDE, TERMINAL_21 } from './network.ts';
import type { GatewayKind } from './parts/gateway-options.ts';
import { terminalHostPlan } from './parts/terminal-host.ts';
import type { NetworkPlan, NetworkSettings, Topology } from './plan.ts';
import { endOptions, type TwoLanParts, twoLanPlan } from './two-lan.ts';

/**
 * Embodiments 6 and 7 (spec 6, 7): a driver in the terminal alone; gateway 30 ends its leg and connects to the server by a TCP of its own, in
 * its own name or in the terminal's.
 */

type Reoriginating = Extract<GatewayKind, 'reoriginating' | 'as-terminal'>;

function reoriginated(settings: NetworkSettings, kind: Reoriginating, more: Partial<TwoLanParts> = {}): NetworkPlan {
  return twoLanPlan(settings, {
    gateway20: 'tcp-over-tcp',
    gateway30: kind,
    f13: 'tcp',
    carries: 'tcp',
    terminal21: driven(settings),
    addresses: GATEWAY_30_INSIDE,
    ...more,
  });
}

/** Encapsulation processing on gateway 20's side and the driver in server 31 ([0895], [1017]): server 31 connects to terminal 21. */
function mirrored(settings: NetworkSettings, kind: Reoriginating): NetworkPlan {
  const plan = twoLanPlan(settings, {
    gateway20: kind,
    gateway30: 'tcp-over-tcp',
    f13: 'tcp',
    carries: 'tcp',
    server31: driven(settings),
    addresses: GATEWAY_20_INSIDE,
  });
  return { ...plan, ends: [...plan.ends].reverse() };
}

function driven({ handshake }: NetworkSettings): TwoLanParts['terminal21'] {
  return (name, options) => terminalHostPlan(name, options, { handshake });
}

function behindNat(): Partial<TwoLanParts> {
  return { firewall33: () => natRouter33(GATEWAY_30_INSIDE) };
}

/** Terminals 24 and 25 beside terminal 21. */
function threeTerminals(settings: NetworkSettings): Partial<TwoLanParts> {
  const terminal = (index: number) => {
    const { address, mac, ...rest } = TERMINAL_21;
    return endOptions(`2${index}`, { ...rest, address: address + index, mac: mac + index }, settings);
  };
  return { moreTerminals: { terminal24: terminal(4), terminal25: terminal(5) } };
}

export const E6: Topology = {
  name: 'e6',
  title: 'embodiment 6: a driver in the terminal alone, gateway 30 connects to the server in its own name',
  figure: 22,
  plan: (settings) => reoriginated(settings, 'reoriginating'),
};

export const E6_SAME_PORT: Topology = {
  name: 'e6-same-port',
  title: "embodiment 6, gateway 30 connects from the terminal's port",
  figure: 22,
  plan: (settings) => reoriginated(settings, 'reoriginating', { gateways: { sourcePorts: 'terminal' } }),
};

export const E6_MIRRORED: Topology = {
  name: 'e6-mirrored',
  title: 'embodiment 6 mirrored: a driver in the server alone, gateway 20 connects to the terminal in its own name',
  figure: 22,
  plan: (settings) => mirrored(settings, 'reoriginating'),
};

export const E6_NAT: Topology = {
  name: 'e6-nat',
  title: 'embodiment 6 with a NAT router in place of firewall 33',
  plan: (settings) => reoriginated(settings, 'reoriginating', behindNat()),
};

export const E6_PROXY: Topology = {
  name: 'e6-proxy',
  title: 'embodiment 6 with an HTTP proxy in place of firewall 33',
  plan: (settings) => reoriginated(settings, 'reoriginating', proxy33(GATEWAY_30_INSIDE)),
};

export const E7: Topology = {
  name: 'e7',
  title: "embodiment 7: as embodiment 6, gateway 30 connects to the server in the terminal's name",
  figure: 23,
  plan: (settings) => reoriginated(settings, 'as-terminal'),
};

export const E7_TERMINALS: Topology = {
  name: 'e7-three-terminals',
  title: 'embodiment 7, three terminals behind gateway 20',
  figure: 23,
  plan: (settings) => reoriginated(settings, 'as-terminal', threeTerminals(settings)),
};

export const E7_MIRRORED: Topology = {
  name: 'e7-mirrored',
  title:
    "embodiment 7 mirrored: a driver in the server alone, gateway 20 connects to the terminal in the server's name",
  figure: 23,
  plan: (settings) => mirrored(settings, 'as-terminal'),
};

export const E7_NAT: Topology = {
  name: 'e7-nat',
  title: 'embodiment 7 with a NAT router in place of firewall 33',
  plan: (settings) => reoriginated(settings, 'as-terminal', behindNat()),
};

export const E7_PROXY: Topology = {
  name: 'e7-proxy',
  title: 'embodiment 7 with an HTTP proxy in place of firewall 33',
  plan: (settings) => reoriginated(settings, 'as-terminal', proxy33(GATEWAY_30_INSIDE)),
};
