import { readFileSync, statSync } from 'node:fs';
import { JournalError } from '../journal/schema.ts';
import { type JournalReader, openReader } from '../journal/store-reader.ts';

/** Exit code for a journal that cannot be read, and for one that cannot be replayed. */
export const EXIT_UNREADABLE = 2;

/** Gives `use` the opened journal. What is wrong with the file becomes one line on stderr and exit code 2. */
export async function withJournal(path: string, use: (reader: JournalReader) => Promise<number>): Promise<number> {
  let reader: JournalReader | undefined;
  try {
    reader = openReader(path);
    return await use(reader);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    process.stderr.write(`glassgate: ${error.message}\n`);
    return EXIT_UNREADABLE;
  } finally {
    reader?.close();
  }
}

/** Kernel's list of file locks: `1: POSIX  ADVISORY  READ 4711 fe:00:1234 128 128`, with pid and device:device:inode. */
const LOCKS_FILE = '/proc/locks';

/** True when another process holds the journal open, as its writer does; false also where that cannot be found out. */
export function isHeldByOther(path: string): boolean {
  try {
    const inodes = [path, `${path}-shm`].flatMap((file) => statSync(file, { throwIfNoEntry: false })?.ino ?? []);
    return readFileSync(LOCKS_FILE, 'utf8')
      .split('\n')
      .some((line) => {
        const [, pid, inode] = / (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line) ?? [];
        return pid !== undefined && Number(pid) !== process.pid && inodes.includes(Number(inode));
      });
  } catch {
    return false;
  }
}
