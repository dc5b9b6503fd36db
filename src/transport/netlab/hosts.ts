import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { type CommandOptions, type CommandResult, exitCode, mustRun, run, start } from './command.ts';
import { inSandbox, toolEnvironment } from './sandbox.ts';

/** Hosts are network namespaces, known by name. Everything here works inside a sandbox only. */
export type HostName = string;

/** Settings of every new host: no IPv6 chatter, no source check (firewalls set their own), no address-less answers. */
const HOST_SETTINGS = {
  'net.ipv6.conf.all.disable_ipv6': '1',
  'net.ipv6.conf.default.disable_ipv6': '1',
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.default.rp_filter': '0',
};

/** Makes a host without interfaces (but loopback). Throws outside a sandbox: the machine's own networks stay untouched. */
export async function createHost(name: HostName): Promise<void> {
  if (!inSandbox()) throw new Error(`host ${name}: only inside a sandbox (enterSandbox)`);
  await ip('netns', 'add', name);
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  await sysctl(name, HOST_SETTINGS);
}

/** Writes kernel settings of a host; those that this kernel does not know are left out. */
export async function sysctl(host: HostName, settings: Record<string, string>): Promise<void> {
  const lines = Object.entries(settings).map(([key, value]) => {
    const file = `/proc/sys/${key.replaceAll('.', '/')}`;
    // Equal values are not written: some settings are read-only for an ordinary user's namespace.
    return `if [ -e ${file} ] && [ "$(cat ${file})" != "${value}" ]; then echo ${value} >${file}; fi`;
  });
  await must(host, ['sh', '-ec', lines.join('\n')]);
}

export interface CableOptions {
  /** Bytes, both ends. */
  mtu?: number;
}

/** Joins two hosts by a virtual Ethernet cable, both ends up. */
export async function cable(
  hostA: HostName,
  interfaceA: string,
  hostB: HostName,
  interfaceB: string,
  { mtu = 1500 }: CableOptions = {},
): Promise<void> {
  const [a, b] = [
    ['name', interfaceA, 'mtu', String(mtu), 'netns', hostA],
    ['name', interfaceB, 'mtu', String(mtu), 'netns', hostB],
  ];
  await ip('link', 'add', ...a, 'type', 'veth', 'peer', ...b);
  await ip('-n', hostA, 'link', 'set', interfaceA, 'up');
  await ip('-n', hostB, 'link', 'set', interfaceB, 'up');
}

/** A plain learning hub: no spanning tree, no delay before forwarding, no multicast snooping. */
export async function bridge(host: HostName, name: string, interfaces: string[], ageing_s = 300): Promise<void> {
  const options = ['stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0'];
  // The kernel counts ageing in hundredths of a second.
  await ip(
    '-n',
    host,
    'link',
    'add',
    'name',
    name,
    'type',
    'bridge',
    ...options,
    'ageing_time',
    String(ageing_s * 100),
  );
  for (const port of interfaces) await ip('-n', host, 'link', 'set', port, 'master', name);
  await ip('-n', host, 'link', 'set', name, 'up');
}

/** Takes a bridge away; its interfaces stay. */
export async function removeLink(host: HostName, name: string): Promise<void> {
  await ip('-n', host, 'link', 'del', name);
}

/** Gives an interface an address (`10.9.0.1/24`) and, where wanted, a MAC. */
export async function address(host: HostName, name: string, cidr: string, mac?: string): Promise<void> {
  if (mac !== undefined) await macAddress(host, name, mac);
  await ip('-n', host, 'address', 'add', cidr, 'dev', name);
}

/** Changes an interface's MAC (`02:00:00:00:00:01`). */
export async function macAddress(host: HostName, name: string, mac: string): Promise<void> {
  await ip('-n', host, 'link', 'set', name, 'address', mac);
}

