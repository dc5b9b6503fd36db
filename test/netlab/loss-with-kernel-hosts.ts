/**
 * Kernel TCP from terminal 21 to server 31 over a way that loses and delays, by each kind of tunnel in turn. Argument: JSON of the plan.
 * Reports a `transfer` for each.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type HostName,
  type ImpairmentOptions,
  must,
  sysctl,
  TWO_LAN,
  transfer,
  twoLanNetwork,
} from '../../src/transport/netlab/index.ts';
import { report } from '../support/scenario.ts';
import { Tunnel, type TunnelSettings } from '../support/tunnel.ts';

interface Plan {
  /** Compared with each other; a round is one transfer of each. */
  tunnels: TunnelSettings['embodiment'][];
  rounds: number;
  /** Of one transfer. */
  bytes: number;
  congestion: string;
  impairment: ImpairmentOptions;
  /** Files go here. */
  folder: string;
}

const { terminal, server } = TWO_LAN;
const S_MS = 1_000;
const TRANSFER_LIMIT_MS = 120_000;

const plan = JSON.parse(process.argv[2]) as Plan;
const network = await twoLanNetwork({ impairment: plan.impairment });
const congestion = await Promise.all([terminal.host, server.host].map(setTcp));
report('hosts', { congestion });
for (let round = 1; round <= plan.rounds; round += 1) {
  for (const embodiment of plan.tunnels) await measure(embodiment, round);
}
report('end', { firewall: await network.firewallCounters() });
process.exit(0);

/** A host forgets what earlier connections found out about the way: each transfer starts alike. Resolves with its congestion control. */
async function setTcp(host: HostName): Promise<string> {
  await sysctl(host, { 'net.ipv4.tcp_congestion_control': plan.congestion, 'net.ipv4.tcp_no_metrics_save': '1' });
  return (await must(host, ['cat', '/proc/sys/net/ipv4/tcp_congestion_control'])).trim();
}

/** Opens a tunnel, moves the bytes, ends it. */
async function measure(embodiment: TunnelSettings['embodiment'], round: number): Promise<void> {
  const folder = join(plan.folder, `${embodiment}-${round}`);
  mkdirSync(folder);
  const tunnel = await Tunnel.open({ embodiment, f13: 'tcp', handshake: 'hold', folder, level: 'control' });
  const limit = { timeout_ms: TRANSFER_LIMIT_MS };
  const { sent, received } = await transfer(terminal.host, server.host, server.ip, plan.bytes, limit);
  report('transfer', {
    embodiment,
    round,
    bytes: received.bytes,
    sent: sent.sha256,
    received: received.sha256,
    time_ms: Math.round(received.time_ms),
    goodput_bps: Math.round((8 * received.bytes * S_MS) / received.time_ms),
    internalErrors: await tunnel.internalErrors(),
    drops: await tunnel.drops(),
  });
  await tunnel.stop();
}
