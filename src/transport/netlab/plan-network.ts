import type { DevicePlan, NetworkPlan } from '../../topologies/plan.ts';
import { formatCidr, formatIp4, formatMac } from '../../wire/address.ts';
import { type FirewallCounters, filter, firewallCounters } from './firewall.ts';
import {
  address,
  bridge,
  cable,
  createHost,
  type HostName,
  linkMtu,
  macAddress,
  offloads,
  removeLink,
  route,
  sysctl,
} from './hosts.ts';
import { type Impairment, type ImpairmentOptions, impair } from './impair.ts';
import type { LineCounters } from './impaired-line.ts';
import { boundariesOf, branchAbove, layersOf } from './plan-ports.ts';

/** A network interface of a host. */
export interface Place {
  readonly host: HostName;
  readonly interface: string;
}

export interface PlanNetworkOptions {
  /** `off`: checksum and segmentation offloads of all interfaces off, so that every packet is as on a wire. Default `on`. */
  readonly offloads?: 'on' | 'off';
}

/** A topology's devices as network namespaces, joined by its cables. Gateways, relays and drivers in hosts are not started. */
export interface PlanNetwork {
  readonly plan: NetworkPlan;
  /** The interface that stands for a boundary port of a device. */
  place(device: string, port: string): Place;
  /** Where a cable can be watched. */
  tap(cable: string): Place;
  /** Of all firewalls together. */
  firewallCounters(): Promise<FirewallCounters>;
  /**
   * Loss, delay, … from now on, on the way between the tunnel's ends: each cable of the plan's path has its share of it. From then on the
   * path goes through processes that take their time even where nothing is lost.
   */
  impair(options: ImpairmentOptions): Promise<void>;
  /** Of the path's cables, in their order; there are none before something was impaired. */
  lineCounters(): Promise<LineCounters[]>;
}

/** What an ordinary kernel and its applications do. */
export const BLOCKS_OF_A_KERNEL: readonly string[] = [
  'test-application',
  'tcp',
  'ping',
  'ip-routing',
  'ip-stack',
  'driver',
  'mac',
  'phy',
];
/** Joins the halves of a cable that nothing impairs. */
const MIDDLE = 'middle';
const FILTERING = ['firewall', 'router'];

/** True where an ordinary kernel does all that a device's layers do. */
export function isPlainHost({ kind, layers }: DevicePlan): boolean {
  return kind === 'host' && layers.every(({ block }) => BLOCKS_OF_A_KERNEL.includes(block));
}

/** Builds a topology's network; inside a sandbox only. It ends with the sandbox. */
export async function planNetwork(plan: NetworkPlan, options: PlanNetworkOptions = {}): Promise<PlanNetwork> {
  for (const { name } of plan.devices) await createHost(name);
  await layCables(plan);
  for (const device of plan.devices) {
    await giveMacs(device);
    if (options.offloads === 'off')
      for (const port of boundariesOf(device)) await offloads(device.name, nameOf(port), 'off');
    await setUp(device);
  }
  const filters = plan.devices.filter(({ kind }) => FILTERING.includes(kind)).map(({ name }) => name);
  return {
    plan,
    place,
    tap: (wanted) => tapOf(plan, wanted),
    firewallCounters: async () => sum(await Promise.all(filters.map(firewallCounters))),
    ...impairing(plan),
  };
}

/** What the network may do to its path. */
function impairing(plan: NetworkPlan): Pick<PlanNetwork, 'impair' | 'lineCounters'> {
  const lines: Impairment[] = [];
  return {
    async impair(options) {
      for (const [at, { cable: name, share }] of plan.path.entries()) {
        // Of their own fates, or a burst would meet all of them at once.
        const part = { ...partOf(options, share), seed: (options.seed ?? 1) + at };
        const line = lines[at];
        if (line !== undefined) await line.change(part);
        else {
          await removeLink(name, MIDDLE);
          lines.push(await impair(name, 'near', 'far', part));
        }
      }
    },
    lineCounters: async () => (await Promise.all(lines.map((line) => line.counters()))).flat(),
  };
}

const place = (device: string, port: string): Place => ({ host: device, interface: nameOf(port) });

/** A number alone could be taken for an index. */
function nameOf(port: string): string {
  return `p${port}`;
}

