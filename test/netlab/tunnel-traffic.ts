/**
 * A tunnel through the firewall between kernel hosts, from before its set-up to after its tear-down. Argument: JSON of the settings, and
 * `bytes` for curl, `seconds` for iperf3 (0: none), `capture`: also read the wire W3 by tshark.
 */
import { join } from 'node:path';
import { capture, DIRECT, forgetNeighbour, ping, TWO_LAN, twoLanNetwork } from '../../src/transport/netlab/index.ts';
import { report } from '../support/scenario.ts';
import { curl, iperf } from '../support/traffic.ts';
import { faults, packets } from '../support/tshark.ts';
import { Tunnel, type TunnelSettings } from '../support/tunnel.ts';

interface Plan extends TunnelSettings {
  bytes: number;
  seconds: number;
  capture?: boolean;
}

const plan = JSON.parse(process.argv[2]) as Plan;
const { terminal, server, taps, gateway20, gateway30 } = TWO_LAN;
// As on a wire, where the wire is looked at.
const network = await twoLanNetwork({ directAddresses: true, offloads: plan.capture ? 'off' : 'on' });
const w6 = await capture(taps.W6.host, taps.W6.interface, join(plan.folder, 'w6.pcapng'), { snapLength: 64 });
const w3 = plan.capture ? await capture(taps.W3.host, taps.W3.interface, join(plan.folder, 'w3.pcapng')) : undefined;

/** Who is reached now, and what of terminal 21 was seen on the server's cable so far. */
async function reach(phase: string, count = 2): Promise<void> {
  await forgetNeighbour(terminal.host, terminal.interface, server.ip);
  const through = await ping(terminal.host, server.ip, { count, timeout_ms: 700 });
  const direct = await ping(terminal.host, DIRECT.server, { count: 2, timeout_ms: 700 });
  report(phase, {
    through: through.received,
    direct: direct.received,
    times: through.roundTrips_ms,
    firewall: await network.firewallCounters(),
  });
}

await reach('before');
const opening = Date.now() / 1000;
const tunnel = await Tunnel.open(plan);
await reach('during', 5);
if (plan.bytes > 0) report('curl', await curl(plan.bytes));
if (plan.seconds > 0)
  report('iperf', { there: await iperf(plan.seconds, false), back: await iperf(plan.seconds, true) });
report('state', {
  firewall: await network.firewallCounters(),
  conntrack: (await network.conntrack()).filter(({ protocol }) => protocol !== 'icmp'),
  drops: await tunnel.drops(),
  internalErrors: await tunnel.internalErrors(),
});
await tunnel.disconnect();
await tunnel.reaches('disconnected by operator', 'waiting for the peer');
const closed = Date.now() / 1000;
await reach('after');
report('stopped', { codes: await tunnel.stop() });
await w6.stop();
const seen = (when: string): Promise<string[]> =>
  packets(terminal.host, w6.file, `eth.src == ${terminal.mac} && (${when})`);
report('w6', {
  before: (await seen(`frame.time_epoch < ${opening}`)).length,
  all: (await seen('frame')).length,
  after: (await seen(`frame.time_epoch > ${closed}`)).length,
});
if (w3 !== undefined) {
  await w3.stop();
  const ours = `ip.addr == ${gateway20.ip} && ip.addr == ${gateway30.ip}`;
  const direct = `ip.addr == ${terminal.ip} || ip.addr == ${server.ip}`;
  report('wire', {
    packets: (await packets(terminal.host, w3.file, ours)).length,
    /** User packets in clear that are not the flooding of a hub: none may be addressed to the firewall. */
    clear: (await packets(terminal.host, w3.file, `(${direct}) && ip && eth.dst == ${TWO_LAN.firewall.wan.mac}`))
      .length,
    ...(await faults(terminal.host, w3.file, ours)),
  });
}
