import { equal } from 'node:assert/strict';
import type { ImpairmentOptions } from '../../../src/transport/netlab/index.ts';
import type { Cases } from './cases.ts';
import { type Family, type Lab, ROUTER, ROUTER6, type Role } from './lab.ts';
import { bothClosed, endOf, inBothRoles, MB, move, otherRole, ourConnection } from './steps.ts';

/** Every seed gives other fates; a failing case names its own. */
const SEED = 20_240_601;

/** Lines by name, all with a bottleneck of 100 Mbit/s and 5 ms each way. */
const BASE: ImpairmentOptions = { rate_bps: 100_000_000, queueBytes: 250_000, delay_ms: 5, seed: SEED };
const LINES: Readonly<Record<string, ImpairmentOptions>> = {
  'loss of 1 %': { lossRatio: 0.01 },
  'loss of 5 %': { lossRatio: 0.05 },
  'loss in bursts': { burst: { enterRatio: 0.002, leaveRatio: 0.2, lossRatio: 0.8 } },
  'duplication of 5 %': { duplicateRatio: 0.05 },
  'reordering of 5 %': { reorderRatio: 0.05, reorderDelay_ms: 3 },
  'corruption of 1 %': { corruptRatio: 0.01 },
  'jitter of 10 ms': { jitter_ms: 10 },
  'all of it': {
    lossRatio: 0.01,
    duplicateRatio: 0.01,
    reorderRatio: 0.02,
    reorderDelay_ms: 2,
    corruptRatio: 0.005,
    jitter_ms: 3,
  },
};

export async function impaired(
  lab: Lab,
  sender: Role,
  line: ImpairmentOptions,
  bytes: number,
  wait_ms: number,
  family: Family = 4,
): Promise<Record<string, unknown>> {
  await lab.line.change({ ...BASE, ...line });
  const before = await lab.kernelCounters();
  const pair = await lab.open(sender, {}, family);
  const moved = await move(lab, pair, sender, bytes, wait_ms);
  await bothClosed(lab, pair);
  const after = await lab.kernelCounters();
  const gained = (key: string): number => (after[key] ?? 0) - (before[key] ?? 0);
  // A repeated SYN+ACK, because its ACK was lost, counts as an error there.
  const wrong = gained('TcpInErrs') - gained('TcpExtTCPSYNChallenge');
  if (line.corruptRatio === undefined) equal(wrong, 0, 'bad segments at the kernel');
  const { drops } = await lab.ours.stats();
  return { ...moved, retransmittedByKernel: gained('TcpRetransSegs'), drops };
}

function lines(bytes: number, wait_ms: number): Cases {
  return Object.assign(
    {},
    ...Object.entries(LINES).map(([what, line]) =>
      inBothRoles(
        (sender) => `${sender} sends ${bytes / MB} MB over a line with ${what} (seed ${SEED})`,
        (lab, sender) => impaired(lab, sender, line, bytes, wait_ms),
      ),
    ),
  );
}

/** The way takes less than both ends think. */
const NARROW_MTU_BYTES = 1_300;
/** IP, TCP and timestamps. */
const HEADERS_BYTES: Readonly<Record<Family, number>> = { 4: 52, 6: 72 };

/** The way shrinks under a connection that stands; a router on it tells. */
export async function narrow(lab: Lab, sender: Role, family: Family): Promise<Record<string, unknown>> {
  const receiver = otherRole(sender);
  const pair = await lab.open(sender, { [receiver]: 'manual' }, family);
  await lab.line.change({ mtu: NARROW_MTU_BYTES, mtuRouter: family === 4 ? ROUTER : ROUTER6 });
  const moved = await move(lab, pair, sender, 3 * MB);
  const mss =
    sender === 'ours'
      ? (await ourConnection(lab, pair))?.path.mss
      : Number(/\smss:(\d+)/.exec(await lab.socket(pair.port))?.[1]);
  equal(mss, NARROW_MTU_BYTES - HEADERS_BYTES[family]);
  endOf(lab, receiver).order({ order: 'close', id: pair[receiver] });
  await bothClosed(lab, pair);
  equal(moved.time_ms < 3_000, true, `${moved.time_ms} ms`);
  return { ...moved };
}

const NARROW: Cases = {
  ...inBothRoles(
    (sender) => `${sender} sends over a way of ${NARROW_MTU_BYTES} bytes that a router tells of`,
    (lab, sender) => narrow(lab, sender, 4),
  ),
  'ours finds its way through a black hole to the kernel': async (lab) => {
    const pair = await lab.open('ours');
    await lab.line.change({ mtu: NARROW_MTU_BYTES });
    const moved = await move(lab, pair, 'ours', MB);
    await bothClosed(lab, pair);
    return { ...moved };
  },
  'the kernel finds its way through a black hole to ours': async (lab) => {
    await lab.kernel({ mtuProbing: true });
    const pair = await lab.open('far');
    await lab.line.change({ mtu: NARROW_MTU_BYTES });
    const moved = await move(lab, pair, 'far', MB);
    await bothClosed(lab, pair);
    return { ...moved };
  },
};

export const IMPAIRED_QUICK: Cases = { ...lines(MB, 30_000), ...NARROW };
export const IMPAIRED_LONG: Cases = lines(30 * MB, 300_000);
