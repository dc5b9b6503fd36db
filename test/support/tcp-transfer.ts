/**
 * A TCP transfer between kernels. `serve PORT`: prints a line when it listens, then the bytes and SHA-256 of the first
 * connection, and ends. `send ADDRESS PORT BYTES`: sends a fixed pattern, and prints the same of what it sent.
 */
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { report } from './scenario.ts';

const CHUNK_BYTES = 64 * 1024;

function serve(port: number): void {
  const server = createServer((socket) => {
    const hash = createHash('sha256');
    socket.on('data', (chunk) => hash.update(chunk));
    socket.on('end', () => {
      report('received', { bytes: socket.bytesRead, sha256: hash.digest('hex') });
      socket.end();
      server.close();
    });
  });
  server.listen(port, () => report('listening'));
}

async function send(address: string, port: number, bytes: number): Promise<void> {
  const hash = createHash('sha256');
  const socket = connect(port, address);
  socket.resume();
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytes - at), `pattern ${at} `);
    hash.update(chunk);
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  socket.end();
  report('sent', { bytes, sha256: hash.digest('hex') });
}

const [verb, ...args] = process.argv.slice(2);
if (verb === 'serve') serve(Number(args[0]));
else await send(args[0], Number(args[1]), Number(args[2]));
