import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { SetupError } from './setup-error.ts';

/** Text of a file that must be there; `where` names it for the message, `remedy` says how to get one. */
export function readText(file: string, where: string, remedy: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new SetupError('config', `${where}: there is no file ${file}; ${remedy}`);
    if (code === 'EISDIR') throw new SetupError('config', `${where}: ${file} is a folder, not a file`);
    if (code === 'EACCES' || code === 'EPERM')
      throw new SetupError(
        'facility',
        `${where}: ${file} may not be read by ${userName()}; let this user read it, or run as another`,
      );
    throw new SetupError('runtime', `${where}: ${file} cannot be read: ${message}`);
  }
}

function userName(): string {
  try {
    return `user ${userInfo().username}`;
  } catch {
    return `the user ${process.getuid?.()}`;
  }
}
