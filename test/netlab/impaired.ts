/** The impairment between hub 22 and the firewall: seeded loss, delay, duplicates. Argument: options as JSON. */
import { setTimeout as sleep } from 'node:timers/promises';
import { address, ping, route, TWO_LAN, twoLanNetwork } from '../../src/transport/netlab/index.ts';
import { report } from '../support/scenario.ts';

const network = await twoLanNetwork({ impairment: JSON.parse(process.argv[2]) });
const { gateway20, gateway30 } = TWO_LAN;
for (const { host, interface: name, ip, prefix, defaultRoute } of [gateway20, gateway30]) {
  await address(host, name, `${ip}/${prefix}`);
  await route(host, 'default', defaultRoute);
}
// Neighbours are learned first, so that ARP takes no part in the count.
for (let tries = 0; tries < 10; tries += 1) {
  if ((await ping(gateway20.host, gateway30.ip, { count: 1, timeout_ms: 500 })).received === 1) break;
}
const result = await ping(gateway20.host, gateway30.ip, { count: 100, interval_ms: 5, timeout_ms: 300 });
report('ping', { ...result, counters: await network.firewallCounters() });
await network.impairment?.stop();
await sleep(50);
report('stopped', { ...(await ping(gateway20.host, gateway30.ip, { count: 1, timeout_ms: 200 })) });
