import type { DevicePlan } from '../plan.ts';

/** Application, TCP, IP routing, ping and IP stack of a host: what its operating system has. */
const KERNEL_TAILS = ['01', '02', '03', '03P', '04'];

/**
 * What is left of a host when its operating system does itself what is above driver 2106 or driver Z: boundary port `21T` stands for IP
 * stack 2104, a TAP is plugged into it.
 */
export function underKernel(host: DevicePlan): DevicePlan {
  const { numeral } = host;
  const above = new Set(KERNEL_TAILS.map((tail) => `${numeral}${tail}`));
  const isAbove = (port: string): boolean => above.has(port.slice(0, port.indexOf('.')));
  return {
    ...host,
    layers: host.layers.filter(({ label }) => !above.has(label)),
    joins: host.joins.flatMap((join) => {
      const [one, other] = join.split(' - ') as [string, string];
      if (isAbove(one) && isAbove(other)) return [];
      return [isAbove(one) ? `cable.${numeral}T - ${other}` : join];
    }),
    ...(host.taps && { taps: Object.fromEntries(Object.entries(host.taps).filter(([, tap]) => !isAbove(tap.above))) }),
  };
}
