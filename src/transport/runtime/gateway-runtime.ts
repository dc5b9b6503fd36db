import { config as rxjs } from 'rxjs';
import type { Device } from '../../actors/device.ts';
import type { TunnelsLayer } from '../../actors/gateway/tunnels.ts';
import type { RandomSource } from '../../actors/random.ts';
import type { Scheduler } from '../../actors/scheduler.ts';
import type { TlsProvider } from '../../actors/ssl/tls-provider.ts';
import type { JournalData } from '../../actors/tap.ts';
import { boundariesOf, devicePlan } from '../../config/device-plan.ts';
import { GATEWAY_BUILDER } from '../../config/gateway-builder.ts';
import { type Config, hasTunnels } from '../../config/schema.ts';
import type { Vault } from '../../engine/crypto/vault.ts';
import type { Journal } from '../../journal/store.ts';
import { buildDevice } from '../../topologies/build.ts';
import type { DevicePlan } from '../../topologies/plan.ts';
import { VERSION } from '../../version.ts';
import { formatMac, type Mac } from '../../wire/address.ts';
import type { PortCounters } from '../os/types.ts';
import { PageHub } from '../page/hub.ts';
import { localSource, type PageSource, PageTap, teeTap } from '../page/source.ts';
import type { GatewayEvent, GatewayStatus, InterfaceStatus, PeerCommand } from './control-protocol.ts';
import type { Controlled } from './control-server.ts';
import { EventTeller, RENEWAL_REFUSED } from './event-teller.ts';
import { FrameEdge, type FramePort } from './frame-edge.ts';
import { connectionsOf, dialRefusal, dropsOf, frameCounts, peersOf, seconds, tunnelsOf } from './gateway-status.ts';
import { realWorld } from './real-world.ts';
import { WatchingTap } from './watching-tap.ts';

/** Sessions have so long to end in order; with what follows a stop stays within 3 s. */
export const STOP_LIMIT_MS = 2_500;
/** The last bytes of sessions that are through have so long to leave. */
const LINGER_LIMIT_MS = 300;
const STOP_POLL_MS = 20;
/** Committed records are at most so old when the process is killed. */
const JOURNAL_FLUSH_MS = 250;
/** Of one and the same defect, so many are told; all are counted. */
const DEFECTS_TOLD = 10;
const MS_US = 1_000;

/** An interface, as a runtime needs it. */
export interface RuntimePort extends FramePort {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly counters: Readonly<PortCounters>;
}

/** What a gateway runs on; everything from outside. */
export interface RuntimeParts {
  readonly config: Config;
  readonly mac: Mac;
  /** On the wire. */
  readonly port: RuntimePort;
  /** In a host: the TAP that its kernel has as its interface. */
  readonly kernel?: RuntimePort;
  readonly clock: Scheduler;
  readonly random: RandomSource;
  readonly vault: Vault;
  /** Left out where no tunnel ends. */
  readonly tls?: TlsProvider;
  /** Opened by the caller with {@link GatewayRuntime.snapshot}, closed by {@link GatewayRuntime.stop}. */
  readonly journal?: Journal;
  readonly wallClock: () => Date;
}

