import type { JournalTap } from '../actors/tap.ts';
import type { NetworkPlan } from '../topologies/plan.ts';
import { Lab } from './lab.ts';
import type { LabSettings } from './settings.ts';
import { type Step, StepLog } from './steps.ts';
import type { Watcher } from './taps.ts';
import { type PingResult, ping, type TransferResult, transfer } from './traffic.ts';

/** A session must stand within this, whatever the path does to it. */
const SET_UP_LIMIT_US = 120_000_000;
const TEAR_DOWN_LIMIT_US = 30_000_000;
/** Virtual time that a transfer may take. */
const TRANSFER_LIMIT_US = 3_600_000_000;

export interface RunPlan {
  readonly settings: LabSettings;
  /** Bytes from terminal 21 to server 31; 0: none. */
  readonly bytes: number;
  readonly pings: number;
  readonly journal?: JournalTap;
  /** Sees every frame on every cable. */
  readonly onFrame?: Watcher;
  /** `onFrame` also sees the taps inside devices. */
  readonly inside?: boolean;
}

/** Where a gateway encrypts and decrypts, and how many records (of an in-line cipher: frames). */
export interface CipherPlace {
  readonly gateway: string;
  /** Label of the layer: SSL 2002 or engine 2014. */
  readonly layer: string;
  /** What the layer is: `ssl`, `engine`, `engine-x` … */
  readonly kind: string;
  readonly sealed: number;
  readonly opened: number;
}

/** What happened in a run. Plain data; the same settings give the same. */
export interface LabResult {
  readonly settings: LabSettings;
  /** True: TLS was the model of it, without security. */
  readonly modelTls: true;
  readonly f13: NetworkPlan['f13'];
  readonly carries?: NetworkPlan['carries'];
  /** Who pinged and sent, and whom, by name. */
  readonly way: { readonly from: string; readonly to: string };
  readonly setUp: readonly Step[];
  /** Virtual time at which both gateways' sessions stood; absent when they never did. */
  readonly up_us?: number;
  readonly ping?: PingResult;
  readonly transfer?: TransferResult;
  readonly tearDown: readonly Step[];
  readonly down: boolean;
  readonly ciphers: readonly CipherPlace[];
  /** Frames that ended in a device, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** Fates of frames on the way between the tunnel's ends. */
  readonly path: Readonly<Record<string, number>>;
  readonly pathCables: readonly string[];
  readonly ended_us: number;
}

/** These are told also when they have done nothing: that SSL does not seal where an engine does is worth knowing. */
const ALWAYS_TOLD: ReadonlySet<string> = new Set(['ssl', 'engine']);

/** A network whose sessions stand. @throws Error when they do not come up */
export function openLab(settings: LabSettings): Lab {
  const lab = new Lab(settings);
  lab.start();
  if (!lab.until(() => lab.isUp, SET_UP_LIMIT_US))
    throw new Error(`${settings.topology}, seed ${settings.seed}: the session does not come up`);
  return lab;
}

/** Builds the network, sets the session up, pings, transfers, tears down. */
export function runLab({ settings, bytes, pings, journal, onFrame, inside = false }: RunPlan): LabResult {
  const lab = new Lab(settings, journal && { journal });
  if (onFrame !== undefined) for (const place of lab.places({ inside })) lab.tap(place, onFrame);
  const setUp = new StepLog(lab);
  lab.start();
  const isUp = lab.until(() => lab.isUp, SET_UP_LIMIT_US);
  const up_us = lab.now_us;
  setUp.stop();
  const pinged = isUp && pings > 0 ? ping(lab, { count: pings }) : undefined;
  const moved = isUp && bytes > 0 ? transfer(lab, { bytes, limit_us: TRANSFER_LIMIT_US }) : undefined;
  const tearDown = new StepLog(lab);
  const down = hangUp(lab);
  tearDown.stop();
  return {
    settings,
    modelTls: true,
    f13: lab.plan.f13,
    ...(lab.plan.carries && { carries: lab.plan.carries }),
    way: { from: lab.plan.ends[0].device, to: lab.plan.ends[1].device },
    setUp: setUp.steps,
    ...(isUp && { up_us }),
    ...(pinged && { ping: pinged }),
    ...(moved && { transfer: moved }),
    tearDown: tearDown.steps,
    down,
    ciphers: ciphersOf(lab),
    drops: lab.drops(),
    path: pathCounts(lab),
    pathCables: lab.plan.path.map(({ cable }) => cable),
    ended_us: lab.now_us,
  };
}

/**
 * Ends the sessions of one device in order, by default all there are, each from the side that stands last in the plan; whether nothing of
 * any session is left on any side.
 */
export function hangUp(lab: Lab, gateway?: string): boolean {
  const hungUp = new Set<string>();
  for (const { device, layer, peers } of [...lab.plan.tunnels].reverse()) {
    if (gateway !== undefined && device !== gateway) continue;
    for (const peer of peers) {
      if (hungUp.has(`${peer} ${device}`)) continue;
      hungUp.add(`${device} ${peer}`);
      lab.tell(device, layer, 'disconnect', { peer });
    }
  }
  return lab.until(() => sessionsLeft(lab) === 0, TEAR_DOWN_LIMIT_US);
}

/** Sessions of all gateways that are not over. */
export function sessionsLeft(lab: Lab): number {
  return lab.plan.tunnels.reduce((sum, { device }) => sum + lab.status(device).sessions.length, 0);
}

function pathCounts({ plan, cables }: Lab): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { cable } of plan.path)
    for (const [fate, count] of Object.entries(cables[cable].counts)) sums[fate] = (sums[fate] ?? 0) + count;
  return sums;
}

export function ciphersOf(lab: Lab): CipherPlace[] {
  return Object.keys(lab.devices).flatMap((gateway) =>
    lab.devices[gateway].layers.flatMap((layer) => {
      const { encrypted = 0, decrypted = 0, sealed = encrypted, opened = decrypted } = layer.counters;
      if (!ALWAYS_TOLD.has(layer.kind) && sealed + opened === 0) return [];
      return [{ gateway, layer: layer.label, kind: layer.kind, sealed, opened }];
    }),
  );
}
