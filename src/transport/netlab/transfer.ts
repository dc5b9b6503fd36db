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
  /** Where the far end listens; transfers at the same time need one each. Default 5001. */
  port?: number;
  /** The bytes come back over the connection instead: the host that connects receives. */
  back?: boolean;
}

/** Moves a pattern over a connection from one host to another by their kernels' TCP; throws when it does not come to its end. Inside a sandbox. */
export async function transfer(
  from: HostName,
  to: HostName,
  address: string,
  bytes: number,
  { onProgress, timeout_ms, port = DEFAULT_PORT, back = false }: TransferOptions = {},
): Promise<Transfer> {
  const onLine = (line: { readonly event: string }): void => {
    if (line.event === 'progress') onProgress?.((line as unknown as TransferEnd).bytes);
  };
  const target = [address, String(port)];
  const listening = back ? ['offer', String(port), String(bytes)] : ['serve', String(port)];
  const dialling = back ? ['fetch', ...target] : ['send', ...target, String(bytes)];
  const server = jsonProgram(to, TRANSFER_PROGRAM, listening, onLine);
  let client: JsonProgram | undefined;
  let isLate = false;
  const timer = timeout_ms === undefined ? undefined : setTimeout(() => end(true), timeout_ms);
  const end = (late: boolean): void => {
    isLate = late;
    server.process.child.kill('SIGKILL');
    client?.process.child.kill('SIGKILL');
  };
  try {
    await server.heard('listening');
    client = jsonProgram(from, TRANSFER_PROGRAM, dialling, onLine);
    const [sender, receiver] = back ? [server, client] : [client, server];
    const sent = await sender.heard<TransferEnd>('sent');
    return { sent, received: await receiver.heard<TransferEnd>('received') };
  } catch (error) {
    throw isLate ? new Error(`not through after ${timeout_ms} ms`) : error;
  } finally {
    clearTimeout(timer);
    end(false);
    await server.process.exit;
  }
}