/** One gateway that runs: its device, plugged into an interface and a journal, watched and commanded by an operator. */
export class GatewayRuntime implements Controlled {
  readonly device: Device;
  /** For a live page in this process, and for one that looks on over the control socket. */
  readonly pageSource: PageSource;
  readonly page: PageHub;
  readonly #parts: RuntimeParts;
  readonly #tap: WatchingTap;
  readonly #edge: FrameEdge;
  readonly #listeners = new Set<(event: GatewayEvent) => void>();
  readonly #started: Date;
  readonly #started_us: number;
  #internalErrors = 0;
  /** Why the renewal asked for last was refused: layers say so before the input that asks is done. */
  #renewalRefused: string | undefined;
  #isRunning = false;
  #stopped: Promise<void> | undefined;

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    this.#started = parts.wallClock();
    this.#started_us = parts.clock.now_us();
    const teller = new EventTeller(
      {
        kindOf: (label) => this.device?.layers.find((layer) => layer.label === label)?.kind,
        peer: (name) =>
          tunnelsOf(this.device)
            ?.status()
            .peers.find((peer) => peer.name === name),
        now: parts.wallClock,
      },
      (event) => this.#tell(event),
    );
    this.#tap = new WatchingTap(parts.journal, (record) => {
      if (record.name === RENEWAL_REFUSED) this.#renewalRefused = (record.data as { readonly detail: string }).detail;
      teller.take(record);
    });
    // RxJS throws a subscriber's error later, out of reach of every guard.
    rxjs.onUnhandledError = (error) => this.#defect(error);
    const pageTap = new PageTap(this.#tap.level);
    const world = realWorld({ ...parts, tap: teeTap(this.#tap, pageTap), guard: this.#guard });
    const data = {
      builder: GATEWAY_BUILDER,
      version: VERSION,
      mac: formatMac(parts.mac),
      config: parts.config as unknown as JournalData,
    };
    world.record({
      kind: 'config',
      time_us: this.#started_us,
      device: '',
      actor: 'gateway',
      name: 'config',
      data,
      cause: 0,
    });
    const plan = devicePlan(parts.config, parts.mac);
    this.device = buildDevice(world, plan);
    this.pageSource = localSource(parts.config.name, {
      devices: () => [this.device],
      now_us: () => parts.clock.now_us(),
      subscribe: pageTap.subscribe,
    });
    this.page = new PageHub([this.pageSource]);
    this.page.open();
    this.#edge = new FrameEdge(this.device, portsOf(plan, parts), this.#guard);
  }

  start(): void {
    this.#isRunning = true;
    this.#guard(() => this.device.start());
    this.#flushJournal();
  }

  /** Ends sessions in order, at most {@link STOP_LIMIT_MS}, and closes the journal. May be called more than once. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const top = tunnelsOf(this.device);
    if (top !== undefined) await this.#drain(top);
    this.#guard(() => this.device.stop());
    this.#edge.flush();
    // What the last inputs made TLS and timers say still goes out.
    await this.#wait(STOP_POLL_MS);
    this.#edge.flush();
    this.#isRunning = false;
    this.page.close();
    this.device.destroy();
    this.#parts.journal?.close();
  }

  async #drain(top: TunnelsLayer): Promise<void> {
    this.#guard(() => this.device.input({ kind: 'event', layer: top.label, name: 'drain', data: null }));
    await this.#until(() => top.status().sessions.every(({ state }) => state === 'LINGERING'), STOP_LIMIT_MS);
    await this.#until(() => top.status().sessions.length === 0, LINGER_LIMIT_MS);
  }

  /** State for a journal's next file or snapshot; only between inputs. */
  snapshot(): Iterable<readonly [device: string, state: JournalData]> {
    return [[this.device.name, this.device.save() as unknown as JournalData]];
  }

  command(command: PeerCommand, peer: string): void {
    const { config } = this.#parts;
    const label = tunnelsOf(this.device)?.label;
    if (!hasTunnels(config) || label === undefined) throw new Error('no tunnel ends here');
    const found = config.peers.find(({ name }) => name === peer);
    if (found === undefined) {
      const known = config.peers.map(({ name }) => name);
      throw new Error(`no peer '${peer}' in the configuration; known are ${known.join(', ')}`);
    }
    const refusal = command === 'connect' ? dialRefusal(this.device, found) : undefined;
    if (refusal !== undefined) throw new Error(`not connected: ${refusal}`);
    this.#renewalRefused = undefined;
    this.#guard(() => this.device.input({ kind: 'event', layer: label, name: command, data: { peer } }));
    if (command === 'renew' && this.#renewalRefused !== undefined)
      throw new Error(`not renewed: ${this.#renewalRefused}`);
  }

  subscribe(listener: (event: GatewayEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): GatewayStatus {
    const { config, clock, tls, journal, kernel } = this.#parts;
    const now_us = clock.now_us();
    return {
      name: config.name,
      version: VERSION,
      role: config.role,
      embodiment: config.embodiment,
      pid: process.pid,
      started: this.#started.toISOString(),
      uptime_s: seconds(now_us - this.#started_us),
      tls: tls?.name ?? 'none',
      interface: this.#interface(config.interface.kind, config.mtu, this.#parts.port),
      tap: 'tap' in config && kernel !== undefined ? this.#interface('tap', config.tap.mtu, kernel) : null,
      address: hasTunnels(config) ? config.address : null,
      listen: (hasTunnels(config) && config.listen) || null,
      peers: hasTunnels(config) ? peersOf(this.device, config, now_us, this.#started_us) : [],
      connections: connectionsOf(this.device),
      ...frameCounts(this.device),
      drops: dropsOf(this.device),
      journal:
        journal === undefined
          ? null
          : { file: journal.path, level: journal.level, records: this.#tap.kept, lost: journal.lost },
      internalErrors: this.#internalErrors,
    };
  }

  #interface(kind: string, mtu: number, port: RuntimePort): InterfaceStatus {
    const { receivedFrames, receivedBytes, sentFrames, sentBytes, kernelDropped, sendDropped } = port.counters;
    return {
      name: port.name,
      kind,
      mac: port === this.#parts.port ? formatMac(this.#parts.mac) : port.mac,
      mtu,
      framesReceived: receivedFrames,
      framesSent: sentFrames,
      bytesReceived: receivedBytes,
      bytesSent: sentBytes,
      framesLost: kernelDropped + sendDropped,
    };
  }

  #flushJournal(): void {
    if (!this.#isRunning) return;
    this.#parts.journal?.flush();
    this.#parts.clock.at(this.#parts.clock.now_us() + JOURNAL_FLUSH_MS * MS_US, () => this.#flushJournal());
  }

  async #until(isDone: () => boolean, limit_ms: number): Promise<void> {
    const deadline_us = this.#parts.clock.now_us() + limit_ms * MS_US;
    while (!isDone() && this.#parts.clock.now_us() < deadline_us) await this.#wait(STOP_POLL_MS);
  }

  #wait(delay_ms: number): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => clock.at(clock.now_us() + delay_ms * MS_US, resolve));
  }

  /** A defect in a layer must not end the process: it is counted and told, and the next input is worked on. */
  readonly #guard = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      this.#defect(error);
    }
  };

  #defect(error: unknown): void {
    this.#internalErrors += 1;
    if (this.#internalErrors > DEFECTS_TOLD) return;
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#tell({
      time: this.#parts.wallClock().toISOString(),
      kind: 'warning',
      text: `internal error, please report it: ${stack}`,
    });
  }

  #tell(event: GatewayEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** The interface behind each boundary port of the device. Throws where one is missing. */
function portsOf(plan: DevicePlan, { port, kernel }: RuntimeParts): Record<string, RuntimePort> {
  const { wire, kernel: upper } = boundariesOf(plan);
  if (upper === undefined) return { [wire]: port };
  if (kernel === undefined) throw new Error(`device ${plan.name}: no interface for the host's kernel`);
  return { [wire]: port, [upper]: kernel };
}
