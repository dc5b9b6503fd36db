import { execFileSync, spawnSync } from 'node:child_process';
import type { Config } from '../../config/schema.ts';
import { SetupError } from './setup-error.ts';

/** Node has it; its types do not. */
const withGroups: { readonly initgroups?: (user: string, extraGroup: string | number) => void } = process as object;

/**
 * Gives up root for the configured user and group, for good: everything that needs rights is open by now. Without a group it is the
 * user's own. Does nothing where neither is configured. Throws SetupError.
 */
export function becomeUser({ user, group }: Config, file: string): void {
  if (user === undefined && group === undefined) return;
  if (process.getuid?.() !== 0)
    throw new SetupError(
      'facility',
      `${file}: user: only root can become another user; start as root, or leave user and group out`,
    );
  try {
    const target = group ?? primaryGroup(user as string);
    if (user !== undefined) withGroups.initgroups?.(user, target);
    else process.setgroups?.([]);
    process.setgid?.(target);
    if (user !== undefined) process.setuid?.(user);
  } catch (error) {
    const who = [user, group].filter((name) => name !== undefined).join(':');
    throw new SetupError(
      'config',
      `${file}: user: cannot become ${who}: ${(error as Error).message}; is there such a user and group?`,
    );
  }
}

/** Whether the configured user and group are there at all; becomes neither. Throws SetupError. */
export function inspectUser({ user, group }: Config, file: string): void {
  if (user !== undefined && !isKnown('passwd', user)) throw unknown(file, 'user', user);
  if (group !== undefined && !isKnown('group', group)) throw unknown(file, 'group', group);
}

function unknown(file: string, what: 'user' | 'group', name: string): SetupError {
  return new SetupError('config', `${file}: ${what}: there is no ${what} ${name} here`);
}

/** True also where the system has no tool to ask. */
function isKnown(database: 'passwd' | 'group', name: string): boolean {
  const { error, status } = spawnSync('getent', ['--', database, name], { stdio: 'ignore' });
  return error !== undefined || status === 0;
}

/** Asked of the system's own tool: users need not be in /etc/passwd. */
function primaryGroup(user: string): number {
  try {
    return Number(execFileSync('id', ['-g', '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    throw new Error('no such user');
  }
}
