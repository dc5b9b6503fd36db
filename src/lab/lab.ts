import type { Device } from '../actors/device.ts';
import type { GatewayStatus } from '../actors/gateway/status.ts';
import type { TunnelsLayer } from '../actors/gateway/tunnels.ts';
import type { Layer } from '../actors/layer.ts';
import { VirtualScheduler } from '../actors/scheduler.ts';
import type { JournalData, JournalRecord, JournalTap } from '../actors/tap.ts';
import { type DataWatcher, PatternCheck } from '../actors/test-application/pattern.ts';
import type { World } from '../actors/world.ts';
import type { AeadProvider } from '../engine/crypto/suite.ts';
import { buildDevices } from '../topologies/build.ts';
import type { CablePlan, NetworkPlan } from '../topologies/plan.ts';
import { Cable, type Impairments } from '../transport/cable.ts';
import { opensslProvider } from '../transport/openssl/aead.ts';
import { type LabSettings, labPlan } from './settings.ts';
import { type Sighting, type TapName, tapCable, tapInside, type Watcher } from './taps.ts';
import { WatchTap } from './watch-tap.ts';
import { type LabIdentity, labWorld } from './world.ts';

/** Name of the builder in the config record of a lab's journal. */
export const LAB_BUILDER = 'network';

/** More inputs than this at one instant of virtual time is a timer that never waits, not work. */
const STEPS_PER_INSTANT = 1_000_000;

export type ReceivedWatcher = (device: string, connection: string, bytes: Uint8Array) => void;

/** What a lab takes from outside: journal, ciphers, certificates. */
export interface LabOptions {
  readonly journal?: JournalTap;
  /** Default: Node's OpenSSL. */
  readonly aead?: AeadProvider;
  readonly identities?: Readonly<Record<string, LabIdentity>>;
  readonly onSecret?: (bytes: Uint8Array) => void;
  /** Cables sum every frame themselves instead of believing its sender's verdict; slower. */
  readonly verifies?: boolean;
}

/**
 * A topology alive on virtual time, from one seed. Nothing waits; `run` lets time pass and everything that is due happens.
 */
export class Lab {
  readonly settings: LabSettings;
  readonly plan: NetworkPlan;
  readonly scheduler = new VirtualScheduler();
  readonly world: World;
  /** By name, in the order in which they are started. */
  readonly devices: Readonly<Record<string, Device>>;
  readonly cables: Readonly<Record<string, Cable>>;
  /** What the applications of the network's ends received, compared with what was sent. */
  readonly received: Readonly<Record<string, PatternCheck>>;
  readonly #tap: WatchTap;
  readonly #dataWatchers = new Set<ReceivedWatcher>();

