import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { type HostName, type HostProcess, spawn, TWO_LAN } from '../netlab/index.ts';
import { ask } from '../runtime/control-client.ts';
import type { GatewayStatus } from '../runtime/control-protocol.ts';
import { KeyDirectory } from '../tls/key-directory.ts';
import { type DemoOptions, type Embodiment, kindOf } from './options.ts';

/** TCP 2003 listens here, on gateway 20. */
export const LISTEN_PORT = 443;
const CERTIFICATE_DAYS = 30;
const LOG_LINES_TOLD = 12;
const STOP_GRACE_MS = 6_000;
/** A gateway answers its control socket by then. */
const READY_LIMIT_MS = 20_000;
const READY_POLL_MS = 50;

type Numeral = 20 | 30;
/** How two gateways of the demo's network are to be; `tcp-over-tcp` is there to compare with. */
export interface GatewaySettings extends Pick<DemoOptions, 'f13' | 'handshake'> {
  readonly embodiment: Embodiment | 'tcp-over-tcp';
}

/** Files of one gateway in the demo's folder. */
export interface GatewayFiles {
  readonly config: string;
  readonly journal: string;
  readonly socket: string;
  readonly log: string;
}

export function gatewayFiles(folder: string, numeral: Numeral): GatewayFiles {
  return filesOf(folder, `gateway${numeral}`);
}

export function filesOf(folder: string, name: string): GatewayFiles {
  const file = (end: string): string => join(folder, `${name}.${end}`);
  return { config: file('yaml'), journal: file('journal'), socket: file('sock'), log: file('log') };
}

/** Makes a CA and both gateways' certificates, and writes both configurations. */
export async function prepareGateways(folder: string, options: GatewaySettings): Promise<void> {
  await writeKeys(folder, ['gateway20', 'gateway30']);
  for (const numeral of [20, 30] as const)
    writeFileSync(gatewayFiles(folder, numeral).config, stringify(configOf(folder, numeral, options)));
}

/** Makes a CA and a certificate for each name. */
export async function writeKeys(folder: string, names: readonly string[]): Promise<void> {
  const now = new Date();
  const keys = new KeyDirectory(join(folder, 'keys'));
  await keys.init('glassgate demo CA', false, now);
  for (const name of names) await keys.issue(name, CERTIFICATE_DAYS, false, now);
}

/** The `tls` part of a configuration, as {@link writeKeys} made the files. */
export function tlsFiles(folder: string, name: string): object {
  const file = (end: string): string => join(folder, 'keys', end);
  return {
    ca: file('ca.cert.pem'),
    certificate: file(`${name}.cert.pem`),
    key: file(`${name}.key.pem`),
    crl: file('crl.pem'),
  };
}

function configOf(folder: string, numeral: Numeral, { embodiment, f13, handshake }: GatewaySettings): object {
  const place = numeral === 20 ? TWO_LAN.gateway20 : TWO_LAN.gateway30;
  const { journal, socket } = gatewayFiles(folder, numeral);
  const far = { name: `gateway${numeral === 20 ? 30 : 20}`, f13, handshake };
  return {
    name: `gateway${numeral}`,
    embodiment: kindOf(embodiment, numeral),
    numerals: numeral * 100,
    interface: { kind: 'packet', name: place.interface, mac: place.mac },
    address: `${place.ip}/${place.prefix}`,
    gateway: place.defaultRoute,
    tls: tlsFiles(folder, `gateway${numeral}`),
    ...(numeral === 20 && { listen: { port: LISTEN_PORT, f13, handshake } }),
    peers: [numeral === 20 ? far : { ...far, address: TWO_LAN.gateway20.ip, port: LISTEN_PORT, connect: true }],
    journal: { file: journal, level: 'inputs' },
    control: { socket },
  };
}

/** A gateway process in its host. */
export interface RunningGateway {
  readonly files: GatewayFiles;
  readonly pid: number;
  /** Resolves when it ended. */
  readonly exit: Promise<number>;
  status(): Promise<GatewayStatus>;
  /** The last lines it wrote. */
  logTail(): string;
  /** Ends it in order. */
  stop(): Promise<number>;
}

/** Starts `glassgate up` for a gateway, with more `args` if need be; `command` is the command line that runs glassgate. */
export function startGateway(
  folder: string,
  numeral: Numeral,
  command: readonly string[],
  args: readonly string[] = [],
): RunningGateway {
  const { host } = numeral === 20 ? TWO_LAN.gateway20 : TWO_LAN.gateway30;
  return startUp(host, gatewayFiles(folder, numeral), command, args);
}

/** The same for any configuration, in any host. */
export function startUp(
  host: HostName,
  files: GatewayFiles,
  command: readonly string[],
  args: readonly string[] = [],
): RunningGateway {
  const log = openSync(files.log, 'a');
  const running: HostProcess = spawn(host, [...command, 'up', files.config, '--json', ...args], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  return {
    files,
    exit: running.exit,
    pid: running.child.pid as number,
    status: async () => (await ask(files.socket, { command: 'status' })) as GatewayStatus,
    logTail: () => readFileSync(files.log, 'utf8').trim().split('\n').slice(-LOG_LINES_TOLD).join('\n'),
    stop: () => running.stop('SIGTERM', STOP_GRACE_MS),
  };
}

/** Waits until a gateway answers its control socket; throws when it ends before, or takes too long. */
export async function ready(gateway: RunningGateway): Promise<void> {
  let code: number | undefined;
  void gateway.exit.then((ended) => {
    code = ended;
  });
  for (const limit_ms = performance.now() + READY_LIMIT_MS; performance.now() < limit_ms; await sleep(READY_POLL_MS)) {
    if (code !== undefined)
      throw new Error(`glassgate up ${gateway.files.config} ended with code ${code}:\n${gateway.logTail()}`);
    try {
      await gateway.status();
      return;
    } catch {
      // Its socket is not there yet.
    }
  }
  throw new Error(`the gateway of ${gateway.files.config} did not get ready:\n${gateway.logTail()}`);
}
