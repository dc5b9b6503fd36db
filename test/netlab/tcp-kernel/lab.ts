import { fileURLToPath } from 'node:url';
import {
  address,
  address6,
  bridge,
  cable,
  createHost,
  type HostName,
  type Impairment,
  type ImpairmentOptions,
  impair,
  must,
  offloads,
  sysctl,
} from '../../../src/transport/netlab/index.ts';
import { type JsonProgram, jsonProgram } from '../../../src/transport/netlab/json-program.ts';
import type { Order, Told } from './orders.ts';

/** Our host, a kernel in its place for comparisons, and the kernel at the far end of the line. */
export const OURS = { host: 'ours', ip: '10.77.0.1', ip6: 'fd77::1', mac: '02:00:00:00:77:01' } as const;
export const TWIN = { host: 'twin', ip: '10.77.0.3', mac: '02:00:00:00:77:03' } as const;
export const FAR = { host: 'far', ip: '10.77.0.2', ip6: 'fd77::2', mac: '02:00:00:00:77:02' } as const;
/** Nobody has this address but the line, where its MTU is told. */
export const ROUTER = '10.77.0.254';
export const ROUTER6 = 'fd77::fe';
const NETWORK = '10.77.0.0/24';
const NETWORK6 = 'fd77::/64';
/** Cables take jumbo frames; what hosts send is up to their routes. */
const CABLE_MTU_BYTES = 9_100;
export const USUAL_MTU_BYTES = 1_500;
const WAIT_MS = 20_000;

/** What the settings of a kernel mean here. */
export interface KernelSettings {
  sack?: boolean;
  timestamps?: boolean;
  windowScaling?: boolean;
  /** Largest receive buffer: decides the window scale. */
  receiveBytes?: number;
  sendBytes?: number;
  /** Upper bound of the window, bytes. */
  window?: number;
  congestion?: string;
  mtu?: number;
  /** What our host is told to send at most. */
  advertisedMss?: number;
  retries2?: number;
  /** 0: never, 1: asks and takes, 2: takes where the other side asks. */
  ecn?: 0 | 1 | 2;
  /** Finds out about black holes. */
  mtuProbing?: boolean;
}

/** A program at one end, with orders to it and events from it. */
export class End {
  readonly name: string;
  readonly #program: JsonProgram;
  readonly #told: Told[] = [];
  #look: (() => void)[] = [];
  /** Errors that it told by itself. */
  readonly broken: string[] = [];

  constructor(host: HostName, program: string, args: string[] = []) {
    this.name = host;
    const path = fileURLToPath(new URL(`./${program}.ts`, import.meta.url));
    this.#program = jsonProgram(host, path, args, (line) => {
      const told = line as Told;
      if (told.event === 'broken') this.broken.push(told.text as string);
      this.#told.push(told);
      for (const look of this.#look.splice(0)) look();
    });
  }

  order(order: Order | { order: 'configure'; mtu?: number; tcp?: object }): void {
    this.#program.order(order);
  }

  /** The first event of the kind, with these fields, that was not asked for yet. */
  async heard(event: Told['event'], fields: Record<string, unknown> = {}, wait_ms = WAIT_MS): Promise<Told> {
    const limit_ms = performance.now() + wait_ms;
    for (;;) {
      const at = this.#told.findIndex(
        (told) => told.event === event && Object.entries(fields).every(([key, value]) => told[key] === value),
      );
      if (at >= 0) return this.#told.splice(at, 1)[0] as Told;
      const left_ms = limit_ms - performance.now();
      if (left_ms <= 0) throw new Error(this.#silence(event, fields, wait_ms));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left_ms);
        this.#look.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Whether it has told so, and was not asked for it. */
  hasHeard(event: Told['event'], fields: Record<string, unknown> = {}): boolean {
    return this.#told.some(
      (told) => told.event === event && Object.entries(fields).every(([key, value]) => told[key] === value),
    );
  }

  /** Forgets what was told so far. */
  forget(): void {
    this.#told.length = 0;
  }

  async stats(): Promise<Told> {
    this.order({ order: 'stats' });
    return this.heard('stats');
  }

  stop(): Promise<number> {
    return this.#program.process.stop('SIGKILL');
  }

  #silence(event: string, fields: object, wait_ms: number): string {
    const told = this.#told.map((each) => JSON.stringify(each)).slice(-8);
    return `${this.name} did not tell ${event} ${JSON.stringify(fields)} within ${wait_ms} ms; it told ${told.join(' ')} ${this.#program.errors()}`;
  }
}

