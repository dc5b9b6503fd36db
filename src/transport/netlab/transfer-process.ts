/**
 * One end of a TCP transfer between kernels; prints JSON lines. `serve PORT` takes what the first connection brings, `offer PORT BYTES`
 * sends it a pattern; `send ADDRESS PORT BYTES` and `fetch ADDRESS PORT` are the ends that connect to them. An end that listens tells so;
 * one that takes tells how much has come; both tell at last bytes, time and SHA-256.
 * With `plain` as last argument neither makes a sum nor a new pattern, so that TCP is what takes the time.
 */
import { createHash, type Hash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';

const CHUNK_BYTES = 64 * 1024;
const PLAIN_BUFFER_BYTES = 256 * 1024;
const PROGRESS_MS = 500;

function tell(event: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

/** Waits for one connection. */
function listen(port: number, use: (socket: Socket) => void): void {
  const server = createServer({ highWaterMark: PLAIN_BUFFER_BYTES }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => server.close());
    use(socket);
  });
  server.listen(port, () => tell('listening'));
}

function dial(address: string, port: number): Socket {
  const socket = connect(port, address);
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  return socket;
}

function take(socket: Socket, hash: Hash | undefined): void {
  const start_ms = performance.now();
  const timer = setInterval(() => tell('progress', { bytes: socket.bytesRead }), PROGRESS_MS);
  socket.on('data', (chunk) => hash?.update(chunk));
  socket.on('close', () => clearInterval(timer));
  socket.on('end', () => {
    const time_ms = performance.now() - start_ms;
    tell('received', { bytes: socket.bytesRead, sha256: hash?.digest('hex'), time_ms });
    socket.end();
  });
}

async function give(socket: Socket, bytes: number, hash: Hash | undefined): Promise<void> {
  const start_ms = performance.now();
  socket.resume();
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
if (verb === 'serve') listen(Number(args[0]), (socket) => take(socket, sum));
else if (verb === 'offer') listen(Number(args[0]), (socket) => void give(socket, Number(args[1]), sum));
else if (verb === 'fetch') take(dial(args[0] as string, Number(args[1])), sum);
else await give(dial(args[0] as string, Number(args[1])), Number(args[2]), sum);
