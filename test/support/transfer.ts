import { fileURLToPath } from 'node:url';
import { exec, spawn } from '../../src/transport/netlab/hosts.ts';

const PROGRAM = fileURLToPath(new URL('./tcp-transfer.ts', import.meta.url));
const PORT = 5001;

/** What each end says of a transfer. */
export interface Transfer {
  sent: { bytes: number; sha256: string };
  received: { bytes: number; sha256: string };
}

/** Sends `bytes` from one host to another by their kernels' TCP; inside a sandbox. */
export async function transfer(from: string, to: string, address: string, bytes: number): Promise<Transfer> {
  const server = spawn(to, [process.execPath, PROGRAM, 'serve', String(PORT)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const listening = new Promise<void>((resolve) => {
    server.child.stdout?.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('listening')) resolve();
    });
  });
  await listening;
  const sender = await exec(from, [process.execPath, PROGRAM, 'send', address, String(PORT), String(bytes)]);
  await server.exit;
  return { sent: JSON.parse(sender.stdout), received: JSON.parse(text.trim().split('\n').at(-1) ?? '{}') };
}
