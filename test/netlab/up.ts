/** `glassgate up` on a real interface: a kernel host (a) beside one gateway (g), then everything an operator may do to it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { address, cable, createHost, exec, must, ping } from '../../src/transport/netlab/index.ts';
import { report } from '../support/scenario.ts';
import { glassgate, UpProcess, writeKeys } from '../support/up-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'gg-up-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const config = join(folder, 'gateway20.yaml');
const socket = join(folder, 'control.sock');
await writeKeys(join(folder, 'keys'), ['gateway20']);
writeFileSync(
  config,
  `
name: gateway20
interface: { name: eth0, mac: 02:00:00:00:00:20 }
address: 10.2.0.20/24
tls: { ca: keys/ca.pem, certificate: keys/gateway20.pem, key: keys/gateway20.key }
listen: { port: 4433 }
peers: [ { name: gateway30, address: 10.2.0.30, port: 4433, connect: true } ]
journal: { file: run.journal }
control: { socket: control.sock }
`,
);

await createHost('a');
await createHost('g');
await cable('a', 'eth0', 'g', 'eth0');
await address('a', 'eth0', '10.2.0.1/24', '02:00:00:00:00:0a');

const up = new UpProcess('g', config);
report('ready', await up.line(({ kind }) => kind === 'ready'));

const { sent, received } = await ping('a', '10.2.0.20', { count: 5, interval_ms: 20 });
const large = await ping('a', '10.2.0.20', { count: 2, interval_ms: 20, size: 1472 });
const neighbour = await must('a', ['ip', 'neigh', 'show', '10.2.0.20']);
report('ping', { sent, received, large: large.received, neighbour: neighbour.trim() });

// The peer that it connects to does not exist: ARP is asked for it, and nothing else happens.
report('status', JSON.parse(await must('g', glassgate('status', '--json', '--socket', socket))));
report('table', { text: await must('g', glassgate('status', '--socket', socket)) });

for (const [name, args] of [
  ['same address', ['up', config]],
  ['unknown peer', ['connect', 'gateway99', '--socket', socket]],
  ['disconnect', ['disconnect', 'gateway30', '--socket', socket]],
] as const) {
  const { code, stdout, stderr } = await exec('g', glassgate(...args));
  report('command', { name, code, stdout, stderr });
}

up.process.child.kill('SIGUSR2');
report('dump', await up.line(({ text }) => text.startsWith('SIGUSR2')));
const live = await exec('g', glassgate('replay', '--verify', join(folder, 'run.journal')));
report('live', { code: live.code, stdout: live.stdout, stderr: live.stderr });
const started = performance.now();
// As when a process group gets it and a launcher forwards it too.
for (let again = 0; again < 3; again++) {
  up.process.child.kill('SIGTERM');
  await sleep(5);
}
const ended = await Promise.race([up.process.exit, sleep(8000).then(() => 'still there')]);
report('stopped', {
  code: ended,
  ms: performance.now() - started,
  stderr: up.stderr,
  lines: up.lines.map(({ text }) => text).slice(-2),
  left: readdirSync(folder).filter((name) => /sock|-wal|-shm/.test(name)),
});
const replayed = await exec('g', glassgate('replay', '--verify', '--json', join(folder, 'run.journal')));
report('replay', { code: replayed.code, stdout: replayed.stdout, stderr: replayed.stderr });

// Again, with the journal of the run before in the way; then the interface goes away under it.
const second = new UpProcess('g', config);
report('again', await second.line(({ kind }) => kind === 'ready'));
await must('g', ['ip', 'link', 'del', 'eth0']);
const code = await Promise.race([second.process.exit, sleep(8000).then(() => 'still there')]);
report('lost', { code, lines: second.lines.map(({ text }) => text) });
process.exit(0);
