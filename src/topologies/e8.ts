import { natRouter33 } from './instead-of-firewall.ts';
import { DEVICES } from './network.ts';
import { withEngineX } from './parts/with-cipher.ts';
import type { DevicePlan, NetworkPlan, NetworkSettings, Topology } from './plan.ts';
import { twoLanPlan } from './two-lan.ts';

/** Embodiment 8 (spec 8): engine X, which SSL has its records sealed and opened by; F13 is a true TCP from gateway to gateway. */

function plan(
  settings: NetworkSettings,
  engines: readonly (keyof typeof DEVICES)[],
  firewall33?: () => DevicePlan,
): NetworkPlan {
  const software = twoLanPlan(settings, {
    gateway20: 'tcp-over-tcp',
    gateway30: 'tcp-over-tcp',
    f13: 'tcp',
    ...(firewall33 && { firewall33 }),
  });
  const has = (device: DevicePlan) => engines.some((name) => DEVICES[name] === device.name);
  return { ...software, devices: software.devices.map((device) => (has(device) ? withEngineX(device) : device)) };
}

export const E8: Topology = {
  name: 'e8',
  title: 'embodiment 8: engine X in gateway 20 seals and opens by hairpin frames, F13 is a true TCP',
  figure: 24,
  plan: (settings) => plan(settings, ['gateway20']),
};

export const E8_MIRRORED: Topology = {
  name: 'e8-mirrored',
  title: 'embodiment 8 mirrored: engine X in gateway 30 ([1116])',
  figure: 24,
  plan: (settings) => plan(settings, ['gateway30']),
};

export const E8_BOTH: Topology = {
  name: 'e8-both',
  title: 'embodiment 8 with engine X in both gateways ([1116])',
  figure: 24,
  plan: (settings) => plan(settings, ['gateway20', 'gateway30']),
};

export const E8_NAT: Topology = {
  name: 'e8-nat',
  title: 'embodiment 8 with a NAT router in place of firewall 33 ([1030])',
  plan: (settings) => plan(settings, ['gateway20'], () => natRouter33()),
};
