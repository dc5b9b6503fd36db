import { existsSync, rmSync } from 'node:fs';
import { extname } from 'node:path';
import type { Scheduler } from '../../actors/scheduler.ts';
import type { JournalData, JournalLevel } from '../../actors/tap.ts';
import type { Config } from '../../config/schema.ts';
import { JournalError } from '../../journal/schema.ts';
import { type Journal, openJournal } from '../../journal/store.ts';
import { journalPath } from './places.ts';
import { SetupError } from './setup-error.ts';

const MIB = 1_048_576;
const HOUR_US = 3_600_000_000;

export interface JournalWish {
  readonly config: Config;
  readonly folder: string;
  /** From the command line: they win. */
  readonly file?: string;
  readonly level?: JournalLevel;
  readonly tls: string;
  readonly clock: Scheduler;
  readonly now: Date;
  readonly snapshot: () => Iterable<readonly [device: string, state: JournalData]>;
  readonly say: (text: string) => void;
}

/** Opens the journal that configuration and command line ask for; undefined for none. Throws SetupError. */
export function openRunJournal(wish: JournalWish): Journal | undefined {
  const { journal } = wish.config;
  const level = wish.level ?? journal.level;
  const path = journalPath(wish.config, wish.folder, wish);
  if (path === undefined) return undefined;
  const files: string[] = [];
  try {
    return openJournal(freePath(path, wish.now), {
      level,
      created: wish.now.toISOString(),
      created_us: wish.clock.now_us(),
      tls: wish.tls,
      snapshot: wish.snapshot,
      limits: { file_bytes: journal.maxSize_MiB * MIB, age_us: journal.maxAge_h * HOUR_US },
      onRotated: (finished, next) => {
        files.push(finished);
        wish.say(`journal goes on in ${next}`);
        while (files.length >= journal.maxFiles) removeOldest(files);
      },
      onTrouble: wish.say,
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof JournalError) throw new SetupError('runtime', `journal.file: ${message}`);
    const fault = code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'facility' : 'runtime';
    throw new SetupError(fault, `journal.file: ${path}: ${message}`);
  }
}

/** `run.journal`; where an earlier run has left that file, `run.20310501T120000Z.journal`. */
export function freePath(path: string, now: Date): string {
  if (!existsSync(path)) return path;
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}.${stamp}${extension}`;
}

function removeOldest(files: string[]): void {
  const oldest = files.shift() as string;
  for (const end of ['', '-wal', '-shm']) rmSync(`${oldest}${end}`, { force: true });
}