/** A connection, by the name that each end has for it. */
export interface Pair {
  readonly ours: string;
  readonly far: string;
  readonly port: number;
}

export type Role = 'ours' | 'far';
export type Family = 4 | 6;

/** Where the other side of `role` is. */
export function addressFor(role: Role, family: Family): string {
  const other = role === 'ours' ? FAR : OURS;
  return family === 4 ? other.ip : other.ip6;
}

/** Our host and a kernel, joined by a line that may be as bad as one likes; a kernel twin beside our host. */
export class Lab {
  readonly ours: End;
  readonly far: End;
  readonly twin: End;
  readonly line: Impairment;
  #port = 4_000;
  #connection = 0;

  private constructor(line: Impairment) {
    this.line = line;
    this.ours = new End(OURS.host, 'our-end', ['eth0', `${OURS.ip}/24`, OURS.mac, `${OURS.ip6}/64`]);
    this.far = new End(FAR.host, 'kernel-end');
    this.twin = new End(TWIN.host, 'kernel-end');
  }

  /** Builds it; inside a sandbox. The line is the same from seed to seed. */
  static async build(impairment: ImpairmentOptions = {}): Promise<Lab> {
    for (const host of ['hub', 'line', OURS.host, TWIN.host, FAR.host]) await createHost(host);
    const mtu = CABLE_MTU_BYTES;
    await cable('hub', 'ours', OURS.host, 'eth0', { mtu });
    await cable('hub', 'twin', TWIN.host, 'eth0', { mtu });
    await cable('hub', 'far', 'line', 'near', { mtu });
    await cable('line', 'far', FAR.host, 'eth0', { mtu });
    const ends: [HostName, string][] = [
      ['hub', 'ours'],
      ['hub', 'twin'],
      ['hub', 'far'],
      ['line', 'near'],
      ['line', 'far'],
    ];
    for (const host of [OURS.host, TWIN.host, FAR.host]) ends.push([host, 'eth0']);
    for (const [host, name] of ends) await offloads(host, name, 'off');
    await bridge('hub', 'switch', ['ours', 'twin', 'far']);
    await address(TWIN.host, 'eth0', `${TWIN.ip}/24`, TWIN.mac);
    await address(FAR.host, 'eth0', `${FAR.ip}/24`, FAR.mac);
    await sysctl(FAR.host, { 'net.ipv6.conf.eth0.accept_dad': '0', 'net.ipv6.conf.eth0.router_solicitations': '0' });
    await address6(FAR.host, 'eth0', `${FAR.ip6}/64`);
    const lab = new Lab(await impair('line', 'near', 'far', impairment));
    await Promise.all([lab.ours, lab.far, lab.twin].map((end) => end.heard('ready')));
    await lab.kernel({});
    return lab;
  }

