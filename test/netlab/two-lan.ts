/** The two-LAN network by itself: who can reach whom, and what the firewall counts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  address,
  capture,
  DIRECT,
  inHostNetwork,
  must,
  ping,
  route,
  TWO_LAN,
  twoLanNetwork,
} from '../../src/transport/netlab/index.ts';
import { openPacket } from '../../src/transport/os/index.ts';
import { parseIp4, parseMac } from '../../src/wire/address.ts';
import { buildTcpFrame } from '../../src/wire/build.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { report } from '../support/scenario.ts';

const network = await twoLanNetwork({ directAddresses: true, offloads: 'off' });
const { terminal, server, gateway20, gateway30, taps } = TWO_LAN;
const reaches = async (host: string, target: string): Promise<boolean> =>
  (await ping(host, target, { count: 2 })).received === 2;

const gatewayAddresses = await must(gateway20.host, ['ip', 'address', 'show', 'dev', gateway20.interface]);
report('gateway-interface', { text: gatewayAddresses });
report('lan', { reached: await reaches(terminal.host, server.ip) });
report('direct', { reached: await reaches(terminal.host, DIRECT.server), counters: await network.firewallCounters() });

for (const { host, interface: name, ip, prefix, defaultRoute } of [gateway20, gateway30]) {
  await address(host, name, `${ip}/${prefix}`);
  await route(host, 'default', defaultRoute);
}
const folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
const tap = await capture(taps.W3.host, taps.W3.interface, join(folder, 'w3.pcapng'));
report('gateways', {
  there: await reaches(gateway20.host, gateway30.ip),
  back: await reaches(gateway30.host, gateway20.ip),
  counters: await network.firewallCounters(),
});
await tap.stop();
const packets = (await must(gateway20.host, ['tshark', '-r', tap.file, '-Y', 'icmp'])).trim().split('\n');
report('capture', { packets: packets.length });
rmSync(folder, { recursive: true });

// A segment in the middle of no connection: connection tracking calls it INVALID.
const port = inHostNetwork(gateway20.host, () => openPacket({ interface: gateway20.interface, promiscuous: false }));
const ethernet = { destination: parseMac(TWO_LAN.firewall.wan.mac)!, source: parseMac(gateway20.mac)! };
const ip = { source: parseIp4(gateway20.ip)!, destination: parseIp4(gateway30.ip)! };
const tcp = { sourcePort: 2000, destinationPort: 3000, seq: 1, ack: 1, flags: Flag.SYN | Flag.FIN, window: 10 };
const sent = port.send([{ bytes: buildTcpFrame({ ethernet, ip, tcp }, new Uint8Array(0)) }]);
await port.close();
report('stray', { sent, counters: await network.firewallCounters() });
report('conntrack', { entries: await network.conntrack() });
