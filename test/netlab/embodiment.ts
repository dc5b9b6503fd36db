/**
 * A topology with kernel hosts and a process for each of its other devices, from before its set-up to after its tear-down. Argument: JSON
 * of the settings.
 */
import { topologyByName } from '../../src/topologies/topologies.ts';
import { planNetwork, transfer } from '../../src/transport/netlab/index.ts';
import { formatIp4 } from '../../src/wire/address.ts';
import { PlanRun } from '../support/plan-run.ts';
import { report } from '../support/scenario.ts';

interface Settings {
  topology: string;
  /** Of the transfers at full speed, and of those with loss. */
  bytes: number;
  lossyBytes: number;
  loss: { lossRatio: number; delay_ms: number };
  /** Files go here. */
  folder: string;
}

const TRANSFER_LIMIT_MS = 90_000;
/** Nothing has passed that has not passed by then. */
const PROBE_LIMIT_MS = 2_500;
const PROBE_BYTES = 1;

const settings = JSON.parse(process.argv[2] as string) as Settings;
const plan = topologyByName(settings.topology)!.plan({ shape: 'tcp', handshake: 'hold', hostMtu: 1400 });
const network = await planNetwork(plan);
const [from, to] = plan.ends as [(typeof plan.ends)[0], (typeof plan.ends)[0]];
const target = formatIp4(to.address);
const started_ms = performance.now();

/** Whether a connection of the first end to the second one carries anything. */
async function passes(): Promise<boolean> {
  const probe = transfer(from.device, to.device, target, PROBE_BYTES, { timeout_ms: PROBE_LIMIT_MS });
  return probe.then(
    () => true,
    () => false,
  );
}

async function move(name: string, bytes: number, back: boolean): Promise<void> {
  const { sent, received } = await transfer(from.device, to.device, target, bytes, {
    timeout_ms: TRANSFER_LIMIT_MS,
    back,
  });
  const mbit_per_s = Math.round((8 * received.bytes) / received.time_ms / 1000);
  report(name, { bytes: received.bytes, sent: sent.sha256, received: received.sha256, mbit_per_s });
}

report('before', { passes: await passes() });
const run = await PlanRun.open(network, { folder: settings.folder });
report('up', { states: await run.states(), time_ms: Math.round(performance.now() - started_ms) });
await move('there', settings.bytes, false);
await move('back', settings.bytes, true);
await network.impair(settings.loss);
await move('lossy-there', settings.lossyBytes, false);
await move('lossy-back', settings.lossyBytes, true);
report('state', {
  firewall: await network.firewallCounters(),
  internalErrors: await run.internalErrors(),
  drops: await run.drops(),
  lost: (await network.lineCounters()).map(({ lost }) => lost),
});
await network.impair({});
report('stopped', { codes: await run.stop() });
report('after', { passes: await passes(), time_ms: Math.round(performance.now() - started_ms) });
process.exit(0);
