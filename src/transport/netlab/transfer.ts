import type { HostName } from './hosts.ts';
import { type JsonProgram, jsonProgram } from './json-program.ts';
import { programBeside } from './program.ts';

const DEFAULT_PORT = 5001;
/** Sends or receives by the kernel's TCP. */
export const TRANSFER_PROGRAM = programBeside(import.meta.url, 'transfer-process');

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
  const server = jsonProgram(to, TRANSFER_PROGRAM, ['serve', String(port)], (line) => {
    if (line.event === 'progress') onProgress?.((line as unknown as TransferEnd).bytes);
  });
  let sender: JsonProgram | undefined;
  let isLate = false;
  const timer = timeout_ms === undefined ? undefined : setTimeout(() => end(true), timeout_ms);
  const end = (late: boolean): void => {
    isLate = late;
    server.process.child.kill('SIGKILL');
    sender?.process.child.kill('SIGKILL');
  };
  try {
    await server.heard('listening');
    sender = jsonProgram(from, TRANSFER_PROGRAM, ['send', address, String(port), String(bytes)]);
    const sent = await sender.heard<TransferEnd>('sent');
    return { sent, received: await server.heard<TransferEnd>('received') };
  } catch (error) {
    throw isLate ? new Error(`not through after ${timeout_ms} ms`) : error;
  } finally {
    clearTimeout(timer);
    end(false);
    await server.process.exit;
  }
}
