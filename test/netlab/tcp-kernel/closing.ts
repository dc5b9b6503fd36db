import { equal } from 'node:assert/strict';
import type { Cases } from './cases.ts';
import { FAR, type Lab, OURS, type Role } from './lab.ts';
import {
  arrived,
  bothClosed,
  closedBy,
  endOf,
  inBothRoles,
  kernelDone,
  MB,
  move,
  otherRole,
  ourConnections,
  ourState,
  pause,
} from './steps.ts';

const HALF_CLOSE: Cases = inBothRoles(
  (role, other) => `${role} closes its half, ${other} sends on`,
  async (lab, role) => {
    const other = otherRole(role);
    const pair = await lab.open(role, { ours: 'manual', far: 'manual' });
    await move(lab, pair, role, MB);
    await pause(300);
    await move(lab, pair, other, 3 * MB);
    await bothClosed(lab, pair);
    return undefined;
  },
);

/** Delay of the line, one way, in cases that need an order of things. */
const DELAY_MS = 100;

const TOGETHER: Cases = {
  'both close at the same time': async (lab) => {
    await lab.line.change({ delay_ms: DELAY_MS });
    const pair = await lab.open('ours', { ours: 'manual', far: 'manual' });
    await pause(3 * DELAY_MS);
    lab.ours.order({ order: 'close', id: pair.ours });
    lab.far.order({ order: 'close', id: pair.far });
    await ourState(lab, pair, 'CLOSING');
    await bothClosed(lab, pair);
    return undefined;
  },
};

/** An abort of the other side, in each state of ours that one may meet. */
type Prepare = (lab: Lab) => Promise<{ ours: string; far: string; port: number }>;
const MANUAL = { ours: 'manual', far: 'manual' } as const;

/** The line is left as the state needs it. */
const STATES: Readonly<Record<string, Prepare>> = {
  ESTABLISHED: (lab) => lab.open('far', MANUAL),
  'CLOSE-WAIT': async (lab) => {
    const pair = await lab.open('far', MANUAL);
    lab.far.order({ order: 'close', id: pair.far });
    return pair;
  },
  'FIN-WAIT-2': async (lab) => {
    const pair = await lab.open('far', MANUAL);
    lab.ours.order({ order: 'close', id: pair.ours });
    return pair;
  },
  'FIN-WAIT-1': async (lab) => {
    const pair = await lab.open('far', MANUAL);
    // Nothing is acknowledged: the FIN waits behind more than the window takes.
    lab.far.order({ order: 'read', id: pair.far, on: false });
    lab.ours.order({ order: 'send', id: pair.ours, bytes: 20 * MB, seed: 1 });
    await lab.ours.heard('sent', { id: pair.ours }, 500).catch(() => undefined);
    lab.ours.order({ order: 'close', id: pair.ours });
    return pair;
  },
  'LAST-ACK': async (lab) => {
    const pair = await lab.open('far', MANUAL);
    lab.far.order({ order: 'close', id: pair.far });
    await ourState(lab, pair, 'CLOSE-WAIT');
    await lab.line.change({ lossRatio: 1, direction: 'near-to-far' });
    lab.ours.order({ order: 'close', id: pair.ours });
    return pair;
  },
};

const RESETS: Cases = Object.assign(
  {},
  ...Object.entries(STATES).map(
    ([state, prepare]): Cases => ({
      [`the kernel resets while ours is in ${state}`]: async (lab: Lab) => {
        const pair = await prepare(lab);
        await ourState(lab, pair, state);
        lab.far.order({ order: 'abort', id: pair.far });
        await closedBy(lab, pair, 'ours', 'reset');
        await ourConnections(lab, 0);
        return undefined;
      },
      ...(state !== 'LAST-ACK' && {
        [`ours resets in ${state}`]: async (lab: Lab) => {
          const pair = await prepare(lab);
          await ourState(lab, pair, state);
          lab.ours.order({ order: 'abort', id: pair.ours });
          await closedBy(lab, pair, 'ours', 'aborted');
          // A program that neither reads nor writes does not look.
          lab.far.order({ order: 'read', id: pair.far, on: true });
          if (state === 'FIN-WAIT-2') lab.far.order({ order: 'send', id: pair.far, bytes: 1, seed: 1 });
          await closedBy(lab, pair, 'far', 'reset');
          return undefined;
        },
      }),
    }),
  ),
);

