import type { Server } from 'node:net';
import type { JournalLevel } from '../../actors/tap.ts';
import type { Journal } from '../../journal/store.ts';
import { interfaceInfo, type RealPort } from '../os/index.ts';
import { loadConfig } from './config-file.ts';
import { controlPath } from './control-path.ts';
import type { GatewayEvent } from './control-protocol.ts';
import { ControlServer } from './control-server.ts';
import { GatewayRuntime } from './gateway-runtime.ts';
import { lockInstance } from './instance-lock.ts';
import { openRunJournal } from './journal-file.ts';
import { openInterface, openKernelTap } from './open-interface.ts';
import { kernelMac, ownMac } from './own-mac.ts';
import { inspectPlaces } from './places.ts';
import { becomeUser } from './privileges.ts';
import { RealClock } from './real-clock.ts';
import { opensslTls, realVault } from './real-world.ts';
import { secureRandom } from './secure-random.ts';

/** What `glassgate up` is told beside the configuration file. */
export interface UpOptions {
  readonly configFile: string;
  readonly journalFile?: string;
  readonly journalLevel?: JournalLevel;
  readonly onEvent: (event: GatewayEvent) => void;
  /** Hears every secret of the run. Only for the test that searches outputs for them; no command gives it. */
  readonly onSecret?: (bytes: Uint8Array) => void;
}

/** A gateway that runs in this process. */
export interface RunningGateway {
  readonly runtime: GatewayRuntime;
  readonly controlPath: string;
  readonly journal: Journal | undefined;
  /** Resolves when the interface has gone away; the gateway should be stopped then. */
  readonly lost: Promise<string>;
  /** Ends sessions in order, then gives everything back. */
  stop(): Promise<void>;
}

/** Starts the gateway of a configuration on its real interface. Throws SetupError, and leaves nothing behind then. */
export async function startGateway(options: UpOptions): Promise<RunningGateway> {
  const undo: (() => unknown)[] = [];
  try {
    return await assemble(options, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function assemble(
  { configFile, journalFile, journalLevel, onEvent, onSecret }: UpOptions,
  undo: (() => unknown)[],
): Promise<RunningGateway> {
  const now = new Date();
  const { config, folder, credentials, warnings } = loadConfig(configFile, now);
  const say = (kind: GatewayEvent['kind'], text: string): void =>
    onEvent({ time: new Date().toISOString(), kind, text });
  const lock: Server = await lockInstance(config, configFile);
  undo.push(() => lock.close());
  const port = openInterface(config, configFile);
  undo.push(() => port.close());
  const mac = ownMac(config, port.mac);
  const kernel = 'tap' in config ? openKernelTap(config, kernelMac(config, mac), configFile) : undefined;
  undo.push(() => kernel?.close());
  const clock = new RealClock();
  becomeUser(config, configFile);
  // As the user that makes them, and before any of them is made.
  inspectPlaces(config, folder, { file: journalFile, level: journalLevel });
  const vault = realVault(onSecret);
  const tls = credentials && opensslTls(credentials, vault);
  let runtime: GatewayRuntime | undefined;
  const journal = openRunJournal({
    config,
    folder,
    file: journalFile,
    level: journalLevel,
    tls: tls?.name ?? 'none',
    clock,
    now,
    snapshot: () => runtime?.snapshot() ?? [],
    say: (text) => say('warning', text),
  });
  undo.push(() => journal?.close());
  runtime = new GatewayRuntime({
    config,
    mac,
    port,
    kernel,
    clock,
    random: secureRandom,
    vault,
    tls,
    journal,
    wallClock: () => new Date(),
  });
  const control = await ControlServer.listen(controlPath(config.control.socket, folder, config.name), runtime);
  undo.push(() => control.close());
  runtime.subscribe(onEvent);
  for (const warning of warnings) say('warning', warning);
  const ports = kernel === undefined ? [port] : [port, kernel];
  const lost = Promise.race(ports.map((each) => interfaceLost(each, (text) => say('warning', text))));
  runtime.start();
  return { runtime, controlPath: control.path, journal, lost, stop: () => stop(runtime, control, ports, lock) };
}

async function stop(
  runtime: GatewayRuntime,
  control: ControlServer,
  ports: readonly RealPort[],
  lock: Server,
): Promise<void> {
  await runtime.stop();
  await control.close();
  await Promise.all(ports.map((port) => port.close()));
  lock.close();
}

/** Errors that the port survives are counted there; what ends it is told here. */
function interfaceLost(port: RealPort, say: (text: string) => void): Promise<string> {
  return new Promise((resolve) => {
    port.onEvent(({ operation, code, fatal }) => {
      if (operation !== 'receive' || code === 'MALFORMED') return;
      const isGone = fatal || !isThere(port.name);
      const text = isGone
        ? `interface ${port.name} is gone (${code})`
        : `interface ${port.name} cannot receive (${code})`;
      say(text);
      if (isGone) resolve(text);
    });
  });
}

function isThere(name: string): boolean {
  try {
    interfaceInfo(name);
    return true;
  } catch {
    return false;
  }
}
