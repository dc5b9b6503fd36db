import { onOffMachine } from './on-off.ts';

/** Intermediate driver 2106/3106 as a whole. */
export const terminalDriverMachine = onOffMachine('terminal-driver');
