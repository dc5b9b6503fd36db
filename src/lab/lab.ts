import type { Device } from '../actors/device.ts';
import type { GatewayStatus } from '../actors/gateway/status.ts';
import type { TunnelsLayer } from '../actors/gateway/tunnels.ts';
import type { Layer } from '../actors/layer.ts';
import { VirtualScheduler } from '../actors/scheduler.ts';
import type { JournalData, JournalRecord, JournalTap } from '../actors/tap.ts';
import { type DataWatcher, PatternCheck } from '../actors/test-application/pattern.ts';
import type { World } from '../actors/world.ts';
import type { AeadProvider } from '../engine/crypto/suite.ts';
import { CABLES, type CableName, type CablePlan, type DeviceName } from '../topologies/network.ts';
import { gatewayTaps, topLabel } from '../topologies/parts/gateway.ts';
import type { GatewayOptions } from '../topologies/parts/gateway-options.ts';
import { buildTwoLan } from '../topologies/two-lan.ts';
import { gateway20Options, gateway30Options } from '../topologies/two-lan-settings.ts';
import { Cable } from '../transport/cable.ts';
import { opensslProvider } from '../transport/openssl/aead.ts';
import type { LabSettings } from './settings.ts';
import { type InnerTapName, type Sighting, type TapName, tapCable, tapInside, type Watcher } from './taps.ts';
import { WatchTap } from './watch-tap.ts';
import { type LabIdentity, labWorld } from './world.ts';

/** Name of the builder in the config record of a lab's journal. */
export const LAB_BUILDER = 'two-lan';

/** More inputs than this at one instant of virtual time is a timer that never waits, not work. */
const STEPS_PER_INSTANT = 1_000_000;

export type HostName = 'terminal21' | 'server31';
export type GatewayName = 'gateway20' | 'gateway30';

export type ReceivedWatcher = (device: HostName, connection: string, bytes: Uint8Array) => void;

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
 * The two-LAN network alive on virtual time: seven devices, six cables, one seed. Nothing waits; `run` lets time pass and everything
 * that is due happens.
 */
export class Lab {
  readonly settings: LabSettings;
  readonly scheduler = new VirtualScheduler();
  readonly world: World;
  readonly devices: Readonly<Record<DeviceName, Device>>;
  readonly cables: Readonly<Record<CableName, Cable>>;
  /** What the applications received, compared with what was sent. */
  readonly received: Readonly<Record<HostName, PatternCheck>>;
  readonly #tap: WatchTap;
  readonly #dataWatchers = new Set<ReceivedWatcher>();

  constructor(
    settings: LabSettings,
    { journal, aead = opensslProvider, identities, onSecret, verifies = false }: LabOptions = {},
  ) {
    this.settings = settings;
    this.received = { terminal21: new PatternCheck(settings.seed), server31: new PatternCheck(settings.seed) };
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
    this.devices = buildTwoLan(this.world, settings, {
      terminal21: this.#watcher('terminal21'),
      server31: this.#watcher('server31'),
    });
    this.cables = Object.fromEntries(CABLES.map((plan) => [plan.name, this.#lay(plan, verifies)])) as Record<
      CableName,
      Cable
    >;
    this.cables.W3.impair(settings.path);
  }

  get now_us(): number {
    return this.scheduler.now_us();
  }

  /** Starts every device: hubs and firewall first, then hosts, then the gateway that listens, last the one that connects. */
  start(): void {
    const order: DeviceName[] = ['hub22', 'hub32', 'firewall33', 'terminal21', 'server31', 'gateway20', 'gateway30'];
    for (const name of order) this.devices[name].start();
  }

  /** Whether both gateways' sessions carry frames. */
  get isUp(): boolean {
    return this.status('gateway20').peers[0].state === 'UP' && this.status('gateway30').peers[0].state === 'UP';
  }

  /** What a gateway's operator would see. */
  status(gateway: GatewayName): GatewayStatus {
    return (this.layer(gateway, this.topLabel(gateway)) as TunnelsLayer).status();
  }

  /** Label of a gateway's accelerator control or gateway application. */
  topLabel(gateway: GatewayName): string {
    return topLabel(this.options(gateway));
  }

  options(gateway: GatewayName): GatewayOptions {
    return gateway === 'gateway20' ? gateway20Options(this.settings) : gateway30Options(this.settings);
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

  layer(device: DeviceName, label: string): Layer {
    return this.devices[device].layer(label);
  }

  /** An operator's event for a layer. */
  tell(device: DeviceName, layer: string, name: string, data: JournalData = null): void {
    this.devices[device].input({ kind: 'event', layer, name, data });
  }

  /** Watches a place; gives the function that ends it. */
  tap(place: TapName, watcher: Watcher): () => void {
    if (place in this.cables) return tapCable(place as CableName, this.cables[place as CableName], watcher);
    const name = place as InnerTapName;
    const gateway = name.endsWith('20') ? 'gateway20' : 'gateway30';
    const tap = gatewayTaps(this.options(gateway))[name.slice(0, 1) as 'S' | 'M' | 'V'];
    return tap === undefined ? () => {} : tapInside(name, this.devices[gateway], tap, () => this.now_us, watcher);
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
  drops(...names: DeviceName[]): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const name of names.length > 0 ? names : (Object.keys(this.devices) as DeviceName[])) {
      for (const layer of this.devices[name].layers) {
        for (const [reason, count] of layer.drops) sums[reason] = (sums[reason] ?? 0) + count;
      }
    }
    return sums;
  }

  #recordConfig(): void {
    const data = { builder: LAB_BUILDER, tls: 'model', settings: this.settings } as unknown as JournalData;
    this.world.record({ kind: 'config', time_us: 0, device: '', actor: 'lab', name: 'config', data, cause: 0 });
  }

  #watcher(device: HostName): DataWatcher {
    return (connection, offset, bytes) => {
      this.received[device].watch(connection, offset, bytes);
      for (const watcher of this.#dataWatchers) watcher(device, connection, bytes);
    };
  }

  #lay({ name, a, b }: CablePlan, verifies: boolean): Cable {
    const end = ({ device, port }: { device: DeviceName; port: string }) => ({ device: this.devices[device], port });
    return new Cable({ name, scheduler: this.scheduler, seed: this.settings.seed, a: end(a), b: end(b), verifies });
  }
}
