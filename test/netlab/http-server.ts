/** `http-server.ts PORT BYTES`: answers every request with a pattern; prints its SHA-256 first. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { report } from '../support/scenario.ts';

const [port, bytes] = process.argv.slice(2).map(Number);
const block = Buffer.alloc(1_000_000, 'a page of a newspaper from last week ');
const parts = Math.ceil(bytes / block.length);
const part = (at: number): Buffer => block.subarray(0, Math.min(block.length, bytes - at * block.length));

const hash = createHash('sha256');
for (let at = 0; at < parts; at += 1) hash.update(part(at));
const sha256 = hash.digest('hex');

createServer(async (_request, response) => {
  response.writeHead(200, { 'content-length': bytes });
  for (let at = 0; at < parts; at += 1) {
    if (!response.write(part(at))) await new Promise((resolve) => response.once('drain', resolve));
  }
  response.end();
}).listen(port, () => report('listening', { bytes, sha256 }));
