import { deepEqual, equal } from 'node:assert/strict';
import type { Cases } from './cases.ts';
import type { End, Lab, Pair, Role } from './lab.ts';

export const MB = 1_000_000;
const TRANSFER_MS = 120_000;
const BITS = 8;
const TRIES = 200;
const TRY_MS = 10;
const S_MS = 1_000;

export const ROLES: readonly Role[] = ['ours', 'far'];
/** As test names word it. */
export const NAMES: Readonly<Record<Role, string>> = { ours: 'ours', far: 'the kernel' };

export function otherRole(role: Role): Role {
  return role === 'ours' ? 'far' : 'ours';
}

export function endOf(lab: Lab, role: Role): End {
  return role === 'ours' ? lab.ours : lab.far;
}

/** A case for each role. */
export function inBothRoles(
  name: (role: string, other: string) => string,
  body: (lab: Lab, role: Role) => Promise<Record<string, unknown> | undefined>,
): Cases {
  return Object.fromEntries(
    ROLES.map((role) => [name(NAMES[role], NAMES[otherRole(role)]), (lab: Lab) => body(lab, role)]),
  );
}

export interface Moved {
  readonly mbit_per_s: number;
  readonly time_ms: number;
}

/** Moves bytes from an end to the other, and closes that direction; fails when what came is not what was sent. */
export async function move(lab: Lab, pair: Pair, from: Role, bytes: number, wait_ms = TRANSFER_MS): Promise<Moved> {
  endOf(lab, from).order({ order: 'send', id: pair[from], bytes, seed: 7, close: true });
  return arrived(lab, pair, from, bytes, wait_ms);
}

/** Waits for a sending to come to its end. */
export async function arrived(lab: Lab, pair: Pair, from: Role, bytes: number, wait_ms = TRANSFER_MS): Promise<Moved> {
  const to = otherRole(from);
  const received = await endOf(lab, to).heard('received', { id: pair[to] }, wait_ms);
  const sent = await endOf(lab, from).heard('sent', { id: pair[from] });
  deepEqual([received.bytes, received.sha256], [bytes, sent.sha256]);
  const time_ms = Math.round(received.time_ms);
  return { time_ms, mbit_per_s: Math.round((bytes * BITS) / received.time_ms / 10) / 100 };
}

/** Both ends end in order. */
export async function bothClosed(lab: Lab, pair: Pair): Promise<void> {
  await closedBy(lab, pair, 'ours', 'normal');
  await closedBy(lab, pair, 'far', 'normal');
}

/** The end hears that its connection is over, for this reason; the time that it took. */
export async function closedBy(lab: Lab, pair: Pair, role: Role, reason: string, wait_ms?: number): Promise<number> {
  const start_ms = performance.now();
  const told = await endOf(lab, role).heard('closed', { id: pair[role] }, wait_ms);
  equal(told.reason, reason, `${role}: closed`);
  return (performance.now() - start_ms) / S_MS;
}

export interface OurConnection {
  readonly state: string;
  readonly path: { cwnd: number; mss: number; srtt_us: number; rto_us: number; window: number };
  readonly stats: Readonly<Record<string, number>>;
}

/** What our TCP knows of its side. */
export async function ourConnection(lab: Lab, pair: Pair): Promise<OurConnection | undefined> {
  const { connections } = await lab.ours.stats();
  return (connections as (OurConnection & { id: string })[]).find(({ id }) => id === pair.ours);
}

/** Waits until our TCP has so many connections, TIME-WAIT included. */
export async function ourConnections(lab: Lab, count: number): Promise<void> {
  let last: unknown;
  for (let tries = 0; tries < TRIES; tries += 1) {
    last = (await lab.ours.stats()).machines;
    if (last === count) return;
    await pause(TRY_MS);
  }
  throw new Error(`our TCP has ${last} connections, not ${count}`);
}

/** Waits until our side is in the state. */
export async function ourState(lab: Lab, pair: Pair, state: string): Promise<void> {
  let last: string | undefined;
  for (let tries = 0; tries < TRIES; tries += 1) {
    last = (await ourConnection(lab, pair))?.state;
    if (last === state) return;
    await pause(TRY_MS);
  }
  throw new Error(`our connection is in ${last}, not in ${state}`);
}

/** Waits until the kernel has nothing left of the connections on a port but TIME-WAIT. */
export async function kernelDone(lab: Lab, port: number): Promise<void> {
  let last = '';
  for (let tries = 0; tries < TRIES; tries += 1) {
    last = await lab.socket(port);
    if (last.trim() === '') return;
    await pause(TRY_MS);
  }
  throw new Error(`the kernel still has ${last}`);
}

export function pause(time_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time_ms));
}
