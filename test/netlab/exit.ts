/** Leaves with a port open and idle: by process.exit, or (argument `worker`) by ending a worker thread that has one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { openPacket } from '../../src/transport/os/index.ts';
import { report } from '../support/scenario.ts';

const module = JSON.stringify(new URL('../../src/transport/os/index.ts', import.meta.url).href);
const program = `import(${module}).then(({ openPacket }) => {
  openPacket({ interface: 'lo', promiscuous: false }).onBatch(() => {});
  require('node:worker_threads').parentPort.postMessage('open');
})`;

if (process.argv[2] === 'worker') {
  const worker = new Worker(program, { eval: true });
  await new Promise((resolve) => worker.once('message', resolve));
  await sleep(100);
  const started = performance.now();
  await worker.terminate();
  report('terminated', { ms: performance.now() - started });
} else {
  openPacket({ interface: 'lo', promiscuous: false }).onBatch(() => {});
  await sleep(100);
  report('leaving', { at_ms: Date.now() });
  process.exit(3);
}
