import { equal } from 'node:assert/strict';
import { must } from '../../../src/transport/netlab/index.ts';
import type { Cases } from './cases.ts';
import type { Lab, Role } from './lab.ts';
import { arrived, bothClosed, closedBy, endOf, inBothRoles, MB, otherRole, ourConnection, pause } from './steps.ts';

const S_MS = 1_000;
const S_US = 1_000_000;

/** The receiver does not read for so long: the window shuts, probes go out, and then everything comes. */
async function zeroWindow(lab: Lab, sender: Role, time_s: number): Promise<Record<string, unknown>> {
  const receiver = otherRole(sender);
  await lab.kernel({ receiveBytes: 500_000 });
  await lab.configure({ receiveBufferBytes: 500_000 });
  const pair = await lab.open(sender);
  const before = await lab.kernelCounters();
  endOf(lab, receiver).order({ order: 'read', id: pair[receiver], on: false });
  endOf(lab, sender).order({ order: 'send', id: pair[sender], bytes: 10 * MB, seed: 2, close: true });
  await pause(time_s * S_MS);
  equal(endOf(lab, receiver).hasHeard('received', { id: pair[receiver] }), false);
  const probes =
    sender === 'ours'
      ? ((await ourConnection(lab, pair))?.stats.windowProbes ?? 0)
      : ((await lab.kernelCounters()).TcpExtTCPWinProbe ?? 0) - (before.TcpExtTCPWinProbe ?? 0);
  // After 200 ms, 400 ms, 800 ms, …
  const doublings = Math.floor(Math.log2(time_s * 5));
  equal(probes >= doublings && probes <= doublings + 2, true, `${probes} probes in ${time_s} s`);
  const start_ms = performance.now();
  endOf(lab, receiver).order({ order: 'read', id: pair[receiver], on: true });
  await arrived(lab, pair, sender, 10 * MB);
  const rest_ms = Math.round(performance.now() - start_ms);
  equal(rest_ms < 3 * S_MS, true, `${rest_ms} ms after the window opened`);
  await bothClosed(lab, pair);
  return { probes, rest_ms };
}

/** The way between the ends is cut, where neither can see it. */
async function cut(on: boolean): Promise<void> {
  await must('hub', ['ip', 'link', 'set', 'far', on ? 'down' : 'up']);
}

/** Both have something under way when the other dies. */
async function death(lab: Lab): Promise<Record<string, unknown>> {
  await lab.configure({ retransmissions: 3 });
  await lab.kernel({ retries2: 3 });
  const pair = await lab.open('ours', { ours: 'manual', far: 'manual' });
  await pause(100);
  await cut(true);
  try {
    for (const role of ['ours', 'far'] as const)
      endOf(lab, role).order({ order: 'send', id: pair[role], bytes: 5_000, seed: 1 });
    const [ours_s, kernel_s] = await Promise.all([
      closedBy(lab, pair, 'ours', 'timed-out'),
      closedBy(lab, pair, 'far', 'timed-out'),
    ]);
    // 200 ms, doubled three times, in both; a tail loss probe may come before.
    for (const time_s of [ours_s, kernel_s]) equal(time_s > 2 && time_s < 8, true, `${ours_s} s, kernel ${kernel_s} s`);
    return { ours_s, kernel_s };
  } finally {
    await cut(false);
  }
}

const KEEPALIVE = { idle_us: S_US, interval_us: S_US, probes: 3 };

/** Unanswered probes are told to our TCP; Node asks the kernel for ten, one each second. */
const DEAD_S = { ours: 4, far: 11 } as const;

async function keepalive(lab: Lab, role: Role): Promise<Record<string, unknown>> {
  await lab.configure(role === 'ours' ? { keepalive: KEEPALIVE } : {});
  const pair = await lab.open(role, { ours: 'manual', far: 'manual' });
  if (role === 'far') lab.far.order({ order: 'option', id: pair.far, option: 'keepalive', value: S_MS });
  // Longer than a dead one would live: probes are answered.
  await pause(5.5 * S_MS);
  equal(endOf(lab, role).hasHeard('closed', { id: pair[role] }), false);
  await cut(true);
  try {
    const time_s = await closedBy(lab, pair, role, 'timed-out');
    equal(time_s > DEAD_S[role] - 2 && time_s < DEAD_S[role] + 2, true, `${time_s} s`);
    return { time_s };
  } finally {
    await cut(false);
  }
}

export const SILENCE_QUICK: Cases = {
  ...inBothRoles(
    (sender, receiver) => `${receiver} does not read for 3 s, ${sender} sends on`,
    (lab, sender) => zeroWindow(lab, sender, 3),
  ),
  'the way is cut: both sides time out': death,
  'ours keeps alive, and finds out that the other is gone': (lab) => keepalive(lab, 'ours'),
};

export const SILENCE_LONG: Cases = {
  ...inBothRoles(
    (sender, receiver) => `${receiver} does not read for 30 s, ${sender} sends on`,
    (lab, sender) => zeroWindow(lab, sender, 30),
  ),
  'the kernel keeps alive, and finds out that ours is gone': (lab) => keepalive(lab, 'far'),
};
