/**
 * Kernel TCP from terminal 21 to server 31 over a way that loses and delays, by each kind of tunnel in turn. Argument: JSON of the plan.
 * Reports a `transfer` for each.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
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
  /** Compared with each other: each is opened, used and ended once in a round. */
  tunnels: TunnelSettings['embodiment'][];
  rounds: number;
  /** How many transfers run at once, one such number after the other. */
  connections: number[];
  /** Of one transfer. */
  bytes: number;
  congestion: string;
  impairment: ImpairmentOptions;
  /** Files go here. */
  folder: string;
}

const { terminal, server } = TWO_LAN;
const S_MS = 1_000;
const CONGESTION_CONTROLS = ['cubic', 'bbr', 'reno'];
const FIRST_PORT = 5001;
const TRANSFER_LIMIT_MS = 120_000;

const plan = JSON.parse(process.argv[2]) as Plan;
const network = await twoLanNetwork({ impairment: plan.impairment });
await Promise.all([terminal, server].map(setTcp));
for (let round = 1; round <= plan.rounds; round += 1) {
  for (const embodiment of plan.tunnels) await measure(embodiment, round);
}
report('end', { firewall: await network.firewallCounters() });
process.exit(0);

/**
 * A host's congestion control, and that it forgets what earlier connections found out about the way. The route says which congestion
 * control, because the setting takes only those of `tcp_allowed_congestion_control` in a namespace.
 */
async function setTcp({ host, interface: name, ip, prefix }: typeof terminal | typeof server): Promise<void> {
  await sysctl(host, { 'net.ipv4.tcp_no_metrics_save': '1' });
  const lan = `${ip.slice(0, ip.lastIndexOf('.'))}.0/${prefix}`;
  const route = ['ip', 'route', 'replace', lan, 'dev', name, 'proto', 'kernel', 'scope', 'link', 'src', ip];
  await must(host, [...route, 'congctl', plan.congestion]);
}

/** The congestion control of the terminal's connection that runs now, as its kernel tells it. */
async function congestionInUse(): Promise<string | undefined> {
  const text = await must(terminal.host, ['ss', '--tcp', '--info', '--no-header', 'state', 'established']);
  return CONGESTION_CONTROLS.find((name) => new RegExp(`\\s${name}\\s`).test(text));
}

/** Opens a tunnel, moves the bytes by one connection and then by several at once, ends it. */
async function measure(embodiment: TunnelSettings['embodiment'], round: number): Promise<void> {
  const folder = join(plan.folder, `${embodiment}-${round}`);
  mkdirSync(folder);
  const tunnel = await Tunnel.open({ embodiment, f13: 'tcp', handshake: 'hold', folder, level: 'control' });
  for (const connections of plan.connections)
    report('transfer', { embodiment, round, connections, ...(await move(connections)) });
  report('tunnel', { embodiment, round, internalErrors: await tunnel.internalErrors(), drops: await tunnel.drops() });
  await tunnel.stop();
}

/** So many transfers at once; goodput of all together, until the last one is through. */
async function move(connections: number): Promise<object> {
  let congestion: Promise<string | undefined> | undefined;
  const onProgress = (): void => {
    congestion ??= congestionInUse();
  };
  const ends = await Promise.all(
    Array.from({ length: connections }, (_, at) =>
      transfer(terminal.host, server.host, server.ip, plan.bytes, {
        timeout_ms: TRANSFER_LIMIT_MS,
        onProgress,
        port: FIRST_PORT + at,
      }),
    ),
  );
  const time_ms = Math.max(...ends.map(({ received }) => received.time_ms));
  return {
    congestion: await congestion,
    sent: ends.map(({ sent }) => sent.sha256),
    received: ends.map(({ received }) => received.sha256),
    time_ms: Math.round(time_ms),
    goodput_bps: Math.round((8 * S_MS * plan.bytes * connections) / time_ms),
  };
}
