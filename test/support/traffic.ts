import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exec, must, spawn, TWO_LAN } from '../../src/transport/netlab/index.ts';

const HTTP_SERVER = fileURLToPath(new URL('../netlab/http-server.ts', import.meta.url));
const HTTP_PORT = 8080;
const IPERF_START_MS = 300;
const { terminal, server } = TWO_LAN;

/** Terminal 21 fetches a page of so many bytes from server 31 by curl; what the server sent and curl got. */
export async function curl(bytes: number): Promise<{ bytes: number; sent: string; received: string; time_ms: number }> {
  const running = spawn(server.host, [process.execPath, HTTP_SERVER, String(HTTP_PORT), String(bytes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await new Promise<string[]>((resolve) =>
    createInterface({ input: running.child.stdout! }).once('line', (...args) => resolve(args)),
  );
  const started = performance.now();
  const url = `http://${server.ip}:${HTTP_PORT}/`;
  const text = await must(terminal.host, ['sh', '-c', `curl -sS --fail ${url} | sha256sum`]);
  const time_ms = Math.round(performance.now() - started);
  await running.stop();
  return { bytes, sent: JSON.parse(line).sha256, received: text.slice(0, 64), time_ms };
}

/** iperf3 from terminal 21 to server 31 (`back`: the other way); bits per second that arrived, or what went wrong. */
export async function iperf(
  seconds: number,
  back: boolean,
  args: string[] = [],
): Promise<{ bits_per_s: number; error?: string }> {
  const running = spawn(server.host, ['iperf3', '-s', '-1'], { stdio: 'ignore' });
  await sleep(IPERF_START_MS);
  const argv = ['iperf3', '-c', server.ip, '-t', String(seconds), '-J', ...(back ? ['-R'] : []), ...args];
  const { stdout, code } = await exec(terminal.host, argv, { timeout_ms: (seconds + 30) * 1000 });
  await running.stop();
  const { end, error } = JSON.parse(stdout || '{}');
  return {
    bits_per_s: Math.round(end?.sum_received?.bits_per_second ?? 0),
    ...(code !== 0 && { error: error ?? `code ${code}` }),
  };
}
