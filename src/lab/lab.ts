import type { Device } from '../actors/device.ts';
import type { Layer } from '../actors/layer.ts';
import { VirtualScheduler } from '../actors/scheduler.ts';
import type { JournalData, JournalRecord, JournalTap } from '../actors/tap.ts';
import type { World } from '../actors/world.ts';
import type { AeadProvider } from '../engine/crypto/suite.ts';
import { CABLES, type CableName, type DeviceName } from '../topologies/network.ts';
import { gatewayTaps } from '../topologies/parts/gateway.ts';
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

export interface LabOptions {
  readonly journal?: JournalTap;
  /** Default: Node's OpenSSL. */
  readonly aead?: AeadProvider;
  readonly identities?: Readonly<Record<string, LabIdentity>>;
  readonly onSecret?: (bytes: Uint8Array) => void;
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
  readonly #tap: WatchTap;

  constructor(settings: LabSettings, { journal, aead = opensslProvider, identities, onSecret }: LabOptions = {}) {
    this.settings = settings;
    this.#tap = new WatchTap(journal);
    const { scheduler } = this;
    this.world = labWorld({ scheduler, seed: settings.seed, tap: this.#tap, aead, ...(identities && { identities }), ...(onSecret && { onSecret }) });
    this.#recordConfig();
    this.devices = buildTwoLan(this.world, settings);
    this.cables = Object.fromEntries(CABLES.map((plan) => [plan.name, this.#lay(plan)])) as Record<CableName, Cable>;
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

  /** Lets virtual time pass, in microseconds. */
  run(time_us: number): void {
    this.scheduler.runUntil(this.now_us + time_us);
  }

  /** Lets time pass until `isDone`, at most `limit_us`; whether it came to be. */
  until(isDone: () => boolean, limit_us: number): boolean {
    return this.scheduler.runWhile(() => !isDone(), this.now_us + limit_us);
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
    const is20 = name.endsWith('20');
    const options = is20 ? gateway20Options(this.settings) : gateway30Options(this.settings);
    const tap = gatewayTaps(options)[name.slice(0, 1) as 'S' | 'M' | 'V'];
    if (tap === undefined) return () => {};
    return tapInside(name, is20 ? this.devices.gateway20 : this.devices.gateway30, tap, () => this.now_us, watcher);
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

  #lay({ name, a, b }: (typeof CABLES)[number]): Cable {
    const end = ({ device, port }: { device: DeviceName; port: string }) => ({ device: this.devices[device], port });
    return new Cable({ name, scheduler: this.scheduler, seed: this.settings.seed, a: end(a), b: end(b) });
  }
}
