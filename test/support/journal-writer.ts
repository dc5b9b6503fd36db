import { openJournal } from '../../src/journal/store.ts';
import { TestRun } from './journal-device.ts';

/** A process that writes a journal until it is killed, and prints the last record after each flush. */
const path = process.argv[2] as string;
const journal = openJournal(path, { level: 'inputs' });
let last = 0;
const run = new TestRun({
  level: 'inputs',
  record: (record) => {
    last = record.seq;
    journal.record(record);
  },
});
for (;;) {
  run.ask(20);
  journal.flush();
  const committed = last;
  // These may be lost: they were never committed.
  run.ask(3);
  process.stdout.write(`${committed}\n`);
}