  constructor(
    settings: LabSettings,
    { journal, aead = opensslProvider, identities, onSecret, verifies = false }: LabOptions = {},
  ) {
    this.settings = settings;
    this.plan = labPlan(settings);
    this.received = Object.fromEntries(this.plan.ends.map(({ device }) => [device, new PatternCheck(settings.seed)]));
    this.#tap = new WatchTap(journal);
    const { scheduler } = this;
    this.world = labWorld({
      scheduler,
      seed: settings.seed,
      tap: this.#tap,
      aead,
      ...(identities && { identities }),
      ...(onSecret && { onSecret }),
    });
    this.#recordConfig();
    const devices = buildDevices(this.world, this.plan, (device) => ({ onData: this.#watcher(device) }));
    this.devices = Object.fromEntries(devices.map((device) => [device.name, device]));
    this.cables = Object.fromEntries(this.plan.cables.map((plan) => [plan.name, this.#lay(plan, verifies)]));
    this.impair(settings.path);
  }

  /** Changes the way between the tunnel's ends; where that is several cables, each gets its part of delay and loss. */
  impair(path: Partial<Impairments>): void {
    for (const { cable, share } of this.plan.path) this.cables[cable].impair(partOf(path, share));
  }

  get now_us(): number {
    return this.scheduler.now_us();
  }

  /** Starts every device in the plan's order. */
  start(): void {
    for (const device of Object.values(this.devices)) device.start();
  }

  /** Whether every session that users' frames need carries frames. */
  get isUp(): boolean {
    return this.plan.tunnels.every(({ device, peers }) => {
      const states = this.status(device).peers;
      return peers.every((name) => states.find((peer) => peer.name === name)?.state === 'UP');
    });
  }

  /** What a gateway's operator would see. */
  status(gateway: string): GatewayStatus {
    return (this.layer(gateway, this.topLabel(gateway)) as TunnelsLayer).status();
  }

  /** Label of a gateway's accelerator control or gateway application. @throws RangeError for a device that has no tunnels */
  topLabel(gateway: string): string {
    const tunnel = this.plan.tunnels.find(({ device }) => device === gateway);
    if (tunnel === undefined) throw new RangeError(`${gateway} has no tunnels`);
    return tunnel.layer;
  }

  /** Lets virtual time pass, in microseconds. */
  run(time_us: number): void {
    const end_us = this.now_us + time_us;
    this.#runTo(end_us, () => false);
    this.scheduler.runUntil(end_us);
  }

  /** Lets time pass until `isDone`, at most `limit_us`; whether it came to be. */
  until(isDone: () => boolean, limit_us: number): boolean {
    return this.#runTo(this.now_us + limit_us, isDone);
  }

  #runTo(end_us: number, isDone: () => boolean): boolean {
    let instant_us = this.now_us;
    let steps = 0;
    while (!isDone()) {
      if (!this.scheduler.step(end_us)) return isDone();
      if (this.now_us !== instant_us) [instant_us, steps] = [this.now_us, 0];
      else if (++steps > STEPS_PER_INSTANT)
        throw new Error(`virtual time stands still at ${instant_us} us, seed ${this.settings.seed}`);
    }
    return true;
  }

  layer(device: string, label: string): Layer {
    return this.devices[device].layer(label);
  }

  /** An operator's event for a layer. */
  tell(device: string, layer: string, name: string, data: JournalData = null): void {
    this.devices[device].input({ kind: 'event', layer, name, data });
  }

  /** Names of all that can be watched: cables, and where asked for the taps inside devices. */
  places({ inside }: { readonly inside: boolean }): TapName[] {
    const within = this.plan.devices.flatMap(({ taps = {} }) => Object.keys(taps));
    return [...Object.keys(this.cables), ...(inside ? within : [])];
  }

  /** Watches a place; gives the function that ends it. A place that this network does not have sees nothing. */
  tap(place: TapName, watcher: Watcher): () => void {
    if (place in this.cables) return tapCable(place, this.cables[place], watcher);
    for (const { name, taps } of this.plan.devices) {
      const tap = taps?.[place];
      if (tap !== undefined) return tapInside(place, this.devices[name], tap, () => this.now_us, watcher);
    }
    return () => {};
  }

  /** Collects all that passes some places from now on; `filter` says what to keep. */
  capture(places: readonly TapName[], filter: (seen: Sighting) => boolean = () => true): Sighting[] {
    const seen: Sighting[] = [];
    for (const place of places) this.tap(place, (each) => filter(each) && seen.push(each));
    return seen;
  }

  /** Hears every journal record of level `control` and, with a journal, of the journal's level. */
  watch(watcher: (record: JournalRecord) => void): () => void {
    return this.#tap.watch(watcher);
  }

  /** Sees what the applications receive. */
  onData(watcher: ReceivedWatcher): () => void {
    this.#dataWatchers.add(watcher);
    return () => this.#dataWatchers.delete(watcher);
  }

  /** Frames that ended in a device or in all of them, by reason. */
  drops(...names: string[]): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const name of names.length > 0 ? names : Object.keys(this.devices)) {
      for (const layer of this.devices[name].layers) {
        for (const [reason, count] of layer.drops) sums[reason] = (sums[reason] ?? 0) + count;
      }
    }
    return sums;
  }

  #recordConfig(): void {
    const data = {
      builder: LAB_BUILDER,
      tls: 'model',
      settings: this.settings,
      plan: this.plan,
    } as unknown as JournalData;
    this.world.record({ kind: 'config', time_us: 0, device: '', actor: 'lab', name: 'config', data, cause: 0 });
  }

  #watcher(device: string): DataWatcher {
    return (connection, offset, bytes) => {
      this.received[device]?.watch(connection, offset, bytes);
      for (const watcher of this.#dataWatchers) watcher(device, connection, bytes);
    };
  }

  #lay({ name, a, b }: CablePlan, verifies: boolean): Cable {
    const end = ({ device, port }: { device: string; port: string }) => ({ device: this.devices[device], port });
    return new Cable({ name, scheduler: this.scheduler, seed: this.settings.seed, a: end(a), b: end(b), verifies });
  }
}

/** Delay adds up over the cables, and so does what gets through; everything else holds for each cable. */
function partOf(path: Partial<Impairments>, share: number): Partial<Impairments> {
  if (share === 1) return path;
  const { delay_us, loss } = path;
  return {
    ...path,
    ...(delay_us !== undefined && { delay_us: delay_us * share }),
    ...(loss !== undefined && { loss: 1 - (1 - loss) ** share }),
  };
}
