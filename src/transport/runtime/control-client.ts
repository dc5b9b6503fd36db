import { connect, type Socket } from 'node:net';
import type { ControlAnswer, ControlRequest, GatewayEvent } from './control-protocol.ts';
import { parseJson } from './control-protocol.ts';
import { onLines } from './lines.ts';
import { SetupError } from './setup-error.ts';

/** A gateway that does not answer in this time is stuck. */
const ANSWER_TIMEOUT_MS = 5_000;

type Wanted = ControlRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

/** Asks a running gateway one thing. Throws SetupError when there is none, when it refuses, or does not answer. */
export async function ask(path: string, request: Wanted): Promise<unknown> {
  const socket = await open(path);
  try {
    return await answerOf(socket, path, request, () => {});
  } finally {
    socket.destroy();
  }
}

/** Hears a gateway's events until `signal` is given or the gateway ends. */
export async function follow(path: string, onEvent: (event: GatewayEvent) => void, signal: AbortSignal): Promise<void> {
  const socket = await open(path);
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  await answerOf(socket, path, { command: 'subscribe' }, onEvent);
  await ended;
}

function answerOf(
  socket: Socket,
  path: string,
  request: Wanted,
  onEvent: (event: GatewayEvent) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(new SetupError('runtime', `the gateway behind ${path} did not answer within ${ANSWER_TIMEOUT_MS} ms`)),
      ANSWER_TIMEOUT_MS,
    );
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new SetupError('runtime', `the gateway behind ${path} ended the connection`));
    });
    onLines(socket, (line) => {
      const message = parseJson(line) as (ControlAnswer & { event?: undefined }) | { event: GatewayEvent } | undefined;
      if (message?.event !== undefined) {
        onEvent(message.event);
        return;
      }
      clearTimeout(timer);
      if (message === undefined) reject(new SetupError('runtime', `what listens at ${path} is no glassgate`));
      else if (message.ok) resolve(message.result);
      else reject(new SetupError('runtime', message.error));
    });
    socket.write(`${JSON.stringify({ id: 1, ...request })}\n`);
  });
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code === 'EACCES')
        reject(new SetupError('facility', `${path} belongs to another user; run as that user, or as root`));
      else if (code === 'ENOENT' || code === 'ECONNREFUSED')
        reject(
          new SetupError(
            'runtime',
            `no gateway runs with the control socket ${path}; start one with \`glassgate up CONFIG\``,
          ),
        );
      else reject(new SetupError('runtime', `${path}: ${message}`));
    });
  });
}