/** Changes the longest IP packet that an interface takes, bytes. */
export async function linkMtu(host: HostName, name: string, mtu: number): Promise<void> {
  await ip('-n', host, 'link', 'set', name, 'mtu', String(mtu));
}

/** Gives an interface an IPv6 address (`fd00:9::1/64`); hosts are without IPv6 otherwise. */
export async function address6(host: HostName, name: string, cidr: string): Promise<void> {
  // Local addresses are reached by way of the loopback interface.
  for (const each of ['lo', name]) await sysctl(host, { [`net.ipv6.conf.${each}.disable_ipv6`]: '0' });
  await ip('-n', host, '-6', 'address', 'add', cidr, 'dev', name);
}

/** `destination` is a prefix or `default`. */
export async function route(host: HostName, destination: string, via: string): Promise<void> {
  await ip('-n', host, 'route', 'add', destination, 'via', via);
}

/** Makes a host ask for an address anew: its kernel gives up for a while after requests that nobody answered. */
export async function forgetNeighbour(host: HostName, name: string, ip4: string): Promise<void> {
  await exec(host, ['ip', 'neigh', 'del', ip4, 'dev', name]);
}

/** The command line that runs something in a host. The process it starts keeps its pid when it becomes the program. */
export function inHost(host: HostName, argv: readonly string[]): string[] {
  return ['ip', 'netns', 'exec', host, ...argv];
}

/** Runs a program in a host to its end; a failure is a result. */
export function exec(host: HostName, argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return run(inHost(host, argv), { env: toolEnvironment(), ...options });
}

/** Runs a program in a host that must succeed; its standard output. */
export function must(host: HostName, argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  return mustRun(inHost(host, argv), { env: toolEnvironment(), ...options });
}

/** A running program in a host. `child.pid` is its own pid. */
export interface HostProcess {
  child: ChildProcess;
  exit: Promise<number>;
  /** SIGTERM (or `signal`), after `grace_ms` SIGKILL; resolves with the exit code. */
  stop(signal?: NodeJS.Signals, grace_ms?: number): Promise<number>;
}

const STOP_GRACE_MS = 3000;

/** Starts a program in a host and goes on. */
export function spawn(host: HostName, argv: readonly string[], options: SpawnOptions = {}): HostProcess {
  const child = start(inHost(host, argv), { stdio: 'ignore', env: toolEnvironment(), ...options });
  const exit = exitCode(child);
  return {
    child,
    exit,
    async stop(signal = 'SIGTERM', grace_ms = STOP_GRACE_MS) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), grace_ms);
      return exit.finally(() => clearTimeout(timer));
    },
  };
}

/** Adds a rule set to the packet filter of a host. */
export async function nft(host: HostName, ruleset: string): Promise<void> {
  await must(host, ['nft', '-f', '-'], { input: ruleset });
}

/** A host's kernel hears nothing of an interface any more; a packet socket still does. As the user guide has it for `role: host`. */
export async function seclude(host: HostName, name: string): Promise<void> {
  const chain = `type filter hook ingress device "${name}" priority -500; policy drop;`;
  await nft(host, `table netdev glassgate { chain ingress { ${chain} }; }`);
}

const OFFLOADS = ['tx', 'tso', 'gso', 'gro', 'tx-udp-segmentation'];

/** Switches checksum and segmentation offloads of an interface; with `off` every packet is as on a wire. Needs ethtool. */
export async function offloads(host: HostName, name: string, state: 'on' | 'off'): Promise<void> {
  await must(host, ['ethtool', '-K', name, ...OFFLOADS.flatMap((offload) => [offload, state])]);
}

/** Packets and bytes an interface has passed (sysfs statistics), e.g. `rx_packets`. */
export async function interfaceCounter(host: HostName, name: string, counter: string): Promise<number> {
  return Number(await must(host, ['cat', `/sys/class/net/${name}/statistics/${counter}`]));
}

async function ip(...args: string[]): Promise<void> {
  await mustRun(['ip', ...args], { env: toolEnvironment() });
}
