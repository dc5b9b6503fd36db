import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { DevicePlan, NetworkPlan } from '../../src/topologies/plan.ts';
import {
  filesOf,
  type RunningGateway,
  ready,
  startUp,
  tlsFiles,
  writeKeys,
} from '../../src/transport/demo/gateways.ts';
import { boundariesOf, isPlainHost, type PlanNetwork, seclude } from '../../src/transport/netlab/index.ts';
import { configOf } from './plan-config.ts';
import { glassgate } from './up-process.ts';

const UP_LIMIT_MS = 30_000;
const POLL_MS = 30;

export interface PlanRunOptions {
  /** Files go here. */
  readonly folder: string;
  /** Of every journal; default `control`. */
  readonly level?: string;
}

/** One `glassgate up` for each device of a plan that no kernel can be, inside a sandbox that has the plan's network. */
export class PlanRun {
  readonly devices: ReadonlyMap<string, RunningGateway>;
  readonly #plan: NetworkPlan;

  private constructor(plan: NetworkPlan, devices: ReadonlyMap<string, RunningGateway>) {
    this.#plan = plan;
    this.devices = devices;
  }

  /** Starts them in the plan's order and waits until every tunnel carries frames. */
  static async open(network: PlanNetwork, options: PlanRunOptions): Promise<PlanRun> {
    const { plan } = network;
    const own = plan.devices.filter(isOurs);
    await writeKeys(
      options.folder,
      own.map(({ name }) => name),
    );
    const devices = new Map<string, RunningGateway>();
    for (const device of own) {
      if (device.kind === 'host') await secludeWire(device, network);
      const running = start(device, network, options);
      devices.set(device.name, running);
      await ready(running);
    }
    const run = new PlanRun(plan, devices);
    await run.reaches('up');
    return run;
  }

  /** Waits until all tunnels show one of these states at every end. */
  async reaches(...states: string[]): Promise<void> {
    let seen: string[] = [];
    for (const until = performance.now() + UP_LIMIT_MS; performance.now() < until; await sleep(POLL_MS)) {
      seen = await this.states();
      if (seen.every((state) => states.includes(state))) return;
    }
    const logs = [...this.devices.values()].map((device) => device.logTail());
    throw new Error(`tunnels are ${seen.join(', ')}, not ${states.join(' or ')}:\n${logs.join('\n')}`);
  }

  /** Of every tunnel, at each of its ends. */
  async states(): Promise<string[]> {
    const told = this.#plan.tunnels.map(async ({ device, peers }) => {
      const status = await this.#of(device).status();
      return peers.map((peer) => status.peers.find(({ name }) => name === peer)?.state ?? 'unknown');
    });
    return (await Promise.all(told)).flat();
  }

  /** Drops of all devices, `gateway20 2005 not-our-address: 3`. */
  async drops(): Promise<string[]> {
    const told = [...this.devices].map(async ([name, device]) =>
      (await device.status()).drops.map(({ layer, reason, count }) => `${name} ${layer} ${reason}: ${count}`),
    );
    return (await Promise.all(told)).flat();
  }

  async internalErrors(): Promise<number> {
    const statuses = await Promise.all([...this.devices.values()].map((device) => device.status()));
    return statuses.reduce((total, { internalErrors }) => total + internalErrors, 0);
  }

  /** Ends all in order, those who connect first; their exit codes. */
  stop(): Promise<number[]> {
    return Promise.all([...this.devices.values()].reverse().map((device) => device.stop()));
  }

  #of(name: string): RunningGateway {
    return this.devices.get(name) as RunningGateway;
  }
}

/** What the wire brings is for the driver: the kernel gets it at the TAP. */
async function secludeWire(device: DevicePlan, network: PlanNetwork): Promise<void> {
  const [port] = boundariesOf(device) as [string];
  const { host, interface: wire } = network.place(device.name, port);
  await seclude(host, wire);
}

/** True for a device that `glassgate up` is. */
function isOurs(device: DevicePlan): boolean {
  return device.kind === 'gateway' || device.kind === 'relay' || (device.kind === 'host' && !isPlainHost(device));
}

function start(
  device: DevicePlan,
  network: PlanNetwork,
  { folder, level = 'control' }: PlanRunOptions,
): RunningGateway {
  const files = filesOf(folder, device.name);
  const [port] = boundariesOf(device) as [string];
  const place = network.place(device.name, port);
  const { journal, socket } = files;
  const config = configOf(device, { interface: place.interface, tls: tlsFiles(folder, device.name), journal, socket });
  writeFileSync(files.config, stringify(config));
  return startUp(place.host, files, glassgate(), ['--level', level]);
}
