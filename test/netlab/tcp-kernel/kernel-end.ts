/** The kernel's TCP as one end of a test. Orders come as JSON lines, events go out as such. */
import { createServer, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connectOver } from './kernel-route.ts';
import { ManyConnections } from './many.ts';
import type { Order, Service, Told } from './orders.ts';
import { Talk } from './talk.ts';

interface Connection {
  readonly talk: Talk;
  readonly socket: Socket;
}

/** Names of errors as our TCP words them. */
const REASONS: Record<string, string> = {
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timed-out',
  EHOSTUNREACH: 'unreachable',
};

const connections = new Map<string, Connection>();
let many: ManyConnections | undefined;
let accepted = 0;

function tell(event: Told['event'], fields: Record<string, unknown> = {}): void {
  const id = fields.id as string | undefined;
  if (id?.startsWith('many-')) {
    if (event === 'received') many?.received(id, fields.bytes as number);
    if (event === 'closed') many?.closed(id, fields.reason as string);
    return;
  }
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

function take(id: string, socket: Socket, service: Service, told: boolean): Talk {
  const say: typeof tell = (event, fields) => (told ? tell(event, fields) : undefined);
  const talk = new Talk(
    id,
    service,
    {
      write: (bytes) => socket.write(bytes),
      again: (after_ms) => void setTimeout(() => talk.drained(), after_ms),
      close: () => void socket.end(),
      read: (on) => void (on ? socket.resume() : socket.pause()),
    },
    say,
  );
  let reason = 'normal';
  socket.on('data', (bytes) => talk.received(bytes as unknown as Uint8Array));
  socket.on('end', () => talk.ended());
  socket.on('drain', () => talk.drained());
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = REASONS[error.code ?? ''] ?? error.code ?? error.message;
  });
  socket.on('close', () => {
    talk.closed();
    connections.delete(id);
    say('closed', { id, reason, received: talk.received_bytes });
  });
  connections.set(id, { talk, socket });
  return talk;
}

function connect(order: Order & { order: 'connect' }): void {
  const { id, address, port, sourcePort, service, hops } = order;
  if (hops !== undefined) {
    connectOver(hops, address, port).then((fd) => connected(id, new Socket({ fd, allowHalfOpen: true }), service));
    return;
  }
  const socket = new Socket({ allowHalfOpen: true });
  const talk = take(id, socket, service, true);
  socket.connect({ host: address, port, ...(sourcePort !== undefined && { localPort: sourcePort }) }, () => {
    socket.setNoDelay(true);
    tell('connected', { id, localPort: socket.localPort });
    talk.open();
  });
}

function connected(id: string, socket: Socket, service: Service): void {
  const talk = take(id, socket, service, true);
  socket.setNoDelay(true);
  tell('connected', { id, localPort: socket.localPort });
  talk.open();
}

function listen({ port, service }: Order & { order: 'listen' }): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const isQuiet = service === 'reply';
    const id = `kernel-${++accepted}`;
    const talk = take(id, socket, service, !isQuiet);
    if (!isQuiet) tell('accepted', { id, port, remotePort: socket.remotePort });
    talk.open();
  });
  server.on('error', (error) => tell('broken', { text: error.message }));
  // Both families.
  server.listen(port, '::', 4096, () => tell('listening', { port }));
}

function obey(order: Order): void {
  switch (order.order) {
    case 'listen':
      return listen(order);
    case 'connect':
      return connect(order);
    case 'many': {
      const { count, parallel, address, port } = order;
      const ask = (id: string): void => connect({ order: 'connect', id, address, port, service: 'ask' });
      many = new ManyConnections(count, parallel, (id) => setImmediate(() => ask(id)), tell);
      return;
    }
    case 'stats':
      return tell('stats', {
        connections: [...connections].map(([id, { talk }]) => ({ id, bytesIn: talk.received_bytes })),
      });
    default:
      return obeyFor(order);
  }
}

function obeyFor(order: Exclude<Order, { order: 'listen' | 'connect' | 'many' | 'stats' }>): void {
  const connection = connections.get(order.id);
  if (connection === undefined) return;
  const { socket, talk } = connection;
  if (order.order === 'send') talk.send(order);
  else if (order.order === 'read') void (order.on ? socket.resume() : socket.pause());
  else if (order.order === 'close') socket.end();
  else if (order.order === 'abort') socket.resetAndDestroy();
  else if (order.order === 'drop') socket.destroy();
  else if (order.option === 'keepalive') socket.setKeepAlive(true, order.value);
  else socket.setNoDelay(order.value === 0);
}

createInterface({ input: process.stdin }).on('line', (line) => obey(JSON.parse(line) as Order));
process.stdin.on('end', () => process.exit(0));
tell('ready');
