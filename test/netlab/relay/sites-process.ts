/**
 * Many sites of relay 10 in one process, each a gateway with a host of its own. Argument: JSON of the settings. Obeys lines of JSON and
 * answers each with an event `answer-ID`.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Device } from '../../../src/actors/device.ts';
import { TunnelsLayer } from '../../../src/actors/gateway/tunnels.ts';
import type { JournalRecord } from '../../../src/actors/tap.ts';
import { World } from '../../../src/actors/world.ts';
import { buildDevice } from '../../../src/topologies/build.ts';
import { openPacket } from '../../../src/transport/os/index.ts';
import { FrameEdge } from '../../../src/transport/runtime/frame-edge.ts';
import { RealClock } from '../../../src/transport/runtime/real-clock.ts';
import { opensslTls, realVault } from '../../../src/transport/runtime/real-world.ts';
import { secureRandom } from '../../../src/transport/runtime/secure-random.ts';
import { issueCertificate, type KeyPairPem } from '../../../src/transport/tls/certificates.ts';
import { report } from '../../support/scenario.ts';
import { SharedPort } from './shared-port.ts';
import { fromTunnel, hostIp, siteMac, siteName, sitePlan } from './site.ts';

interface Settings {
  readonly interface: string;
  readonly first: number;
  readonly count: number;
  /** File with the CA's certificate and key, JSON. */
  readonly authority: string;
}

/** Each order has an `id` for its answer. */
export type Order =
  /** Waits until the sessions of all sites stand. */
  | { readonly order: 'up' }
  /** Each of the sites `from` pings the host behind site `to`, which may be nobody's. */
  | { readonly order: 'ping'; readonly from: readonly number[]; readonly to: number }
  /** Frames that came out of each site's tunnel so far. */
  | { readonly order: 'count' }
  /** A site dies without a word; it comes back as it was at first. */
  | { readonly order: 'kill'; readonly site: number }
  | { readonly order: 'start'; readonly site: number };

const POLL_MS = 50;
const settings = JSON.parse(process.argv[2] as string) as Settings;
const authority = JSON.parse(readFileSync(settings.authority, 'utf8')) as KeyPairPem;
const clock = new RealClock();
const vault = realVault();
const port = new SharedPort(openPacket({ interface: settings.interface, promiscuous: true }));
const devices = new Map<number, Device>();
const waiting = new Map<string, (record: JournalRecord) => void>();

/** One world for each site, because each has a certificate of its own. */
async function start(site: number): Promise<void> {
  const own = await issueCertificate(authority, siteName(site), new Date());
  const tls = opensslTls({ ...own, ca: authority.certificate }, vault);
  const world = new World({
    scheduler: clock,
    random: secureRandom,
    vaultOf: () => vault,
    tls: { open: (_device, _engine, options, onEvent) => tls.open(options, onEvent) },
    tap: { level: 'control', record: heard },
  });
  const device = buildDevice(world, sitePlan(site));
  new FrameEdge(device, { [device.boundaryNames[0] as string]: port.of(siteMac(site)) }, (work) => work());
  devices.set(site, device);
  device.start();
}

function heard(record: JournalRecord): void {
  if (record.name !== 'pong' && record.name !== 'ping-lost') return;
  const { seq } = record.data as { readonly seq: number };
  waiting.get(`${record.device} ${seq}`)?.(record);
}

let pings = 0;
async function ping(site: number, to: number): Promise<boolean> {
  const seq = ++pings & 0xffff;
  const data = { destination: hostIp(to), id: 1, seq };
  const answer = new Promise<JournalRecord>((resolve) => waiting.set(`${siteName(site)} ${seq}`, resolve));
  devices.get(site)?.input({ kind: 'event', layer: '2103P', name: 'ping', data });
  const { name } = await answer;
  waiting.delete(`${siteName(site)} ${seq}`);
  return name === 'pong';
}

const isUp = (device: Device): boolean => {
  const tunnels = device.layers.find((layer) => layer instanceof TunnelsLayer);
  return tunnels?.status().peers.every(({ state }) => state === 'UP') ?? false;
};

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

async function obey(order: Order): Promise<Record<string, unknown>> {
  switch (order.order) {
    case 'up':
      await until(() => [...devices.values()].every(isUp));
      return { rss: process.memoryUsage.rss() };
    case 'ping': {
      const answered = await Promise.all(order.from.map((site) => ping(site, order.to)));
      return { answered: answered.filter(Boolean).length };
    }
    case 'count':
      return { frames: [...devices].map(([site, device]) => [site, fromTunnel(device)]) };
    case 'kill':
      port.remove(siteMac(order.site));
      devices.get(order.site)?.destroy();
      devices.delete(order.site);
      return {};
    case 'start':
      await start(order.site);
      await until(() => isUp(devices.get(order.site) as Device));
      return {};
  }
}

const { first, count } = settings;
for (let site = first; site < first + count; site++) await start(site);
report('started', { rss: process.memoryUsage.rss() });
let last = Promise.resolve();
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line) as Order & { readonly id: number };
    last = last.then(async () => report(`answer-${order.id}`, await obey(order)));
  })
  .on('close', () => process.exit(0));
