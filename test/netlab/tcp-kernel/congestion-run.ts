/**
 * Measures our congestion control beside the kernel's on one path. Argument: JSON of a plan. Reports `goodput` for each run of one sender,
 * `shared` for each sample of two that share the bottleneck.
 */

import type { ImpairmentOptions } from '../../../src/transport/netlab/index.ts';
import { report } from '../../support/scenario.ts';
import { FAR, Lab, TWIN } from './lab.ts';
import { pause } from './steps.ts';

export interface CongestionPlan {
  kind: 'alone' | 'shared';
  congestion: 'cubic' | 'bbr' | 'reno';
  line: ImpairmentOptions;
  /** Runs of each sender, alternately; the seeds go up from the line's. */
  runs: number;
  /** Not measured: connections start. */
  warmup_s: number;
  measured_s: number;
}

type Sender = 'ours' | 'twin';

const plan = JSON.parse(process.argv[2] as string) as CongestionPlan;
/** More than can be sent. */
const ENDLESS_BYTES = 10_000_000_000;
const BUFFER_BYTES = 16 * 1024 * 1024;
const S_MS = 1_000;
const BITS = 8;

const lab = await Lab.build();
const kernel = { congestion: plan.congestion, receiveBytes: BUFFER_BYTES, sendBytes: BUFFER_BYTES };
await lab.kernel(kernel, FAR.host);
await lab.kernel(kernel, TWIN.host);
for (let run = 0; run < plan.runs; run += 1) {
  const seed = (plan.line.seed ?? 1) + run;
  await lab.line.change({ ...plan.line, seed });
  if (plan.kind === 'shared') await shared(run);
  else for (const sender of ['ours', 'twin'] as const) await alone(sender, run, seed);
}
process.exit(0);

interface Flow {
  readonly sender: Sender;
  readonly id: string;
  readonly port: number;
  /** As the receiver calls it. */
  readonly received: string;
}

async function alone(sender: Sender, run: number, seed: number): Promise<void> {
  // Both meet the same fates.
  await lab.line.change({ ...plan.line, seed });
  const flow = await open(sender);
  const [bps] = await measured([flow]);
  report('goodput', { sender, run, seed, bps, ...(await told(flow)), line: (await lab.line.counters())[0] });
  await end([flow]);
}

async function shared(run: number): Promise<void> {
  const senders: Sender[] = run % 2 === 0 ? ['ours', 'twin'] : ['twin', 'ours'];
  const flows = [await open(senders[0] as Sender), await open(senders[1] as Sender)];
  const bps = await measured(flows);
  const goodputs = Object.fromEntries(flows.map(({ sender }, at) => [sender, bps[at]]));
  const details = Object.fromEntries(await Promise.all(flows.map(async (flow) => [flow.sender, await told(flow)])));
  report('shared', { run, ...goodputs, details, line: (await lab.line.counters())[0] });
  await end(flows);
}

async function open(sender: Sender): Promise<Flow> {
  if (sender === 'ours') await lab.configure({ congestion: plan.congestion, sendQueueBytes: BUFFER_BYTES });
  const end = lab[sender];
  const port = lab.freePort();
  const id = `flow-${port}`;
  lab.far.order({ order: 'listen', port, service: 'sink' });
  await lab.far.heard('listening', { port });
  end.order({ order: 'connect', id, address: FAR.ip, port, service: 'manual' });
  await end.heard('connected', { id });
  const { id: received } = await lab.far.heard('accepted', { port });
  end.order({ order: 'send', id, bytes: ENDLESS_BYTES, seed: 1 });
  return { sender, id, port, received };
}

/** Goodput of each, bits per second, all over the same time. */
async function measured(flows: readonly Flow[]): Promise<number[]> {
  await pause(plan.warmup_s * S_MS);
  const [before, start_ms] = [await bytesOf(flows), performance.now()];
  await pause(plan.measured_s * S_MS);
  const [after, end_ms] = [await bytesOf(flows), performance.now()];
  return flows.map((_, at) => Math.round((((after[at] ?? 0) - (before[at] ?? 0)) * BITS * S_MS) / (end_ms - start_ms)));
}

async function bytesOf(flows: readonly Flow[]): Promise<number[]> {
  const { connections } = await lab.far.stats();
  const known = connections as { id: string; bytesIn: number }[];
  return flows.map(({ received }) => known.find(({ id }) => id === received)?.bytesIn ?? 0);
}

/** What the sender itself knows. */
async function told({ sender, id, port }: Flow): Promise<Record<string, unknown>> {
  if (sender === 'twin') {
    const text = await lab.socket(port, TWIN.host);
    return { ss: text.replaceAll(/\s+/g, ' ').trim() };
  }
  const { connections, cpu_us } = await lab.ours.stats();
  const own = (connections as { id: string; path: unknown; stats: unknown }[]).find((each) => each.id === id);
  return { path: own?.path, stats: own?.stats, cpu_us };
}

async function end(flows: readonly Flow[]): Promise<void> {
  for (const { sender, id } of flows) lab[sender].order({ order: 'abort', id });
  for (const { sender, id } of flows) await lab[sender].heard('closed', { id });
  for (const end of [lab.ours, lab.twin, lab.far]) end.forget();
  await pause(S_MS / 2);
}
