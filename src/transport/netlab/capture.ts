import { setTimeout as sleep } from 'node:timers/promises';
import { type HostName, spawn } from './hosts.ts';

/** A running capture. `stop` flushes the file and resolves when it is complete. */
export interface Capture {
  file: string;
  stop(): Promise<void>;
}

/** What a capture keeps. */
export interface CaptureOptions {
  /** Capture filter in libpcap's language. */
  filter?: string;
  /** Bytes kept of each packet; default: all. */
  snapLength?: number;
}

/** Time for packets that have just passed to reach dumpcap's buffer. */
const SETTLE_MS = 200;
const KERNEL_BUFFER_MIB = 32;

/** Captures an interface, both directions, to a pcapng file by dumpcap (package wireshark-common). Resolves when it captures. */
export async function capture(
  host: HostName,
  name: string,
  file: string,
  options: CaptureOptions = {},
): Promise<Capture> {
  const argv = ['dumpcap', '-q', '-i', name, '-w', file, '-B', String(KERNEL_BUFFER_MIB)];
  if (options.snapLength !== undefined) argv.push('-s', String(options.snapLength));
  if (options.filter !== undefined) argv.push('-f', options.filter);
  const process = spawn(host, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  await started(process.child.stderr, process.exit, `${host}/${name}`);
  return {
    file,
    async stop() {
      await sleep(SETTLE_MS);
      const code = await process.stop('SIGINT');
      if (code !== 0) throw new Error(`dumpcap on ${host}/${name} ended with code ${code}`);
    },
  };
}

/** dumpcap names the file once it has opened interface and file. */
async function started(errors: NodeJS.ReadableStream | null, exit: Promise<number>, where: string): Promise<void> {
  let text = '';
  const ready = new Promise<void>((resolve) => {
    errors?.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('File:')) resolve();
    });
  });
  const ended = exit.then((code) => {
    throw new Error(`dumpcap on ${where} did not start (code ${code}): ${text.trim() || 'is it installed?'}`);
  });
  // Later exits are judged by stop().
  ended.catch(() => {});
  await Promise.race([ready, ended]);
}
