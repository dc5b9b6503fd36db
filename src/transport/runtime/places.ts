import { accessSync, constants, statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { JournalLevel } from '../../actors/tap.ts';
import { type Config, SOCKET_PATH_BYTES } from '../../config/schema.ts';
import { controlFolder, controlPath } from './control-path.ts';
import { SetupError } from './setup-error.ts';

/** What the command line says about the journal; it wins over the configuration. */
export interface JournalChoice {
  readonly file?: string;
  readonly level?: JournalLevel;
}

/** Where the journal of a run begins; undefined for none. `folder` is the configuration's. */
export function journalPath({ journal }: Config, folder: string, { file, level }: JournalChoice): string | undefined {
  if ((level ?? journal.level) === 'off') return undefined;
  if (file !== undefined) return resolve(file);
  if (journal.file === undefined) return undefined;
  return isAbsolute(journal.file) ? journal.file : resolve(folder, journal.file);
}

/** Looks whether a gateway can make its journal and its control socket, and makes nothing. Throws SetupError. */
export function inspectPlaces(config: Config, folder: string, choice: JournalChoice = {}): void {
  const socket = controlPath(config.control.socket, folder, config.name);
  inspectSocketPath(socket);
  // The usual folder of sockets is made when it is not there.
  if (dirname(socket) !== controlFolder()) inspectFolder('control.socket', dirname(socket));
  const journal = journalPath(config, folder, choice);
  if (journal !== undefined) inspectFolder('journal.file', dirname(journal));
}

/** The kernel's limit. Throws SetupError. */
export function inspectSocketPath(path: string): void {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES)
    throw new SetupError(
      'config',
      `control socket ${path}: the path is longer than ${SOCKET_PATH_BYTES} bytes; set control.socket to a shorter one`,
    );
}

function inspectFolder(key: string, folder: string): void {
  try {
    if (!statSync(folder).isDirectory()) throw new SetupError('config', `${key}: ${folder} is no folder`);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new SetupError('config', `${key}: there is no folder ${folder}; make it: \`mkdir -p ${folder}\``);
    throw new SetupError('facility', `${key}: this user may not write into ${folder} (${code})`);
  }
}
