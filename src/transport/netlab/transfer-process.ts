/**
 * One end of a TCP transfer between kernels; prints JSON lines. `serve PORT`: tells when it listens, how much has come of the first
 * connection, and at last bytes, time and SHA-256. `send ADDRESS PORT BYTES`: sends a pattern and tells the same of what it sent.
 * With `plain` as last argument neither makes a sum nor a new pattern, so that TCP is what takes the time.
 */
import { createHash, type Hash } from 'node:crypto';
import { connect, createServer } from 'node:net';

const CHUNK_BYTES = 64 * 1024;
const PLAIN_BUFFER_BYTES = 256 * 1024;
const PROGRESS_MS = 500;

function tell(event: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

function serve(port: number, hash: Hash | undefined): void {
  const server = createServer({ highWaterMark: PLAIN_BUFFER_BYTES }, (socket) => {
    const start_ms = performance.now();
    const timer = setInterval(() => tell('progress', { bytes: socket.bytesRead }), PROGRESS_MS);
    socket.on('data', (chunk) => hash?.update(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearInterval(timer);
      server.close();
    });
    socket.on('end', () => {
      const time_ms = performance.now() - start_ms;
      tell('received', { bytes: socket.bytesRead, sha256: hash?.digest('hex'), time_ms });
      socket.end();
    });
  });
  server.listen(port, () => tell('listening'));
}

async function send(address: string, port: number, bytes: number, hash: Hash | undefined): Promise<void> {
  const start_ms = performance.now();
  const socket = connect(port, address);
  socket.resume();
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  const plain = Buffer.alloc(PLAIN_BUFFER_BYTES, 'pattern ');
  const step = hash === undefined ? PLAIN_BUFFER_BYTES : CHUNK_BYTES;
  for (let at = 0; at < bytes; at += step) {
    const length = Math.min(step, bytes - at);
    const chunk = hash === undefined ? plain.subarray(0, length) : Buffer.alloc(length, `pattern ${at} `);
    hash?.update(chunk);
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  socket.end();
  tell('sent', { bytes, sha256: hash?.digest('hex'), time_ms: performance.now() - start_ms });
}

const [verb, ...args] = process.argv.slice(2);
const sum = args.at(-1) === 'plain' ? undefined : createHash('sha256');
if (verb === 'serve') serve(Number(args[0]), sum);
else await send(args[0], Number(args[1]), Number(args[2]), sum);
