import type { StackPlan } from '../plan.ts';
import { numeralOf } from './gateway-layers.ts';
import type { GatewayOptions } from './gateway-options.ts';

/** A gateway's stack with CONNECT (3002P) between SSL and TCP where a peer is behind an HTTP proxy; any other stack as it is. */
export function throughProxies<S extends StackPlan>(stack: S, { peers, numerals }: GatewayOptions): S {
  const destinations = peers.flatMap(({ address, port, proxy }) =>
    proxy === undefined || address === undefined || port === undefined ? [] : [{ address, port, proxy }],
  );
  if (destinations.length === 0) return stack;
  const n = numeralOf(numerals);
  const [ssl, tcp, connect] = [n('002'), n('003'), n('002P')];
  const straight = `${ssl}.lower - ${tcp}.upper`;
  return {
    ...stack,
    layers: stack.layers.flatMap((layer) =>
      layer.label === tcp
        ? [{ label: connect, block: 'http-connect' as const, options: { destinations } }, layer]
        : layer,
    ),
    joins: stack.joins.flatMap((join) =>
      join === straight ? [`${ssl}.lower - ${connect}.upper`, `${connect}.lower - ${tcp}.upper`] : join,
    ),
  };
}
