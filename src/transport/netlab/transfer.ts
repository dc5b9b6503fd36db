import { createInterface } from 'node:readline';
import { type HostName, type HostProcess, spawn } from './hosts.ts';
import { nodeCommand, programBeside } from './program.ts';

const DEFAULT_PORT = 5001;
const PROGRAM = programBeside(import.meta.url, 'transfer-process');

/** What one end says of a transfer. */
export interface TransferEnd {
  bytes: number;
  /** 64 hex digits. */
  sha256: string;
  /** From the connection's start (receiver: from its acceptance) to the last byte. */
  time_ms: number;
}

export interface Transfer {
  sent: TransferEnd;
  received: TransferEnd;
}

export interface TransferOptions {
  /** Hears every half second how many bytes have come. */
  onProgress?: (bytes: number) => void;
  /** Both ends are killed and the transfer fails after so long; default: never. */
  timeout_ms?: number;
  /** Where the receiver listens; transfers at the same time need one each. Default 5001. */
  port?: number;
}

/** Sends a pattern from one host to another by their kernels' TCP; throws when it does not come to its end. Inside a sandbox. */
export async function transfer(
  from: HostName,
  to: HostName,
  address: string,
  bytes: number,
  { onProgress, timeout_ms, port = DEFAULT_PORT }: TransferOptions = {},
): Promise<Transfer> {
  const server = program(to, ['serve', String(port)], onProgress);
  let sender: Program | undefined;
  let isLate = false;
  const timer = timeout_ms === undefined ? undefined : setTimeout(() => end(true), timeout_ms);
  const end = (late: boolean): void => {
    isLate = late;
    server.process.child.kill('SIGKILL');
    sender?.process.child.kill('SIGKILL');
  };
  try {
    await server.heard('listening');
    sender = program(from, ['send', address, String(port), String(bytes)]);
    const sent = await sender.heard('sent');
    return { sent, received: await server.heard('received') };
  } catch (error) {
    throw isLate ? new Error(`not through after ${timeout_ms} ms`) : error;
  } finally {
    clearTimeout(timer);
    end(false);
    await server.process.exit;
  }
}

interface Program {
  process: HostProcess;
  /** The fields of the line with this event; fails when the program ends without it. */
  heard(event: string): Promise<TransferEnd>;
}

function program(host: HostName, args: string[], onProgress?: (bytes: number) => void): Program {
  const process = spawn(host, nodeCommand(PROGRAM, args), { stdio: ['ignore', 'pipe', 'pipe'] });
  const events = new Map<string, TransferEnd>();
  const waiting = new Map<string, (end: TransferEnd) => void>();
  let errors = '';
  process.child.stderr?.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const closed = new Promise<void>((resolve) => process.child.once('close', () => resolve()));
  createInterface({ input: process.child.stdout! }).on('line', (line) => {
    const { event, ...fields } = JSON.parse(line) as { event: string } & TransferEnd;
    if (event === 'progress') onProgress?.(fields.bytes);
    events.set(event, fields);
    waiting.get(event)?.(fields);
  });
  const heard = (event: string): Promise<TransferEnd> =>
    new Promise((resolve, reject) => {
      const known = events.get(event);
      if (known !== undefined) return resolve(known);
      waiting.set(event, resolve);
      void closed.then(() =>
        reject(new Error(`transfer: ${args[0]} in ${host} ended without "${event}" ${errors.trim()}`)),
      );
    });
  return { process, heard };
}
