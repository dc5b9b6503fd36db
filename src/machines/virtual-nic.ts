import { onOffMachine } from './on-off.ts';

/** The software network interface between a driver and the gateway application. */
export const virtualNicMachine = onOffMachine('virtual-nic');
