import { onOffMachine } from './on-off.ts';

/** Local delivery and output of IP packets. */
export const ipRoutingMachine = onOffMachine('ip-routing');
