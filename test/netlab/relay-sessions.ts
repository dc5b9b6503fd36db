/**
 * A relay (`glassgate up`) with many sessions, whose other ends are sites in a few processes: what the virtual hub learns, floods and
 * forgets, and what a session costs. Argument: JSON of the settings.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { filesOf, ready, startUp } from '../../src/transport/demo/gateways.ts';
import { bridge, cable, createHost } from '../../src/transport/netlab/index.ts';
import { type JsonProgram, jsonProgram } from '../../src/transport/netlab/json-program.ts';
import { createAuthority, issueCertificate } from '../../src/transport/tls/certificates.ts';
import { report } from '../support/scenario.ts';
import { glassgate } from '../support/up-process.ts';
import { RELAY, siteName } from './relay/site.ts';
import type { Order } from './relay/sites-process.ts';

interface Settings {
  processes: number;
  sitesPerProcess: number;
  /** Files go here. */
  folder: string;
}

const SITES = fileURLToPath(new URL('./relay/sites-process.ts', import.meta.url));
const POLL_MS = 200;
/** A silent peer is dead for the relay by then. */
const DEATH_LIMIT_MS = 60_000;
const KIB = 1024;
const PINGS = 5;

const { processes, sitesPerProcess, folder } = JSON.parse(process.argv[2] as string) as Settings;
const total = processes * sitesPerProcess;
/** The site that the first one speaks with. */
const far = total - 1;
/** Nobody's number. */
const NOBODY = total + 1;

const ca = await createAuthority('CA', new Date());
const authority = join(folder, 'authority.json');
writeFileSync(authority, JSON.stringify(ca), { mode: 0o600 });
const hosts = Array.from({ length: processes }, (_, at) => `sites${at}`);
for (const host of ['hub', RELAY.name, ...hosts]) await createHost(host);
for (const host of [RELAY.name, ...hosts]) await cable(host, 'eth0', 'hub', host);
await bridge('hub', 'hub', [RELAY.name, ...hosts]);

const relay = await startRelay();
const before_kib = residentKib(relay.pid);
const started_ms = performance.now();
const sites = hosts.map(startSites);
await Promise.all(sites.map(({ program }) => program.heard('started')));
const memory = await Promise.all(sites.map(({ ask }) => ask({ order: 'up' })));
report('up', {
  peers: await peersUp(),
  time_ms: Math.round(performance.now() - started_ms),
  relayKibPerSession: (residentKib(relay.pid) - before_kib) / total,
  siteKibPerSession: memory.reduce((all, { rss }) => all + Number(rss), 0) / total / KIB,
});

// A host that is nobody's is asked for by ARP: a broadcast.
report('broadcast', await reached(async () => ping(1, NOBODY)));
report('learning', { first: await ping(1, far), ...(await reached(() => pings(1, far, PINGS))) });

// A site that dies without a word: the relay forgets its host, whose frames are flooded from then on.
await siteOf(far).ask({ order: 'kill', site: far });
const killed_ms = performance.now();
while ((await peersUp()) === total && performance.now() - killed_ms < DEATH_LIMIT_MS) await sleep(POLL_MS);
report('death', { peers: await peersUp(), time_ms: Math.round(performance.now() - killed_ms) });
report('unknown-unicast', await reached(async () => ping(1, far)));
await siteOf(far).ask({ order: 'start', site: far });
report('return', { peers: await peersUp(), answered: await ping(1, far) });

// A whole process is killed and comes again: its sites take over from their dead selves.
const last = sites.at(-1) as Sites;
last.program.process.child.kill('SIGKILL');
await last.program.process.exit;
const again_ms = performance.now();
const again = startSites(hosts.at(-1) as string, hosts.length - 1);
await again.program.heard('started');
await again.ask({ order: 'up' });
sites[sites.length - 1] = again;
report('again', {
  peers: await peersUp(),
  time_ms: Math.round(performance.now() - again_ms),
  answered: await ping(1, far),
});
const { internalErrors, drops } = await relay.status();
report('end', { internalErrors, drops: drops.map(({ layer, reason, count }) => `${layer} ${reason}: ${count}`) });
report('stopped', { code: await relay.stop() });
process.exit(0);

async function startRelay(): Promise<ReturnType<typeof startUp>> {
  const files = filesOf(folder, RELAY.name);
  const own = await issueCertificate(ca, RELAY.name, new Date());
  const tls = { ca: join(folder, 'ca.pem'), certificate: join(folder, 'own.pem'), key: join(folder, 'own.key') };
  writeFileSync(tls.ca, ca.certificate);
  writeFileSync(tls.certificate, own.certificate);
  writeFileSync(tls.key, own.privateKey, { mode: 0o600 });
  const config = {
    role: 'relay',
    name: RELAY.name,
    interface: { name: 'eth0', mac: RELAY.mac },
    address: RELAY.cidr,
    tls,
    listen: { port: RELAY.port },
    peers: Array.from({ length: total }, (_, at) => ({ name: siteName(at + 1) })),
    control: { socket: files.socket },
  };
  writeFileSync(files.config, stringify(config));
  const running = startUp(RELAY.name, files, glassgate());
  await ready(running);
  return running;
}

interface Sites {
  readonly program: JsonProgram;
  ask(order: Order): Promise<Record<string, unknown>>;
}

function startSites(host: string, at: number): Sites {
  const settings = { interface: 'eth0', first: 1 + at * sitesPerProcess, count: sitesPerProcess, authority };
  const program = jsonProgram(host, SITES, [JSON.stringify(settings)]);
  let id = 0;
  return {
    program,
    ask: (order) => {
      program.order({ ...order, id: ++id });
      return program.heard(`answer-${id}`);
    },
  };
}

function siteOf(site: number): Sites {
  return sites[Math.floor((site - 1) / sitesPerProcess)] as Sites;
}

async function ping(site: number, to: number): Promise<number> {
  const { answered } = await siteOf(site).ask({ order: 'ping', from: [site], to });
  return answered as number;
}

async function pings(site: number, to: number, count: number): Promise<number> {
  let answered = 0;
  for (let each = 0; each < count; each++) answered += await ping(site, to);
  return answered;
}

/** What `work` gives, and how many sites got so many frames out of their tunnels meanwhile; `self`: the first site. */
async function reached(work: () => Promise<number>): Promise<Record<string, unknown>> {
  const before = await counts();
  const answered = await work();
  const after = await counts();
  const got = [...after].map(([site, frames]) => [site, frames - (before.get(site) ?? 0)] as const);
  const others = got.filter(([site]) => site !== 1 && site !== far).map(([, frames]) => frames);
  const of = (wanted: number): number | undefined => got.find(([site]) => site === wanted)?.[1];
  return {
    answered,
    self: of(1),
    far: of(far),
    reached: others.filter((frames) => frames > 0).length,
    most: Math.max(...others),
  };
}

async function counts(): Promise<Map<number, number>> {
  const told = await Promise.all(sites.map(({ ask }) => ask({ order: 'count' })));
  return new Map(told.flatMap(({ frames }) => frames as [number, number][]));
}

async function peersUp(): Promise<number> {
  return (await relay.status()).peers.filter(({ state }) => state === 'up').length;
}

function residentKib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
