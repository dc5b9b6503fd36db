/**
 * Our host on a TAP beside the kernel over IPv6: own - (tap0 of router r, far) - kernel k. Pings both ways, resolution both ways,
 * duplicate addresses both ways, streams in both roles with SHA-256, a path MTU that the router tells; a capture of it all for tshark.
 */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Device } from '../../src/actors/device.ts';
import type { InterfaceAddress } from '../../src/actors/services.ts';
import type { JournalData, JournalRecord } from '../../src/actors/tap.ts';
import { pattern } from '../../src/actors/test-application/pattern.ts';
import { capture } from '../../src/transport/netlab/capture.ts';
import { address6, cable, createHost, inHostNetwork, must, ping, sysctl } from '../../src/transport/netlab/index.ts';
import { jsonProgram } from '../../src/transport/netlab/json-program.ts';
import { TRANSFER_PROGRAM, type TransferEnd } from '../../src/transport/netlab/transfer.ts';
import { openTap } from '../../src/transport/os/index.ts';
import { ownHost } from '../../src/transport/runtime/own-host.ts';
import { parseIp4, parseMac } from '../../src/wire/address.ts';
import { linkLocalOf } from '../../src/wire/ip-address.ts';
import { report } from '../support/scenario.ts';
import { packets } from '../support/tshark.ts';

const BYTES = 10_000_000;
const SEED = 3;
const PORT = 5001;
/** Both kernels and we have asked for our addresses by then. */
const ADDRESSES_MS = 2_500;
const STEP_MS = 50;
const WAIT_MS = 60_000;
const ROUTER = 'fd00:9::1';
const OWN = 'fd00:9::3';
const FAR = 'fd00:a::2';
const FAR_MTU = 1300;
const mac = parseMac('02:00:00:00:09:03') as number;
const file = join(tmpdir(), `glassgate-${process.pid}.pcapng`);

for (const host of ['r', 'k']) await createHost(host);
const tap = inHostNetwork('r', () => openTap({ name: 'tap0', mtu: 1500, vnetHeader: false }));
await cable('r', 'far', 'k', 'eth0');
await sysctl('r', { 'net.ipv6.conf.all.forwarding': '1' });
await address6('r', 'tap0', `${ROUTER}/64`);
await address6('r', 'far', 'fd00:a::1/64');
await address6('k', 'eth0', `${FAR}/64`);
await must('k', ['ip', '-6', 'route', 'add', 'default', 'via', 'fd00:a::1']);
const running = await capture('r', 'tap0', file);

const notes: { name: string; data: JournalData }[] = [];
const records: JournalRecord[] = [];
const sums = new Map<string, ReturnType<typeof createHash>>();

function own(address: string): Device {
  const ip6 = { addresses: [{ address, prefix: 64 }], gateway: ROUTER };
  const settings: InterfaceAddress = { mac, address: parseIp4('10.9.0.3') as number, prefixLength: 24, ip6 };
  return ownHost({
    name: 'own',
    port: tap,
    numeral: '21',
    interface: settings,
    superSegments: false,
    services: [{ port: PORT, bytes: 0, seed: SEED }],
    onData: (connection, _offset, bytes) => {
      const sum = sums.get(connection) ?? createHash('sha256');
      sums.set(connection, sum.update(bytes));
    },
    tap: {
      level: 'control',
      record: (one) => {
        if (one.kind === 'note') notes.push({ name: one.name, data: one.data });
        else if (one.kind === 'transition') records.push(one);
      },
    },
  });
}

/** Waits until so many notes of that name were written; those. */
async function noted(name: string, count = 1): Promise<JournalData[]> {
  for (const until = performance.now() + WAIT_MS; performance.now() < until; await sleep(STEP_MS)) {
    const found = notes.filter((note) => note.name === name);
    if (found.length >= count) return found.map(({ data }) => data);
  }
  throw new Error(`no note ${name}: ${JSON.stringify(notes)}`);
}

const device = own(OWN);
await sleep(ADDRESSES_MS);