const OPENING: Cases = {
  ...inBothRoles(
    (role, other) => `${other} has nobody at the port: ${role} is refused`,
    async (lab, role) => {
      const id = `refused-${role}`;
      const to = role === 'ours' ? FAR.ip : OURS.ip;
      endOf(lab, role).order({ order: 'connect', id, address: to, port: lab.freePort(), service: 'sink' });
      equal((await endOf(lab, role).heard('closed', { id })).reason, 'refused');
      return undefined;
    },
  ),
  'the kernel gives up while ours is in SYN-RECEIVED': async (lab) => {
    await lab.line.change({ delay_ms: DELAY_MS });
    const port = lab.freePort();
    lab.ours.order({ order: 'listen', port, service: 'sink' });
    lab.far.order({ order: 'connect', id: 'hasty', address: OURS.ip, port, service: 'sink' });
    await ourConnections(lab, 1);
    lab.far.order({ order: 'drop', id: 'hasty' });
    await ourConnections(lab, 0);
    return undefined;
  },
  'the kernel resets while ours is in CLOSING': async (lab) => {
    await lab.line.change({ delay_ms: DELAY_MS });
    const pair = await lab.open('far', MANUAL);
    await pause(3 * DELAY_MS);
    lab.ours.order({ order: 'close', id: pair.ours });
    lab.far.order({ order: 'close', id: pair.far });
    await pause(DELAY_MS / 2);
    lab.far.order({ order: 'abort', id: pair.far });
    await ourState(lab, pair, 'CLOSING');
    await closedBy(lab, pair, 'ours', 'reset');
    return undefined;
  },
};

const UNREAD: Cases = {
  'the kernel closes with unread data: ours hears a reset': async (lab) => {
    const pair = await lab.open('ours', MANUAL);
    lab.far.order({ order: 'read', id: pair.far, on: false });
    lab.ours.order({ order: 'send', id: pair.ours, bytes: MB, seed: 1 });
    await pause(300);
    lab.far.order({ order: 'drop', id: pair.far });
    await closedBy(lab, pair, 'ours', 'reset');
    return undefined;
  },
};

/** The same addresses and ports once more, while the first connection is in TIME-WAIT at whoever closed first. */
async function again(lab: Lab, opener: Role, closer: Role): Promise<undefined> {
  const [client, server] = [endOf(lab, opener), endOf(lab, otherRole(opener))];
  const [port, sourcePort] = [lab.freePort(), lab.freePort()];
  server.order({ order: 'listen', port, service: 'sink' });
  await server.heard('listening', { port });
  for (const round of [1, 2, 3]) {
    const id = `again-${closer}-${round}`;
    const to = opener === 'ours' ? FAR.ip : OURS.ip;
    client.order({ order: 'connect', id, address: to, port, sourcePort, service: 'sink' });
    await client.heard('connected', { id });
    const accepted = (await server.heard('accepted', { port })).id as string;
    const pair = opener === 'ours' ? { ours: id, far: accepted, port } : { ours: accepted, far: id, port };
    endOf(lab, closer).order({ order: 'send', id: pair[closer], bytes: 10_000, seed: 1, close: true });
    await arrived(lab, pair, closer, 10_000);
    await bothClosed(lab, pair);
    // Its user is done before the last ACK has come, and until then the kernel gives the port to nobody.
    await kernelDone(lab, port);
  }
  return undefined;
}

const TIME_WAIT: Cases = {
  'the kernel opens anew what ours has in TIME-WAIT': (lab) => again(lab, 'far', 'ours'),
  'ours opens anew what the kernel has in TIME-WAIT': (lab) => again(lab, 'ours', 'far'),
};

export const CLOSING: Cases = { ...HALF_CLOSE, ...TOGETHER, ...RESETS, ...OPENING, ...UNREAD, ...TIME_WAIT };
