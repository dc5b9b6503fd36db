import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TestRun } from '../../test/support/journal-device.ts';
import { memoryJournal } from './memory.ts';
import { LINK_RAW, PcapngWriter } from './pcapng.ts';
import { pcapngFromJournal, pcapngFromTaps } from './pcapng-export.ts';

const folder = mkdtempSync(join(tmpdir(), 'glassgate-pcapng-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TSHARK = hasTshark();

function hasTshark(): boolean {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log('tshark is not installed: pcapng files are only checked block by block');
    return false;
  }
}

/** Rows of fields as tshark reads them. */
function tshark(bytes: Uint8Array, ...fields: string[]): string[][] {
  const path = join(folder, 'test.pcapng');
  writeFileSync(path, bytes);
  const options = fields.flatMap((field) => ['-e', field]);
  const text = execFileSync('tshark', ['-r', path, '-T', 'fields', '-E', 'separator=|', ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return String(text)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('|'));
}

function malformed(bytes: Uint8Array): number {
  const path = join(folder, 'test.pcapng');
  writeFileSync(path, bytes);
  const text = execFileSync('tshark', ['-r', path, '-Y', '_ws.malformed'], { stdio: ['ignore', 'pipe', 'ignore'] });
  return String(text)
    .split('\n')
    .filter((line) => line !== '').length;
}

function collected(fill: (write: (block: Uint8Array) => void) => void): Uint8Array {
  const blocks: Uint8Array[] = [];
  fill((block) => blocks.push(block));
  return Buffer.concat(blocks);
}

interface Block {
  readonly type: number;
  readonly body: DataView;
}

/** Walks over all blocks, and requires that both lengths of each agree. */
function blocksOf(bytes: Uint8Array): Block[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const blocks: Block[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    expect(length % 4).toBe(0);
    expect(view.getUint32(at + length - 4, true)).toBe(length);
    blocks.push({
      type: view.getUint32(at, true),
      body: new DataView(bytes.buffer, bytes.byteOffset + at + 8, length - 12),
    });
    at += length;
  }
  return blocks;
}

/** Ethernet, IPv4 20 bytes, UDP 8 bytes, 3 bytes of payload. */
const UDP_FRAME = Uint8Array.from([
  2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 31, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x30,
  0x39, 0x30, 0x3a, 0, 11, 0, 0, 1, 2, 3,
]);
const TIME_US = 1_700_000_000_123_456;

function sample(): Uint8Array {
  return collected((write) => {
    const writer = new PcapngWriter(write);
    writer.secrets('# no secret\n');
    const lan = writer.interface('gateway20/lan');
    const ip = writer.interface('gateway20/2005.upper', LINK_RAW);
    expect(writer.interface('gateway20/lan')).toBe(lan);
    writer.packet({ interface: lan, time_us: TIME_US, bytes: UDP_FRAME, comment: 'seq 7', direction: 'in' });
    writer.packet({
      interface: lan,
      time_us: TIME_US + 1,
      bytes: UDP_FRAME.subarray(0, 42),
      length: 45,
      direction: 'out',
    });
    writer.packet({ interface: ip, time_us: TIME_US + 2, bytes: UDP_FRAME.subarray(14) });
  });
}

describe('the pcapng writer', () => {
  it('writes whole blocks of the right kinds', () => {
    const blocks = blocksOf(sample());
    expect(blocks.map(({ type }) => type)).toEqual([0x0a0d0d0a, 10, 1, 1, 6, 6, 6]);
    expect(blocks[0].body.getUint32(0, true)).toBe(0x1a2b3c4d);
    const [cut] = blocks.slice(5);
    expect([cut.body.getUint32(12, true), cut.body.getUint32(16, true)]).toEqual([42, 45]);
  });

  it.runIf(TSHARK)(
    'is understood by tshark: names, times, lengths, comments, nothing malformed (skipped without tshark)',
    () => {
      const bytes = sample();
      expect(
        tshark(
          bytes,
          'frame.interface_name',
          'frame.time_epoch',
          'frame.len',
          'frame.cap_len',
          'frame.comment',
          'udp.dstport',
        ),
      ).toEqual([
        ['gateway20/lan', '1700000000.123456000', '45', '45', 'seq 7', '12346'],
        ['gateway20/lan', '1700000000.123457000', '45', '42', '', '12346'],
        ['gateway20/2005.upper', '1700000000.123458000', '31', '31', '', '12346'],
      ]);
      expect(malformed(bytes)).toBe(0);
    },
  );
});

describe('an export of live taps', () => {
  it.runIf(TSHARK)('has one interface per place (skipped without tshark)', () => {
    const bytes = collected((write) => {
      const tap = pcapngFromTaps(write);
      tap('W1', UDP_FRAME, TIME_US);
      tap('W2', UDP_FRAME, TIME_US, 'second');
      tap('W1', UDP_FRAME, TIME_US);
    });
    expect(tshark(bytes, 'frame.interface_name', 'frame.comment')).toEqual([
      ['W1', ''],
      ['W2', 'second'],
      ['W1', ''],
    ]);
  });
});

describe('an export of a journal', () => {
  it('has every frame, with its record number', () => {
    const journal = memoryJournal('frames');
    const run = new TestRun(journal);
    run.ask(10);
    let written = { packets: 0, interfaces: 0 };
    const bytes = collected((write) => {
      written = pcapngFromJournal(journal, write);
    });
    const frames = journal.records.filter(
      ({ kind, name }) => kind === 'crossing' || kind === 'output' || (kind === 'input' && name === 'frame'),
    );
    expect(written).toEqual({ packets: frames.length, interfaces: 4 });
    expect(blocksOf(bytes).filter(({ type }) => type === 6)).toHaveLength(frames.length);
    if (!TSHARK) return;
    const rows = tshark(bytes, 'frame.interface_name', 'frame.comment', 'frame.len', 'frame.cap_len');
    expect(rows.map(([, comment]) => Number(/^seq (\d+),/.exec(comment)?.[1]))).toEqual(frames.map(({ seq }) => seq));
    expect(new Set(rows.map(([, , length, kept]) => `${length} ${kept}`))).toEqual(new Set(['60 22']));
    expect(malformed(bytes)).toBe(0);
  });
});