  /** Sets a kernel: all that is not given is as in a usual one. */
  async kernel(settings: KernelSettings, host: HostName = FAR.host): Promise<void> {
    const bit = (on: boolean | undefined): string => (on === false ? '0' : '1');
    await sysctl(host, {
      'net.ipv4.tcp_sack': bit(settings.sack),
      'net.ipv4.tcp_timestamps': bit(settings.timestamps),
      'net.ipv4.tcp_window_scaling': bit(settings.windowScaling),
      'net.ipv4.tcp_no_metrics_save': '1',
      'net.ipv4.tcp_ecn': String(settings.ecn ?? 2),
      'net.ipv4.tcp_retries2': String(settings.retries2 ?? 15),
      'net.ipv4.tcp_mtu_probing': settings.mtuProbing === true ? '1' : '0',
      'net.ipv4.tcp_max_syn_backlog': '4096',
      'net.core.somaxconn': '4096',
      'net.ipv4.route.min_adv_mss': '64',
      'net.ipv4.route.min_pmtu': '68',
    });
    const receive = settings.receiveBytes ?? 6 * 1024 * 1024;
    const buffers = {
      'net.ipv4.tcp_rmem': `4096 ${Math.min(131_072, receive)} ${receive}`,
      'net.ipv4.tcp_wmem': `4096 16384 ${settings.sendBytes ?? 4 * 1024 * 1024}`,
    };
    const writes = Object.entries(buffers).map(
      ([key, value]) => `echo '${value}' >/proc/sys/${key.replaceAll('.', '/')}`,
    );
    await must(host, ['sh', '-ec', writes.join('\n')]);
    const ip = host === FAR.host ? FAR.ip : TWIN.ip;
    const mtu = settings.mtu ?? USUAL_MTU_BYTES;
    const route = ['ip', 'route', 'replace', NETWORK, 'dev', 'eth0', 'proto', 'kernel', 'scope', 'link', 'src', ip];
    route.push('mtu', String(mtu), 'advmss', String(settings.advertisedMss ?? mtu - 40));
    const congestion = ['congctl', settings.congestion ?? 'cubic'];
    route.push(...congestion);
    if (settings.window !== undefined) route.push('window', String(settings.window));
    await must(host, ['ip', 'route', 'flush', 'cache']);
    await must(host, route);
    if (host !== FAR.host) return;
    await must(host, [
      'ip',
      '-6',
      'route',
      'replace',
      NETWORK6,
      'dev',
      'eth0',
      'proto',
      'kernel',
      'metric',
      '256',
      ...congestion,
    ]);
  }

  /** A new device of ours with these options. */
  async configure(connections: object = {}, others: { mtu?: number; tcp?: object } = {}): Promise<void> {
    this.ours.order({ order: 'configure', mtu: others.mtu, tcp: { ...others.tcp, connections } });
    await this.ours.heard('ready');
  }

  /** A port that no test has used. */
  freePort(): number {
    this.#port += 1;
    return this.#port;
  }

  /** A connection opened by one of the ends, over these hops. */
  async open(
    opener: Role,
    services: { ours?: 'sink' | 'manual' | 'echo'; far?: 'sink' | 'manual' | 'echo' } = {},
    family: Family = 4,
    hops?: readonly string[],
  ): Promise<Pair> {
    const port = this.freePort();
    const id = `test-${++this.#connection}`;
    const [client, server] = opener === 'ours' ? [this.ours, this.far] : [this.far, this.ours];
    const listener: Role = opener === 'ours' ? 'far' : 'ours';
    server.order({ order: 'listen', port, service: services[listener] ?? 'sink' });
    await server.heard('listening', { port });
    const service = services[opener] ?? 'sink';
    client.order({ order: 'connect', id, address: addressFor(opener, family), port, service, ...(hops && { hops }) });
    const { localPort } = await client.heard('connected', { id });
    const accepted = await server.heard('accepted', { port, remotePort: localPort });
    return opener === 'ours' ? { ours: id, far: accepted.id, port } : { ours: accepted.id, far: id, port };
  }

  /** What `ss` tells of the far kernel's connections on a port (either side's). */
  async socket(port: number, host: HostName = FAR.host): Promise<string> {
    const filter = `( sport = :${port} or dport = :${port} )`;
    return must(host, ['ss', '-tinoemH', filter]);
  }

  /** A kernel's counters, `TcpExtTCPChallengeACK` and the like. */
  async kernelCounters(host: HostName = FAR.host): Promise<Record<string, number>> {
    const text = await must(host, ['cat', '/proc/net/netstat', '/proc/net/snmp']);
    const lines = text.split('\n').filter(Boolean);
    const counters: Record<string, number> = {};
    for (let at = 0; at + 1 < lines.length; at += 2) {
      const [kind, ...names] = (lines[at] as string).split(/\s+/);
      const [, ...values] = (lines[at + 1] as string).split(/\s+/);
      for (const [i, name] of names.entries()) counters[`${kind?.slice(0, -1)}${name}`] = Number(values[i]);
    }
    return counters;
  }
}
