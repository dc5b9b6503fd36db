import { onOffMachine } from './on-off.ts';

/** The glue between a network interface and the software above it. */
export const driverMachine = onOffMachine('driver');