report('kernel-ping', {
  near: await ping('r', OWN, { count: 10, interval_ms: 10, size: 1000 }),
  far: await ping('k', OWN, { count: 10, interval_ms: 10 }),
});
const known = async () => (await must('r', ['ip', '-6', 'neigh', 'show', OWN, 'dev', 'tap0'])).trim();
report('kernel-neighbour', { text: await known() });

const router = linkLocalOf(parseMac(tap.mac) as number);
for (const [seq, destination] of [ROUTER, FAR, router].entries()) {
  device.input({ kind: 'event', layer: '2103P', name: 'ping', data: { destination, id: 7, seq, length: 1000 } });
}
report('own-ping', { pongs: await noted('pong', 3) });

const sender = jsonProgram('k', TRANSFER_PROGRAM, ['send', OWN, String(PORT), String(BYTES)]);
const sent = await sender.heard<TransferEnd>('sent');
const [received] = await noted('transfer');
report('in', { sent, received, sha256: [...sums.values()].map((sum) => sum.digest('hex')) });

// From now on the way to the far kernel is narrower than both ends believe.
await must('r', ['ip', '-6', 'route', 'add', `${FAR}/128`, 'dev', 'far', 'mtu', String(FAR_MTU)]);
const server = jsonProgram('k', TRANSFER_PROGRAM, ['serve', String(PORT)]);
await server.heard('listening');
const order = { connection: 'push', destination: FAR, port: PORT, bytes: BYTES, seed: SEED };
device.input({ kind: 'event', layer: '2101', name: 'push', data: order });
const arrived = await server.heard<TransferEnd>('received');
const sha256 = createHash('sha256')
  .update(pattern(SEED, 0, BYTES))
  .digest('hex');
report('out', { arrived, sha256, transfer: (await noted('transfer', 2))[1] });
await Promise.all([sender.process.stop('SIGKILL'), server.process.stop('SIGKILL')]);

await address6('r', 'tap0', `${OWN}/64`);
await sleep(ADDRESSES_MS);
report('kernel-duplicate', { text: await must('r', ['ip', '-6', 'address', 'show', 'dev', 'tap0']) });
await must('r', ['ip', '-6', 'address', 'del', `${OWN}/64`, 'dev', 'tap0']);
const drops = Object.fromEntries(device.layers.map(({ label, drops: counts }) => [label, Object.fromEntries(counts)]));
device.stop();
device.destroy();
const second = own(ROUTER);
report('own-duplicate', { notes: await noted('address-duplicate') });
second.stop();

const states = new Set(records.map(({ data }) => (data as { to?: string }).to).filter(Boolean));
report('states', { states: [...states], drops });
await running.stop();
const count = async (filter: string): Promise<number> => (await packets('r', file, filter)).length;
// By the Ethernet header: an ICMPv6 error quotes our addresses as well.
const ours = 'eth.src == 02:00:00:00:09:03';
const isLong = `ipv6.plen > ${FAR_MTU - 40}`;
report('capture', {
  ours: await count(ours),
  faults: await packets('r', file, `(${ours}) && (_ws.malformed || _ws.expert.severity == error)`),
  badChecksums: await count(`(${ours}) && (tcp.checksum.status == 0 || icmpv6.checksum.status == 0)`),
  tcp: await count(`(${ours}) && tcp`),
  goodTcp: await count(`(${ours}) && tcp.checksum.status == 1`),
  icmp: await count(`(${ours}) && icmpv6`),
  goodIcmp: await count(`(${ours}) && icmpv6.checksum.status == 1`),
  tooBig: await count(`!(${ours}) && icmpv6.type == 2`),
  full: await count(`(${ours}) && ipv6.plen == ${FAR_MTU - 40}`),
  long: await count(`(${ours}) && tcp && ipv6.dst == ${FAR} && ${isLong}`),
  reports: await count(`(${ours}) && icmpv6.type == 143`),
});
await must('r', ['rm', file]);
await tap.close();
