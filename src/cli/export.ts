import { closeSync, openSync, writeSync } from 'node:fs';
import { Command } from 'commander';
import { pcapngFromJournal } from '../journal/pcapng-export.ts';
import type { JournalRow, RowFilter } from '../journal/schema.ts';
import type { JournalReader } from '../journal/store-reader.ts';
import { EXIT_CONFIG, EXIT_OK } from './exit-codes.ts';
import { EXIT_UNREADABLE, withJournal } from './journal-file.ts';
import { unwritable } from './unwritable.ts';

/** Bytes gathered before they are written. */
const CHUNK_BYTES = 256 * 1024;
const STDOUT_FD = 1;

interface ExportOptions {
  readonly pcapng?: string;
  readonly jsonl?: string;
  readonly device?: string[];
  readonly from?: string;
  readonly to?: string;
}

/** `glassgate export FILE`: a journal as pcapng (frames) or JSON lines (everything). */
export function exportCommand(): Command {
  return new Command('export')
    .description('Write a journal in a form that other tools read.')
    .argument('<file>', 'journal file')
    .option('--pcapng <out>', 'frames for Wireshark: one interface per port, the record number in each packet comment')
    .option('--jsonl <out>', 'all records as JSON lines; bytes are {"$b":"base64"}')
    .option('--device <name...>', 'only records of these devices')
    .option('--from <seq>', 'first record')
    .option('--to <seq>', 'last record')
    .addHelpText(
      'after',
      '\n"-" as output is stdout. Exit codes: 0 written, 2 wrong arguments, the journal cannot be read or the output not written.',
    )
    .action(async (file: string, options: ExportOptions, command: Command) => {
      if (options.pcapng === undefined && options.jsonl === undefined)
        command.error('glassgate: say what to write: --pcapng or --jsonl', { exitCode: EXIT_CONFIG });
      const filter = filterOf(options, command);
      process.exitCode = await withJournal(file, async (reader) => exportAll(reader, options, filter));
    });
}

function filterOf({ device, from, to }: ExportOptions, command: Command): RowFilter {
  const number = (name: string, text: string | undefined): number | undefined => {
    if (text !== undefined && !/^\d+$/.test(text))
      command.error(`glassgate: --${name} takes the number of a record, not "${text}"`, { exitCode: EXIT_CONFIG });
    return text === undefined ? undefined : Number(text);
  };
  return { devices: device, from: number('from', from), to: number('to', to) };
}

function exportAll(reader: JournalReader, { pcapng, jsonl }: ExportOptions, filter: RowFilter): number {
  const isWritten = [
    pcapng === undefined || toFile(pcapng, (write) => exportPcapng(reader, filter, pcapng, write)),
    jsonl === undefined || toFile(jsonl, (write) => exportJsonl(reader, filter, jsonl, write)),
  ];
  return isWritten.every(Boolean) ? EXIT_OK : EXIT_UNREADABLE;
}

function exportPcapng(reader: JournalReader, filter: RowFilter, out: string, write: (bytes: Uint8Array) => void): void {
  const { packets, interfaces } = pcapngFromJournal(reader, write, filter);
  say(`${out}: ${packets} packets of ${interfaces} ports`);
}

function exportJsonl(reader: JournalReader, filter: RowFilter, out: string, write: (bytes: Uint8Array) => void): void {
  const utf8 = new TextEncoder();
  let lines = 0;
  for (const row of reader.rows(filter)) {
    write(utf8.encode(`${lineOf(row)}\n`));
    lines += 1;
  }
  say(`${out}: ${lines} records`);
}

/** One record as a line of JSON. */
export function lineOf({ text, check: _, ...fields }: JournalRow): string {
  return `${JSON.stringify(fields).slice(0, -1)},"data":${text}}`;
}

/** Opens `out`, gives `fill` a buffered write; a file system's refusal is told in one line and gives false. */
function toFile(out: string, fill: (write: (bytes: Uint8Array) => void) => void): boolean {
  let fd: number | undefined;
  try {
    fd = out === '-' ? STDOUT_FD : openSync(out, 'w');
    fillFd(fd, fill);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    process.stderr.write(`glassgate: ${unwritable(out, error)}\n`);
    return false;
  } finally {
    if (fd !== undefined && fd !== STDOUT_FD) closeSync(fd);
  }
}

function fillFd(fd: number, fill: (write: (bytes: Uint8Array) => void) => void): void {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let used = 0;
  const flush = (): void => {
    writeAll(fd, chunk.subarray(0, used));
    used = 0;
  };
  fill((bytes) => {
    if (used + bytes.length > chunk.length) flush();
    if (bytes.length > chunk.length) {
      writeAll(fd, bytes);
      return;
    }
    chunk.set(bytes, used);
    used += bytes.length;
  });
  flush();
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