/** A hub's end of a cable if it has one: devices' own ends may see more than goes over the cable. */
function tapOf(plan: NetworkPlan, wanted: string): Place {
  const found = plan.cables.find(({ name }) => name === wanted);
  if (found === undefined) throw new RangeError(`there is no cable ${wanted}`);
  const { a, b } = found;
  const end = plan.devices.some(({ name, kind }) => name === b.device && kind === 'hub') ? b : a;
  return place(end.device, end.port);
}

/** Cables of the path have a namespace of their own in their middle, where they can be impaired. */
async function layCables(plan: NetworkPlan): Promise<void> {
  for (const { name, a, b } of plan.cables) {
    if (!plan.path.some((part) => part.cable === name)) {
      await cable(a.device, nameOf(a.port), b.device, nameOf(b.port));
      continue;
    }
    await createHost(name);
    await cable(a.device, nameOf(a.port), name, 'near');
    await cable(name, 'far', b.device, nameOf(b.port));
    await bridge(name, MIDDLE, ['near', 'far']);
  }
}

/** Losses one after the other have to make the whole loss. */
function partOf(options: ImpairmentOptions, share: number): ImpairmentOptions {
  const { lossRatio = 0, delay_ms = 0, jitter_ms = 0 } = options;
  return {
    ...options,
    lossRatio: 1 - (1 - lossRatio) ** share,
    delay_ms: delay_ms * share,
    jitter_ms: jitter_ms * share,
  };
}

async function giveMacs(device: DevicePlan): Promise<void> {
  const macs = layersOf(device, 'mac');
  for (const port of boundariesOf(device)) {
    const labels = branchAbove(device, port);
    const own = macs.find(({ label }) => labels.includes(label));
    if (own !== undefined) await macAddress(device.name, nameOf(port), formatMac(own.options.mac));
  }
}

async function setUp(device: DevicePlan): Promise<void> {
  if (device.kind === 'hub') await bridge(device.name, 'hub', boundariesOf(device).map(nameOf));
  else if (FILTERING.includes(device.kind)) await setUpFirewall(device);
  else if (isPlainHost(device)) await setUpHost(device);
}

/** A kernel with the address, the default route and the MTU of the plan's IP stack. */
async function setUpHost(device: DevicePlan): Promise<void> {
  const [{ options }] = layersOf(device, 'ip-stack');
  const [port] = boundariesOf(device).map(nameOf) as [string];
  const { address: own, prefixLength, gateway } = options.interface;
  await address(device.name, port, `${formatIp4(own)}/${prefixLength}`);
  if (options.mtu !== undefined) await linkMtu(device.name, port, options.mtu);
  if (gateway !== undefined) await route(device.name, 'default', formatIp4(gateway));
  // Later connections begin as the first did, whatever it found out about the way.
  await sysctl(device.name, { 'net.ipv4.tcp_no_metrics_save': '1' });
}

/** The plan's rules for the packet filter of a kernel that routes between the plan's sides. */
async function setUpFirewall(device: DevicePlan): Promise<void> {
  const [{ label, options }] = layersOf(device, 'firewall');
  const nameOfSide = (side: string): string => nameOf(boundaryOf(device, `${label}.${side}`));
  for (const { name, interface: own } of options.sides) {
    await address(device.name, nameOfSide(name), `${formatIp4(own.address)}/${own.prefixLength}`);
    if (own.gateway !== undefined) await route(device.name, 'default', formatIp4(own.gateway));
  }
  const rules = options.rules.map(({ from, source, destination, ...rest }) => ({
    ...rest,
    from: nameOfSide(from),
    ...(source && { source: formatCidr(source) }),
    ...(destination && { destination: formatCidr(destination) }),
  }));
  const { masquerade: hiding } = options;
  await filter(
    device.name,
    rules,
    hiding && { interface: nameOfSide(hiding.side), keepsPorts: hiding.keepsPorts ?? true },
  );
}

/** The boundary port below a port of the device's top layer. */
function boundaryOf(device: DevicePlan, top: string): string {
  const join = device.joins.find((each) => each.split(' - ').includes(top)) as string;
  const [below] = (join.split(' - ').find((end) => end !== top) as string).split('.');
  const found = boundariesOf(device).find((port) => branchAbove(device, port).includes(below as string));
  if (found === undefined) throw new Error(`device ${device.name}: no boundary port below ${top}`);
  return found;
}

function sum(counters: readonly FirewallCounters[]): FirewallCounters {
  const total = (key: keyof FirewallCounters): number => counters.reduce((all, each) => all + each[key], 0);
  return { invalid: total('invalid'), forwarded: total('forwarded'), blocked: total('blocked') };
}
