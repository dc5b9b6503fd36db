import type { NetworkPlan } from '../topologies/plan.ts';

/** Options of `glassgate lab` as somebody gave them; left out: not given. */
export interface GivenOptions {
  readonly shape?: 'tcp' | 'udp';
  readonly handshake?: string;
  readonly inside?: boolean;
  readonly pcap?: string;
}

/** Why options that were given would do nothing in a topology; undefined when all of them have a meaning there. */
export function idleOption(
  topology: string,
  { f13, devices }: Pick<NetworkPlan, 'f13' | 'devices'>,
  { shape, handshake, inside, pcap }: GivenOptions,
): string | undefined {
  if (inside === true && pcap === undefined) return '--inside has a meaning only with --pcap FILE';
  if (f13 === 'tcp' && shape === 'udp') return `F13 of ${topology} is a true TCP: it cannot have the shape of UDP`;
  if (f13 === 'udp' && shape === 'tcp') return `F13 of ${topology} is UDP: it cannot have the shape of TCP`;
  if (handshake === undefined || f13 === 'shape') return undefined;
  if (f13 === 'udp') return `--handshake has no meaning in ${topology}: F13 is UDP, and no SYN is answered`;
  const hasDriver = devices.some(({ layers }) => layers.some(({ block }) => block === 'terminal-driver'));
  return hasDriver ? undefined : `--handshake has no meaning in ${topology}: true TCPs answer each SYN themselves`;
}
