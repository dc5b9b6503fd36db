import { getSystemErrorName } from 'node:util';

/** A failed request to the operating system, told so that an operator can act on it. */
export class OsError extends Error {
  /** Name of the error number (`EPERM`) or an own code (`UNSUPPORTED`). */
  readonly code: string;
  /** What was tried. */
  readonly what: string;
  /** On which file, interface or option. */
  readonly where: string;
  /** What would be right. */
  readonly remedy: string;

  constructor(code: string, what: string, where: string, remedy: string) {
    super(`${what} ${where}: ${code}; ${remedy}`);
    this.name = 'OsError';
    this.code = code;
    this.what = what;
    this.where = where;
    this.remedy = remedy;
  }
}

/** Linux error numbers that node has no name for. */
const OTHER_NAMES: Record<number, string> = { 77: 'EBADFD', 121: 'EREMOTEIO' };

/** `ENODEV` for 19. */
export function errorName(errno: number): string {
  if (OTHER_NAMES[errno] !== undefined) return OTHER_NAMES[errno];
  const name = getSystemErrorName(-errno);
  return name.startsWith('E') ? name : `ERRNO_${errno}`;
}
