import { readdirSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { SetupError } from './setup-error.ts';

const EXTENSION = '.sock';
const ROOT_FOLDER = '/run/glassgate';

/** Folder of the control sockets of this user's gateways. */
export function controlFolder(): string {
  const uid = process.getuid?.() ?? 0;
  if (uid === 0) return ROOT_FOLDER;
  return process.env.XDG_RUNTIME_DIR
    ? join(process.env.XDG_RUNTIME_DIR, 'glassgate')
    : join('/tmp', `glassgate-${uid}`);
}

/** Where a gateway's control socket is: as configured (relative to the configuration's folder), or in the user's folder by its name. */
export function controlPath(configured: string | undefined, folder: string, name: string): string {
  if (configured === undefined) return join(controlFolder(), `${name}${EXTENSION}`);
  return isAbsolute(configured) ? configured : resolve(folder, configured);
}

/** The one gateway of this user. Throws SetupError when there is none or the choice is not clear. */
export function onlyControlPath(folder = controlFolder()): string {
  const found = socketsIn(folder);
  if (found.length === 1) return join(folder, found[0] as string);
  if (found.length === 0)
    throw new SetupError(
      'runtime',
      `no gateway of this user runs (no socket in ${folder}); start one with \`glassgate up CONFIG\`, or say --socket PATH`,
    );
  throw new SetupError(
    'config',
    `several gateways have a socket in ${folder}: say which one, --socket ${join(folder, found[0] as string)}`,
  );
}

function socketsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(EXTENSION));
  } catch {
    return [];
  }
}
