import type { JournalLevel, JournalRecord } from '../../src/actors/tap.ts';
import { Lab } from '../../src/lab/lab.ts';
import { type LabSettings, labSettings } from '../../src/lab/settings.ts';
import { keptRecord } from '../../src/page-model/kept.ts';
import type { NamedSource, SourcedRecord } from '../../src/page-model/messages.ts';
import { labSource } from '../../src/transport/page/lab-source.ts';

const DELAY_US = 20_000;
const RUN_US = 3_000_000;

/** A lab whose session set-up a page can show; the journal of this level keeps nothing. */
export function pageLab(topology: string, level: JournalLevel = 'inputs', changes: Partial<LabSettings> = {}): Lab {
  const settings = labSettings(topology, { seed: 7, path: { delay_us: DELAY_US }, ...changes });
  return new Lab(settings, { journal: { level, record: () => {} } });
}

/** What a page gets of a whole set-up in the lab. */
export function recording(lab: Lab, run_us = RUN_US): { sources: NamedSource[]; records: SourcedRecord[] } {
  const records: SourcedRecord[] = [];
  const stop = lab.watch((record: JournalRecord) => {
    const kept = keptRecord(record);
    if (kept !== undefined) records.push({ source: 0, record: kept.record });
  });
  lab.start();
  lab.run(run_us);
  stop();
  return { sources: [{ name: 'lab', view: labSource(lab).view() }], records };
}
