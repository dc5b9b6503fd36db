/**
 * Kernel TCP from the terminal to the server over a way that loses and delays, through several topologies in turn. Each round goes through
 * all of them with all losses, so that whatever else the machine does meets them alike. Argument: JSON of the plan. Reports a `transfer` for
 * each measurement.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { topologyByName } from '../../src/topologies/topologies.ts';
import { must, planNetwork, sysctl, transfer } from '../../src/transport/netlab/index.ts';
import { formatIp4 } from '../../src/wire/address.ts';
import { PlanRun } from '../support/plan-run.ts';
import { report } from '../support/scenario.ts';

interface Plan {
  topology: string;
  round: number;
  losses: number[];
  /** Of the whole way, one direction. */
  delay_ms: number;
  bytes: number;
  /** How many transfers run at once, one such number after the other. */
  connections: number[];
  /** Of the hosts' kernels. */
  congestion: string;
  /** Files go here. */
  folder: string;
}

const TRANSFER_LIMIT_MS = 120_000;
const FIRST_PORT = 5001;
/** Once through before it is measured: ARP, the tunnel's and the machine's caches. */
const WARM_UP_BYTES = 200_000;

const { topology, round, losses, delay_ms, bytes, connections, congestion, folder } = JSON.parse(
  process.argv[2] as string,
) as Plan;
const plan = topologyByName(topology)!.plan({ shape: 'tcp', handshake: 'hold', hostMtu: 1400 });
const network = await planNetwork(plan);
const [from, to] = plan.ends as [(typeof plan.ends)[0], (typeof plan.ends)[0]];
const own = join(folder, `${topology}-${round}`);
mkdirSync(own);
const run = await PlanRun.open(network, { folder: own });
for (const { device } of plan.ends) await setCongestion(device);
await network.impair({ delay_ms, seed: round });
await move(WARM_UP_BYTES, 1);
for (const lossRatio of losses) {
  await network.impair({ lossRatio, delay_ms, seed: round });
  for (const count of connections)
    report('transfer', { topology, round, lossRatio, connections: count, ...(await move(bytes, count)) });
}
report('end', { internalErrors: await run.internalErrors() });
await run.stop();
process.exit(0);

/** So many transfers at once; goodput of all together, until the last one is through. */
async function move(size: number, count: number): Promise<Record<string, unknown>> {
  const ends = await Promise.all(
    Array.from({ length: count }, (_, at) =>
      transfer(from.device, to.device, formatIp4(to.address), size, {
        timeout_ms: TRANSFER_LIMIT_MS,
        port: FIRST_PORT + at,
      }),
    ),
  );
  const time_ms = Math.max(...ends.map(({ received }) => received.time_ms));
  return {
    sent: ends.map(({ sent }) => sent.sha256),
    received: ends.map(({ received }) => received.sha256),
    goodput_bps: Math.round((8_000 * size * count) / time_ms),
  };
}

/**
 * A host's congestion control, and that it forgets what earlier connections found out about the way. By the routes of its own networks, because
 * the setting takes only those of `tcp_allowed_congestion_control` in a namespace.
 */
async function setCongestion(host: string): Promise<void> {
  await sysctl(host, { 'net.ipv4.tcp_no_metrics_save': '1' });
  const routes = (await must(host, ['ip', 'route', 'show', 'proto', 'kernel'])).split('\n').filter(Boolean);
  for (const each of routes) {
    const words = each.trim().split(/\s+/);
    await must(host, ['ip', 'route', 'replace', ...words, 'proto', 'kernel', 'congctl', congestion]);
  }
}
