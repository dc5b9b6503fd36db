import { readFileSync } from 'node:fs';
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

/**
 * The kernel hands dumpcap a block of packets when it is full or as old as this. What it has not been handed when it is told to stop is
 * in no file.
 */
const BLOCK_TIMEOUT_MS = 250;
/** From a block that is handed over until its packets are read, on an idle machine. */
const READ_MS = 100;
/** dumpcap has read all that it was handed when it sleeps at so many looks in a row; a busy machine lets it wait for its turn. */
const ASLEEP_LOOKS = 5;
const LOOK_EVERY_MS = 20;
/** Then it is stopped all the same. */
const ASLEEP_LIMIT_MS = 10_000;
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
      await sleep(BLOCK_TIMEOUT_MS + READ_MS);
      await asleep(process.child.pid as number);
      const code = await process.stop('SIGINT');
      if (code !== 0) throw new Error(`dumpcap on ${host}/${name} ended with code ${code}`);
    },
  };
}

/** Waits until a process has nothing to do. */
async function asleep(pid: number): Promise<void> {
  let looks = 0;
  for (let waited_ms = 0; looks < ASLEEP_LOOKS && waited_ms < ASLEEP_LIMIT_MS; waited_ms += LOOK_EVERY_MS) {
    looks = processState(pid) === 'S' ? looks + 1 : 0;
    await sleep(LOOK_EVERY_MS);
  }
}

/** `S` sleeping, `R` running or waiting for its turn, and so on (proc(5), stat); undefined when it is gone. */
function processState(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2)[0];
  } catch {
    return undefined;
  }
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
