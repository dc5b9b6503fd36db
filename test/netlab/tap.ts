/** A TAP interface: the kernel pings us, close is prompt, errors are clear. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { mustRun, run } from '../../src/transport/netlab/command.ts';
import { createHost, exec, inHostNetwork, must, ping } from '../../src/transport/netlab/index.ts';
import { interfaceInfo, OsError, openTap, type PortEvent } from '../../src/transport/os/index.ts';
import { parseCidr, parseIp4, parseMac } from '../../src/wire/address.ts';
import { checksumVerdict, parseFrame } from '../../src/wire/frame.ts';
import { respond } from '../support/responder.ts';
import { report } from '../support/scenario.ts';

const OUR_MAC = parseMac('02:00:00:00:00:99')!;
const OUR_IP = '10.1.0.2';

await createHost('k');
const KERNEL = { mac: parseMac('02:00:00:00:00:98')!, address: parseCidr('10.1.0.1/24')! };
const tap = inHostNetwork('k', () => openTap({ name: 'tap0', mtu: 1400, vnetHeader: true, ...KERNEL }));
const verdicts: Record<string, number> = {};
const events: PortEvent[] = [];
tap.onEvent((event) => events.push(event));
respond(tap, OUR_MAC, parseIp4(OUR_IP)!, ({ bytes }) => {
  const verdict = checksumVerdict(bytes, parseFrame(bytes));
  verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
});
report('info', { mtu: tap.mtu, mac: tap.mac, info: inHostNetwork('k', () => interfaceInfo('tap0')) });
const echo = await ping('k', OUR_IP, { count: 20, interval_ms: 10, size: 1000 });
report('ping', { ...echo, verdicts, counters: tap.counters });

// The kernel sends a super-frame of UDP and one of TCP into the TAP: we see them cut.
const lengths: number[] = [];
tap.onBatch((frames) => lengths.push(...frames.map(({ bytes }) => bytes.length)));
const udp = `const s = require('node:dgram').createSocket('udp4'); s.send(Buffer.alloc(4000), 9, '${OUR_IP}', () => s.close())`;
await exec('k', [process.execPath, '-e', udp]);
await sleep(100);
report('fragments', { lengths });

report(
  'busy',
  describeError(() => inHostNetwork('k', () => openTap({ name: 'tap0', mtu: 1400 }))),
);
await must('k', ['ip', 'link', 'set', 'tap0', 'down']);
report('down', { result: tap.send([{ bytes: new Uint8Array(60) }]), events: events.splice(0) });
await must('k', ['ip', 'link', 'set', 'tap0', 'up']);
report('up', { result: tap.send([{ bytes: new Uint8Array(60) }]), events: events.splice(0) });

const started = performance.now();
await tap.close();
report('closed', {
  ms: performance.now() - started,
  gone: (await exec('k', ['ip', 'link', 'show', 'tap0'])).code !== 0,
});
report('after-close', { result: tap.send([{ bytes: new Uint8Array(60) }]) });

const deleted = inHostNetwork('k', () => openTap({ name: 'tap1', mtu: 1500 }));
deleted.onBatch(() => {});
deleted.onEvent((event) => events.push(event));
await must('k', ['ip', 'link', 'del', 'tap1']);
await sleep(100);
report('deleted', { events: events.splice(0), result: deleted.send([{ bytes: new Uint8Array(60) }]) });
await deleted.close();

report(
  'bad-name',
  describeError(() => openTap({ name: 'a name too long by far', mtu: 1500 })),
);
report(
  'bad-mtu',
  describeError(() => openTap({ name: 'tap2', mtu: 12 })),
);
await mustRun(['mount', '-t', 'tmpfs', 'tmpfs', '/dev/net']);
report(
  'no-tun',
  describeError(() => openTap({ name: 'tap3', mtu: 1500 })),
);
writeFileSync('/dev/net/tun', '');
await run(['chmod', '000', '/dev/net/tun']);
report(
  'not-tun',
  describeError(() => openTap({ name: 'tap3', mtu: 1500 })),
);

function describeError(body: () => unknown): Record<string, string> {
  try {
    body();
  } catch (error) {
    if (error instanceof OsError) return { code: error.code, message: error.message, remedy: error.remedy };
    throw error;
  }
  return { code: 'none' };
}
