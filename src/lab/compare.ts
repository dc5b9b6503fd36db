import { openLab } from './run.ts';
import { labSettings } from './settings.ts';
import { type TransferResult, transfer } from './traffic.ts';

/** Loss of frames on the way between the tunnel's ends, each direction. */
export const LOSSES = [0, 0.001, 0.01, 0.03] as const;
/** Round trip time of that way, milliseconds. */
export const RTTS_MS = [2, 20, 100] as const;

/** Of the way between the tunnel's ends. */
const RATE_BPS = 50_000_000;

export interface GoodputPlan {
  readonly topologies: readonly string[];
  readonly seed: number;
  /** Each transfer is made with so many seeds from `seed` on, and the median counts; default 1. */
  readonly seeds?: number;
  /** Bytes that each transfer would move. */
  readonly bytes: number;
  /** Virtual time that each transfer may take. */
  readonly limit_us: number;
  readonly losses?: readonly number[];
  readonly rtts_ms?: readonly number[];
}

/** One transfer from the network's first end to its second. */
export interface GoodputCell {
  readonly topology: string;
  readonly rtt_ms: number;
  readonly loss: number;
  /** Of user data, until the last byte or the limit; the median of the seeds. */
  readonly goodput_bps: number;
  /** Every byte that arrived is the one that was sent, with every seed. */
  readonly intact: boolean;
}

/** One cell after the other, by topology, round trip time and loss; the same plan gives the same cells. */
export function* goodputCells(plan: GoodputPlan): Generator<GoodputCell> {
  const { topologies, losses = LOSSES, rtts_ms = RTTS_MS } = plan;
  for (const topology of topologies)
    for (const rtt_ms of rtts_ms) for (const loss of losses) yield goodputCell(topology, rtt_ms, loss, plan);
}

/** How many cells a plan has. */
export function cellCount({ topologies, losses = LOSSES, rtts_ms = RTTS_MS }: GoodputPlan): number {
  return topologies.length * losses.length * rtts_ms.length;
}

function goodputCell(topology: string, rtt_ms: number, loss: number, plan: GoodputPlan): GoodputCell {
  const { seed, seeds = 1 } = plan;
  const runs = Array.from({ length: seeds }, (_, at) => oneRun(topology, rtt_ms, loss, { ...plan, seed: seed + at }));
  const goodputs = runs.map(({ goodput_bps }) => goodput_bps).sort((one, other) => one - other);
  const goodput_bps = goodputs[Math.floor(seeds / 2)] as number;
  return { topology, rtt_ms, loss, goodput_bps, intact: runs.every(({ intact }) => intact) };
}

function oneRun(
  topology: string,
  rtt_ms: number,
  loss: number,
  { seed, bytes, limit_us }: GoodputPlan,
): TransferResult {
  const lab = openLab(labSettings(topology, { seed, path: { delay_us: rtt_ms * 500, rate_bps: RATE_BPS } }));
  lab.impair({ loss });
  return transfer(lab, { bytes, limit_us });
}
