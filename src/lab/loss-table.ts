import { Lab } from './lab.ts';
import { labSettings } from './settings.ts';
import { transfer } from './traffic.ts';

/** Loss of frames between the gateways, each direction. */
export const LOSSES = [0, 0.001, 0.01, 0.03] as const;
/** Round trip time between the gateways, milliseconds. */
export const RTTS_MS = [2, 20, 100] as const;
export const TABLE_TOPOLOGIES = ['e2', 'e4', 'tcp-over-tcp'] as const;

/** Of the path between the gateways. */
const RATE_BPS = 50_000_000;
const SET_UP_LIMIT_US = 120_000_000;
/** Characters. */
const CELL_WIDTH = 19;

export interface LossTablePlan {
  readonly seed: number;
  /** Bytes that each transfer would move. */
  readonly bytes: number;
  /** Virtual time that each transfer may take. */
  readonly limit_us: number;
}

export interface LossTableRow {
  readonly rtt_ms: number;
  readonly loss: number;
  /** Goodput in bits per second by topology. */
  readonly goodput_bps: Readonly<Record<(typeof TABLE_TOPOLOGIES)[number], number>>;
}

/** Goodput of one transfer from terminal 21 to server 31 for each loss, round trip time and topology. */
export function lossTable(plan: LossTablePlan): LossTableRow[] {
  return RTTS_MS.flatMap((rtt_ms) =>
    LOSSES.map((loss) => {
      const measured = TABLE_TOPOLOGIES.map((topology) => [topology, goodput(topology, rtt_ms, loss, plan)] as const);
      return { rtt_ms, loss, goodput_bps: Object.fromEntries(measured) as LossTableRow['goodput_bps'] };
    }),
  );
}

/** The table as text, in Mbit/s. */
export function lossTableText(rows: readonly LossTableRow[]): string {
  const head = ['RTT ms', 'loss %', ...TABLE_TOPOLOGIES, 'e2 : tcp-over-tcp'];
  const lines = rows.map(({ rtt_ms, loss, goodput_bps }) => [
    String(rtt_ms),
    String(Number((loss * 100).toFixed(2))),
    ...TABLE_TOPOLOGIES.map((topology) => (goodput_bps[topology] / 1e6).toFixed(2)),
    (goodput_bps.e2 / goodput_bps['tcp-over-tcp']).toFixed(2),
  ]);
  return [head, ...lines].map((cells) => cells.map((cell) => cell.padStart(CELL_WIDTH)).join('')).join('\n');
}

function goodput(topology: string, rtt_ms: number, loss: number, { seed, bytes, limit_us }: LossTablePlan): number {
  const lab = new Lab(labSettings(topology, { seed, path: { delay_us: rtt_ms * 500, rate_bps: RATE_BPS } }));
  lab.start();
  if (!lab.until(() => lab.isUp, SET_UP_LIMIT_US))
    throw new Error(`${topology}, seed ${seed}: the session does not come up`);
  lab.impair({ loss });
  return transfer(lab, { bytes, limit_us }).goodput_bps;
}
