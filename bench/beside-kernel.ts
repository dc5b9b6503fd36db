import { readFileSync } from 'node:fs';
import { besideKernel, kernelTransfer, type OwnTransfer, ownTransfer } from '../src/transport/netlab/beside-kernel.ts';
import { alignedText } from './support/table-text.ts';

/** One stream beside the kernel: what to move and how often. */
export interface StreamEffort {
  readonly rounds: number;
  readonly bytes: number;
}

export const FULL_STREAMS: StreamEffort = { rounds: 5, bytes: 2_000_000_000 };
export const QUICK_STREAMS: StreamEffort = { rounds: 1, bytes: 50_000_000 };

/** Median of the rounds. Seconds of CPU time are per GB (1e9 bytes) that arrived. */
export interface StreamResult {
  readonly name: string;
  readonly goodput_Gbps: number;
  readonly least_Gbps: number;
  readonly most_Gbps: number;
  /** Of the process with our TCP, the system calls for its TAP included; left out where there is none. */
  readonly own_s_per_GB?: number;
  /** Of the whole machine, whatever else it does included. */
  readonly machine_s_per_GB: number;
}

interface Round {
  readonly goodput_Gbps: number;
  readonly own_s_per_GB?: number;
  readonly machine_s_per_GB: number;
}

/** A kind of stream; `run` does it once. */
interface Stream {
  readonly name: string;
  readonly run: (bytes: number) => Promise<{ time_ms: number; cpu_us?: number }>;
}

const CONGESTION = 'cubic';
const GB = 1e9;
const TICKS_PER_S = 100;

const ours = (direction: 'in' | 'out', offload: boolean) => async (bytes: number) =>
  told(await ownTransfer({ direction, bytes, offload, hash: false, congestion: CONGESTION }));

const STREAMS: readonly Stream[] = [
  { name: 'kernel to ours', run: ours('in', true) },
  { name: 'ours to kernel', run: ours('out', true) },
  { name: 'kernel to kernel', run: kernelTransfer },
  { name: 'kernel to ours, no offload', run: ours('in', false) },
  { name: 'ours to kernel, no offload', run: ours('out', false) },
];

/**
 * One stream between the kernel's TCP and ours over a TAP, both ways, and between two kernels over the same bridge: CUBIC everywhere, rounds
 * interleaved. Inside a sandbox only.
 */
export async function measureStreams(effort: StreamEffort, told: (text: string) => void): Promise<StreamResult[]> {
  await besideKernel(CONGESTION);
  const rounds = new Map<string, Round[]>(STREAMS.map(({ name }) => [name, []]));
  for (let round = 1; round <= effort.rounds; round++) {
    for (const stream of STREAMS) {
      told(`round ${round} of ${effort.rounds}: ${stream.name}`);
      rounds.get(stream.name)?.push(await oneRound(stream, effort.bytes));
    }
  }
  return STREAMS.map(({ name }) => resultOf(name, rounds.get(name) ?? []));
}

async function oneRound({ run }: Stream, bytes: number): Promise<Round> {
  const before_s = machineBusy_s();
  const { time_ms, cpu_us } = await run(bytes);
  return {
    goodput_Gbps: (bytes * 8) / time_ms / 1e6,
    machine_s_per_GB: (machineBusy_s() - before_s) / (bytes / GB),
    ...(cpu_us !== undefined && { own_s_per_GB: cpu_us / 1e6 / (bytes / GB) }),
  };
}

function told({ received, own }: OwnTransfer): { time_ms: number; cpu_us: number } {
  return { time_ms: received.time_ms, cpu_us: own.cpu_us };
}

/** Seconds that all cores together were not idle, since the machine started. */
function machineBusy_s(): number {
  const [line] = readFileSync('/proc/stat', 'utf8').split('\n') as [string];
  const ticks = line.trim().split(/\s+/).slice(1).map(Number);
  const [, , , idle = 0, waiting = 0] = ticks;
  return (ticks.reduce((sum, tick) => sum + tick, 0) - idle - waiting) / TICKS_PER_S;
}

function resultOf(name: string, rounds: readonly Round[]): StreamResult {
  const rates = rounds.map(({ goodput_Gbps }) => goodput_Gbps);
  const own = rounds.flatMap(({ own_s_per_GB }) => own_s_per_GB ?? []);
  return {
    name,
    goodput_Gbps: median(rates),
    least_Gbps: Math.min(...rates),
    most_Gbps: Math.max(...rates),
    machine_s_per_GB: median(rounds.map(({ machine_s_per_GB }) => machine_s_per_GB)),
    ...(own.length > 0 && { own_s_per_GB: median(own) }),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? 0;
}

/** A table, with each rate beside that of the kernels in the same run. */
export function streamsText(results: readonly StreamResult[]): string {
  const kernels = results.find(({ name }) => name === 'kernel to kernel')?.goodput_Gbps ?? 0;
  const head = ['', 'Gbit/s', 'least', 'most', 'of kernels', 'own CPU s/GB', 'machine CPU s/GB'];
  const rows = results.map((result) => [
    result.name,
    result.goodput_Gbps.toFixed(2),
    result.least_Gbps.toFixed(2),
    result.most_Gbps.toFixed(2),
    `${Math.round((100 * result.goodput_Gbps) / kernels)} %`,
    result.own_s_per_GB?.toFixed(2) ?? '',
    result.machine_s_per_GB.toFixed(2),
  ]);
  const title = 'One TCP stream over a bridge: our TCP on a TAP beside the kernel';
  return [title, alignedText([head, ...rows])].join('\n');
}
