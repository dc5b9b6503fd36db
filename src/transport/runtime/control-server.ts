import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { LINES } from '../page/client.ts';
import type { PageHub } from '../page/hub.ts';
import {
  type ControlAnswer,
  type ControlRequest,
  type GatewayEvent,
  type GatewayStatus,
  type PeerCommand,
  parseRequest,
} from './control-protocol.ts';
import { onLines } from './lines.ts';
import { inspectSocketPath } from './places.ts';
import { SetupError } from './setup-error.ts';

/** Connections at a time. */
const CONTROL_CONNECTIONS = 32;
/** A subscriber that lets so much wait is cut off; bytes. */
const SUBSCRIBER_QUEUE_BYTES = 1_048_576;
const SOCKET_MODE = 0o600;
const FOLDER_MODE = 0o700;
const UMASK_OWNER_ONLY = 0o177;

/** What a control socket serves. */
export interface Controlled {
  status(): GatewayStatus;
  /** Throws an error whose message is for the operator. */
  command(command: PeerCommand, peer: string): void;
  /** The answer ends the subscription. */
  subscribe(listener: (event: GatewayEvent) => void): () => void;
  /** What a live page shows; absent where there is none. */
  readonly page?: Pick<PageHub, 'attach'>;
}

/** A Unix socket (mode 0600) over which the gateway is watched and told what to do. */
export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
  }

  /** Throws SetupError: another gateway is there, or the place cannot be used. */
  static async listen(path: string, controlled: Controlled): Promise<ControlServer> {
    inspectSocketPath(path);
    const server = createServer();
    const made = new ControlServer(path, server);
    server.maxConnections = CONTROL_CONNECTIONS;
    server.on('connection', (socket) => made.#serve(socket, controlled));
    await bind(server, path);
    return made;
  }

  /** Ends all connections and takes the socket away. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroySoon();
    await closed;
  }

  #serve(socket: Socket, controlled: Controlled): void {
    this.#sockets.add(socket);
    let unsubscribe: (() => void) | undefined;
    let lookAway: (() => void) | undefined;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      unsubscribe?.();
      lookAway?.();
    });
    const send = (message: object): void => {
      if (!socket.writable) return;
      if (socket.writableLength > SUBSCRIBER_QUEUE_BYTES) socket.destroy();
      else socket.write(`${JSON.stringify(message)}\n`);
    };
    onLines(socket, (line) => {
      const request = parseRequest(line);
      if (request === undefined) {
        send({ id: 0, ok: false, error: 'not a request: {"id":1,"command":"status"}' });
        return;
      }
      send(answer(controlled, request));
      if (request.command === 'subscribe') unsubscribe ??= controlled.subscribe((event) => send({ event }));
      if (request.command === 'look') lookAway ??= controlled.page?.attach(socket, LINES);
    });
  }
}

function answer(controlled: Controlled, request: ControlRequest): ControlAnswer {
  const { id } = request;
  try {
    if (request.command === 'look' && controlled.page === undefined)
      return { id, ok: false, error: 'there is nothing to look at' };
    if (request.command === 'status') return { id, ok: true, result: controlled.status() };
    if ('peer' in request) controlled.command(request.command, request.peer);
    return { id, ok: true, result: null };
  } catch (error) {
    return { id, ok: false, error: (error as Error).message };
  }
}

/** A socket file that nobody listens behind was left by a killed process. Anything else is not ours to take away. */
async function removeStale(path: string): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) return;
  if (!file.isSocket())
    throw new SetupError(
      'config',
      `control socket ${path}: there is a file that is no socket; set control.socket to a free path`,
    );
  if (await isAnswered(path))
    throw new SetupError(
      'runtime',
      `control socket ${path}: another gateway runs with it; \`glassgate status --socket ${path}\` shows it. Stop that one, or set control.socket`,
    );
  rmSync(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'));
  });
}

async function bind(server: Server, path: string): Promise<void> {
  try {
    await removeStale(path);
    mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // The socket has its mode from its first moment on.
      const before = process.umask(UMASK_OWNER_ONLY);
      try {
        server.listen(path, () => resolve());
      } finally {
        process.umask(before);
      }
    });
    chmodSync(path, SOCKET_MODE);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const isForbidden = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    throw new SetupError(
      isForbidden ? 'facility' : 'runtime',
      `control socket ${path}: cannot be made (${isForbidden ? code : message}); set control.socket to a place where this user may write`,
    );
  }
}
