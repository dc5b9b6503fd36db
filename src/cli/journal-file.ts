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
