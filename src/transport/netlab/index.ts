export { type Capture, type CaptureOptions, capture } from './capture.ts';
export { CommandError, type CommandOptions, type CommandResult } from './command.ts';
export {
  type ConntrackEntry,
  conntrackEntries,
  type FirewallCounters,
  firewall,
  firewallCounters,
} from './firewall.ts';
export { inHostNetwork } from './host-network.ts';
export * from './hosts.ts';
export { type Impairment, type ImpairmentOptions, impair } from './impair.ts';
export { type PingOptions, type PingResult, ping } from './ping.ts';
export {
  canSandbox,
  enterSandbox,
  inSandbox,
  type SandboxAbility,
  type SandboxedProcess,
  spawnSandbox,
} from './sandbox.ts';
export { type Transfer, type TransferEnd, type TransferOptions, transfer } from './transfer.ts';
export { DIRECT, type TapName, TWO_LAN, type TwoLanNetwork, type TwoLanOptions, twoLanNetwork } from './two-lan.ts';
