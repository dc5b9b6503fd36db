import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/actors/tap.ts';
import { MemoryJournal } from '../../src/journal/memory.ts';
import { pcapngFromJournal } from '../../src/journal/pcapng-export.ts';
import { verifyJournal } from '../../src/journal/replay.ts';
import { openJournal } from '../../src/journal/store.ts';
import { openReader } from '../../src/journal/store-reader.ts';
import { labBuilder } from '../../src/lab/replay-builder.ts';
import { hangUp, runLab } from '../../src/lab/run.ts';
import { labPlan, labSettings } from '../../src/lab/settings.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { TOPOLOGIES } from '../../src/topologies/topologies.ts';
import { bringUp, newLab, SECOND_US, SHAPES } from './support.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-lab-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const PATH = { delay_us: 8_000, loss: 0.02, reorder: 0.02, duplicate: 0.01, rate_bps: 20_000_000 };
/** Where F13 is a true TCP, its payload is in no journal. */
const CASES = TOPOLOGIES.filter(({ name }) => labPlan(labSettings(name)).f13 !== 'tcp').flatMap(({ name }) =>
  SHAPES.map((shape) => [name, shape] as const),
);

describe('a journal of the lab', () => {
  it.each(CASES)('replays equal: %s, F13 %s', (topology, shape) => {
    const journal = new MemoryJournal('inputs');
    const result = runLab({
      settings: labSettings(topology, { shape, seed: 5, path: PATH }),
      bytes: 60_000,
      pings: 2,
      journal,
    });
    expect(result.transfer).toMatchObject({ complete: true, intact: true });
    expect(verifyJournal(journal, labBuilder)).toMatchObject({ equal: true });
  });

  it('is not replayed where F13 is a true TCP, and says why', () => {
    const journal = new MemoryJournal('inputs');
    runLab({ settings: labSettings('tcp-over-tcp'), bytes: 0, pings: 1, journal });
    expect(verifyJournal(journal, labBuilder)).toMatchObject({
      equal: undefined,
      notReplayable: expect.stringContaining('true TCP'),
    });
  });

  it.each(['frames', 'full'] as const)('of level %s replays equal with every port crossing', (level) => {
    const journal = new MemoryJournal(level);
    runLab({ settings: labSettings('e3', { seed: 6, path: PATH }), bytes: 20_000, pings: 1, journal });
    const result = verifyJournal(journal, labBuilder);
    expect(result).toMatchObject({ equal: true });
  });

  it('replays a renewal, new epochs, a cut path and what came after', () => {
    const journal = new MemoryJournal('inputs');
    const lab = newLab('e4', { limits: { rekeyAfter_us: 5 * SECOND_US, rekeyLeastRecords: 4 } }, { journal });
    bringUp(lab);
    ping(lab, { count: 20 });
    lab.tell('gateway30', '3001A', 'renew', { peer: 'gateway20' });
    ping(lab, { count: 3 });
    lab.cables.W3.isCut = true;
    lab.run(70 * SECOND_US);
    lab.cables.W3.isCut = false;
    expect(lab.until(() => lab.isUp, 180 * SECOND_US)).toBe(true);
    hangUp(lab, 'gateway30');
    expect(verifyJournal(journal, labBuilder)).toMatchObject({ equal: true });
  });

  it('shows the divergence at the input that was changed', () => {
    const journal = new MemoryJournal('inputs');
    runLab({ settings: labSettings('e2', { seed: 5, path: PATH }), bytes: 5_000, pings: 1, journal });
    const altered = new MemoryJournal('inputs');
    let victim = 0;
    for (const record of journal.records) {
      const flips =
        victim === 0 &&
        record.kind === 'input' &&
        record.device === 'gateway20' &&
        record.name === 'frame' &&
        record.seq > 400;
      if (flips) victim = record.seq;
      altered.record(flips ? withBitFlipped(record) : record);
    }
    const result = verifyJournal(altered, labBuilder);
    expect(result.equal).toBe(false);
    if (result.equal !== false) return;
    expect(result.divergence.inputSeq).toBeGreaterThanOrEqual(victim);
  });

  it('is the same file for the same seed, and another for another', () => {
    const run = (name: string, seed: number) => {
      const path = join(folder, name);
      const journal = openJournal(path, { level: 'inputs', tls: 'model', seed });
      runLab({ settings: labSettings('e2', { seed, path: PATH }), bytes: 20_000, pings: 1, journal });
      journal.close();
      const reader = openReader(path);
      const rows = [...reader.rows()].map(({ text, kind, device, actor, name: what, time_us }) =>
        [time_us, device, actor, kind, what, text].join('|'),
      );
      reader.close();
      return rows;
    };
    const first = run('a', 5);
    expect(run('b', 5)).toEqual(first);
    expect(run('c', 6)).not.toEqual(first);
  });

  it('holds no secret of the run, nor does what is exported from it', () => {
    const secrets: Uint8Array[] = [];
    const path = join(folder, 'secret');
    const journal = openJournal(path, { level: 'full', tls: 'model', seed: 9 });
    for (const topology of ['e2', 'e4']) {
      const lab = newLab(
        topology,
        { seed: 9 },
        { journal: topology === 'e2' ? journal : new MemoryJournal('full'), onSecret: (bytes) => secrets.push(bytes) },
      );
      bringUp(lab);
      expect(transfer(lab, { bytes: 20_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
      hangUp(lab, 'gateway30');
    }
    journal.close();
    const reader = openReader(path);
    const blocks: Uint8Array[] = [];
    pcapngFromJournal(reader, (block) => blocks.push(block.slice()));
    reader.close();
    const outputs = [readFileSync(path), Buffer.concat(blocks)];
    expect(secrets.length).toBeGreaterThan(20);
    for (const secret of secrets) {
      const buffer = Buffer.from(secret);
      for (const output of outputs) {
        for (const form of [
          buffer,
          Buffer.from(buffer.toString('hex')),
          Buffer.from(buffer.toString('base64').replace(/=+$/, '')),
        ]) {
          expect(output.includes(form)).toBe(false);
        }
      }
    }
  });
});

function withBitFlipped(record: JournalRecord): JournalRecord {
  const data = record.data as { head: Uint8Array };
  const head = data.head.slice();
  // The last byte of the IPv4 header: destination address.
  head[Math.min(head.length, 34) - 1] ^= 1;
  return { ...record, data: { ...data, head } };
}
