import type { GatewayKind } from './parts/gateway-options.ts';

/** One arrangement of the two-LAN network of figures 17 to 20. */
export interface Topology {
  readonly name: string;
  readonly title: string;
  /** Figure of the specification; none for what it only compares with. */
  readonly figure?: number;
  readonly gateway20: GatewayKind;
  readonly gateway30: GatewayKind;
}

export const TOPOLOGIES: readonly Topology[] = [
  {
    name: 'e2',
    title: 'embodiment 2: an acceleration engine in each gateway',
    figure: 18,
    gateway20: 'engine',
    gateway30: 'engine',
  },
  {
    name: 'e3',
    title: 'embodiment 3: an engine in gateway 20, gateway 30 in software',
    figure: 19,
    gateway20: 'engine',
    gateway30: 'software',
  },
  {
    name: 'e3-mirrored',
    title: 'embodiment 3 mirrored: gateway 20 in software, an engine in gateway 30',
    figure: 19,
    gateway20: 'software',
    gateway30: 'engine',
  },
  {
    name: 'e3-folded',
    title: 'embodiment 3, gateway 30 with bridge and virtual NIC folded into its intermediate driver',
    figure: 19,
    gateway20: 'engine',
    gateway30: 'folded',
  },
  {
    name: 'e4',
    title: 'embodiment 4: both gateways in software, F13 terminated in their intermediate drivers',
    figure: 20,
    gateway20: 'software',
    gateway30: 'software',
  },
  {
    name: 'e4-folded',
    title: 'embodiment 4, both gateways with bridge and virtual NIC folded into their intermediate drivers',
    figure: 20,
    gateway20: 'folded',
    gateway30: 'folded',
  },
  {
    name: 'tcp-over-tcp',
    title: 'to compare with: F13 is a true TCP from gateway to gateway',
    gateway20: 'tcp-over-tcp',
    gateway30: 'tcp-over-tcp',
  },
];

export function topologyByName(name: string): Topology | undefined {
  return TOPOLOGIES.find((topology) => topology.name === name);
}
