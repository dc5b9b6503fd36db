import { onOffMachine } from './on-off.ts';

/** The look-aside cipher beside the CPU (prior art 2). */
export const securityEngineMachine = onOffMachine('security-engine');
