export { capture } from './capture.ts';
export type { ImpairmentOptions } from './fate.ts';
export { inHostNetwork } from './host-network.ts';
export * from './hosts.ts';
export { type Impairment, impair } from './impair.ts';
export { ping } from './ping.ts';
export { canSandbox, enterSandbox, inSandbox } from './sandbox.ts';
export { transfer } from './transfer.ts';
export { DIRECT, TWO_LAN, type TwoLanNetwork, twoLanNetwork } from './two-lan.ts';
