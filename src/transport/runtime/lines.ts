import type { Socket } from 'node:net';
import { CONTROL_LINE_BYTES } from './control-protocol.ts';

/** Calls `take` for each line that a socket delivers; a line of more characters than `limit` ends the connection. */
export function onLines(socket: Socket, take: (line: string) => void, limit = CONTROL_LINE_BYTES): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (socket.destroyed) return;
      if (line.trim() !== '') take(line);
    }
    if (rest.length > limit) socket.destroy();
  });
}
