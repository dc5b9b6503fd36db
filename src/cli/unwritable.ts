/** Why a file cannot be written, by what the system says. */
const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'there is no such folder',
  EISDIR: 'it is a folder',
  EACCES: 'writing it is not permitted',
  ENOSPC: 'no room is left there',
};

/** Which file the system did not let be written, and why, in words. */
export function unwritable(path: string, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return `cannot write ${path}: ${WHY[code] ?? message}`;
}
