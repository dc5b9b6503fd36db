/**
 * A tunnel that carries much, or nothing, for long. Argument: JSON of the settings and one of `packets` (both ways through the firewall),
 * `bytes` (one way, UDP) or `idle_ms`; `impairment` of the way between hub 22 and the firewall.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  capture,
  type ImpairmentOptions,
  interfaceCounter,
  TWO_LAN,
  twoLanNetwork,
} from '../../src/transport/netlab/index.ts';
import { report } from '../support/scenario.ts';
import { iperf } from '../support/traffic.ts';
import { packets } from '../support/tshark.ts';
import { Tunnel, type TunnelSettings } from '../support/tunnel.ts';

interface Plan extends TunnelSettings {
  packets?: number;
  bytes?: number;
  idle_ms?: number;
  impairment?: ImpairmentOptions;
}

/** Offered load, each way: what two gateways on two cores carry without losing most of it. */
const UDP = ['-u', '-l', '1200'];
const BOTH_WAYS = [...UDP, '-b', '40M', '--bidir'];
const ONE_WAY = [...UDP, '-b', '130M'];
const ROUND_S = 30;
/** A data record begins so (docs/PROTOCOL.md section 3), and an ARP packet in one is no longer than this. */
const DATA_RECORD = 'tcp.payload[0:1] == 40 || udp.payload[0:1] == 40';
const ARP_RECORD_BYTES = 92;
const F10_HEADERS_BYTES = 54;

const plan = JSON.parse(process.argv[2]) as Plan;
const { taps, firewall, terminal, gateway20 } = TWO_LAN;
const network = await twoLanNetwork({ ...(plan.impairment && { impairment: plan.impairment }) });
const tunnel = await Tunnel.open(plan);

/** Goes on with rounds of traffic until `done` says that it was enough. */
async function until(done: () => Promise<boolean>, args: string[]): Promise<number> {
  let received = 0;
  for (let rounds = 1; !(await done()); rounds += 1) {
    const { bits_per_s, error } = await iperf(ROUND_S, false, args);
    received += (bits_per_s * ROUND_S) / 8;
    report('round', { rounds, bits_per_s, error, firewall: await network.firewallCounters() });
  }
  return received;
}

if (plan.packets !== undefined) {
  const wanted = plan.packets;
  await until(async () => (await network.firewallCounters()).forwarded >= wanted, BOTH_WAYS);
}
if (plan.bytes !== undefined) {
  const wanted = plan.bytes;
  const passed = (): Promise<number> => interfaceCounter(firewall.host, firewall.wan.interface, 'rx_bytes');
  const received = await until(async () => (await passed()) >= wanted, ONE_WAY);
  report('one-way', { received, passed: await passed() });
}
if (plan.idle_ms !== undefined) {
  const w3 = await capture(taps.W3.host, taps.W3.interface, join(plan.folder, 'w3.pcapng'));
  await sleep(plan.idle_ms);
  await w3.stop();
  const ours = `ip.addr == ${gateway20.ip}`;
  const long = `frame.len > ${F10_HEADERS_BYTES + ARP_RECORD_BYTES}`;
  report('idle', {
    packets: (await packets(terminal.host, w3.file, ours)).length,
    records: (await packets(terminal.host, w3.file, `${ours} && (${DATA_RECORD})`)).length,
    tunnelInTunnel: (await packets(terminal.host, w3.file, `${ours} && (${DATA_RECORD}) && ${long}`)).slice(0, 5),
  });
}
report('end', {
  states: await tunnel.states(),
  drops: await tunnel.drops(),
  internalErrors: await tunnel.internalErrors(),
  firewall: await network.firewallCounters(),
});
report('stopped', { codes: await tunnel.stop() });
process.exit(0);
