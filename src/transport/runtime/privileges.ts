import type { Config } from '../../config/schema.ts';
import { SetupError } from './setup-error.ts';

/** Node has it; its types do not. */
const withGroups: { readonly initgroups?: (user: string, extraGroup: string) => void } = process as object;

/**
 * Gives up root for the configured user and group, for good: everything that needs rights is open by now. Does nothing where none is
 * configured. Throws SetupError.
 */
export function becomeUser({ user, group }: Config, file: string): void {
  if (user === undefined && group === undefined) return;
  if (process.getuid?.() !== 0)
    throw new SetupError(
      'facility',
      `${file}: user: only root can become another user; start as root, or leave user and group out`,
    );
  const target = group ?? user;
  try {
    if (user !== undefined) withGroups.initgroups?.(user, target as string);
    process.setgid?.(target as string);
    if (user !== undefined) process.setuid?.(user);
  } catch (error) {
    throw new SetupError(
      'config',
      `${file}: user: cannot become ${user ?? ''}${group === undefined ? '' : `:${group}`}: ${(error as Error).message}`,
    );
  }
}
