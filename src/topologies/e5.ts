import { natRouter33, proxy33 } from './instead-of-firewall.ts';
import { hostPlan } from './parts/host.ts';
import { terminalHostPlan } from './parts/terminal-host.ts';
import type { NetworkPlan, NetworkSettings, Topology } from './plan.ts';
import { type TwoLanParts, twoLanPlan } from './two-lan.ts';

/** Embodiment 5 (spec 5): drivers in terminal and server end all their TCP; between the gateways F13 is a true TCP. */

function e5Plan(settings: NetworkSettings, parts: Partial<TwoLanParts> = {}): NetworkPlan {
  const { handshake, bypass } = settings;
  const choices = { handshake, ...(bypass !== undefined && { bypass: { automatic: bypass } }) };
  const driven: TwoLanParts['terminal21'] = (name, options) => terminalHostPlan(name, options, choices);
  return twoLanPlan(settings, {
    gateway20: 'tcp-over-tcp',
    gateway30: 'tcp-over-tcp',
    f13: 'tcp',
    terminal21: driven,
    server31: driven,
    ...parts,
  });
}

export const E5: Topology = {
  name: 'e5',
  title: 'embodiment 5: drivers in terminal and server end all their TCP, F13 is a true TCP',
  figure: 21,
  plan: (settings) => e5Plan(settings),
};

export const E5_NAT: Topology = {
  name: 'e5-nat',
  title: 'embodiment 5 with a NAT router in place of firewall 33',
  plan: (settings) => e5Plan(settings, { firewall33: () => natRouter33() }),
};

export const E5_PLAIN_SERVER: Topology = {
  name: 'e5-plain-server',
  title: 'embodiment 5 without a driver in server 31: driver 2106 goes by it',
  plan: (settings) => e5Plan(settings, { server31: hostPlan }),
};

export const E5_PROXY: Topology = {
  name: 'e5-proxy',
  title: 'embodiment 5 with an HTTP proxy in place of firewall 33',
  plan: (settings) => e5Plan(settings, proxy33()),
};
