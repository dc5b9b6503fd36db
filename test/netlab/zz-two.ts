import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exec, must, ping, twoLanNetwork } from '../../src/transport/netlab/index.ts';
import { report } from '../support/scenario.ts';
import { glassgate, UpProcess, writeKeys } from '../support/up-process.ts';
const [embodiment, f13] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'gg-two-'));
await writeKeys(folder, ['gateway20', 'gateway30']);
const conf = (n: string, rest: string) => { const f = join(folder, `${n}.yaml`); writeFileSync(f, `
name: ${n}
embodiment: ${embodiment}
interface: { name: eth0, mac: interface }
tls: { ca: ca.pem, certificate: ${n}.pem, key: ${n}.key }
journal: { file: ${n}.journal }
control: { socket: ${n}.sock }
${rest}
`); return f; };
const net = await twoLanNetwork();
const g20 = new UpProcess('gw20', conf('gateway20', `address: 192.0.2.20/24\ngateway: 192.0.2.33\nlisten: { port: 4433, f13: ${f13} }\npeers: [{ name: gateway30, f13: ${f13} }]`));
await g20.line(({ kind }) => kind === 'ready');
const g30 = new UpProcess('gw30', conf('gateway30', `numerals: 3000\naddress: 198.51.100.30/24\ngateway: 198.51.100.33\npeers: [{ name: gateway20, address: 192.0.2.20, port: 4433, connect: true, f13: ${f13} }]`));
try {
await g30.line(({ text }) => text.startsWith('tunnel to gateway20 is up'), 8000);
} catch (e) { report('error', { e: String(e) }); for (const g of [g20, g30]) for (const l of g.lines) console.log(l.time, l.layer ?? '', l.text); }
report('ping', { ...(await ping('t21', '10.9.0.2', { count: 5, interval_ms: 50 })) });
const { transfer } = await import('../../src/transport/netlab/transfer.ts');
const t = performance.now();
try { const r = await transfer('t21', 's31', '10.9.0.2', 10_000_000); report('transfer', { ...r, ms: performance.now() - t }); } catch (e) { report('transfer-error', { e: String(e) }); }
console.log(await must('gw20', glassgate('status', '--socket', join(folder, 'gateway20.sock'))));
console.log(await must('gw30', glassgate('status', '--socket', join(folder, 'gateway30.sock'))));
report('fw', { ...(await net.firewallCounters()) });
report('stop', { a: await g30.process.stop(), b: await g20.process.stop(), e: g20.stderr + g30.stderr });
for (const n of ['gateway20', 'gateway30']) console.log(await exec('gw20', glassgate('replay', '--verify', join(folder, `${n}.journal`))));
process.exit(0);
