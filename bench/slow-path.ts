import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalTap } from '../src/actors/tap.ts';
import { memoryJournal } from '../src/journal/memory.ts';
import { openJournal } from '../src/journal/store.ts';
import { Lab } from '../src/lab/lab.ts';
import { labSettings } from '../src/lab/settings.ts';
import { SERVER_31, TRANSFER_PORT } from '../src/topologies/network.ts';
import { type Benchmark, mustEqual, type Running } from './support/benchmark.ts';

/** Bytes that one operation of {@link Running.prepare} asks for: about one full segment of the terminal. */
const SEGMENT_BYTES = 1360;
/** Virtual time after which something is broken. */
const LIMIT_US = 600_000_000;

const TOPOLOGIES = ['e4', 'e2'] as const;

interface OpenJournal {
  readonly tap?: JournalTap;
  fresh?(): void;
  close(): void;
}

const JOURNALS: Readonly<Record<string, () => OpenJournal>> = {
  'journal off': () => ({ close: () => {} }),
  'journal inputs, SQLite': sqlite,
  'journal inputs, memory': inMemory,
};

/** A fresh journal for each sample: what the ones before have kept would slow everything down. */
function inMemory(): OpenJournal {
  let journal = memoryJournal('inputs');
  const fresh = () => {
    journal = memoryJournal('inputs');
  };
  return { tap: { level: journal.level, record: (record) => journal.record(record) }, fresh, close: fresh };
}

function sqlite(): OpenJournal {
  const folder = mkdtempSync(join(tmpdir(), 'glassgate-bench-'));
  const tap = openJournal(join(folder, 'path.journal'), { level: 'inputs' });
  const close = () => {
    tap.close();
    rmSync(folder, { recursive: true });
  };
  return { tap, close };
}

function open(topology: string, openTap: () => OpenJournal): Running {
  const journal = openTap();
  const lab = new Lab(labSettings(topology), journal.tap && { journal: journal.tap });
  lab.start();
  if (!lab.until(() => lab.isUp, LIMIT_US)) throw new Error(`${topology}: the session does not come up`);
  return {
    prepare(operations) {
      journal.fresh?.();
      return () => push(lab, operations * SEGMENT_BYTES);
    },
    close: journal.close,
  };
}

/** Terminal 21 sends so many bytes to server 31; the work is the frames on W3, the way between the gateways. */
function push(lab: Lab, bytes: number): { operations: number; bytes: number } {
  let received = 0;
  const end = lab.onData((_device, _connection, part) => {
    received += part.length;
  });
  const before = lab.cables.W3.counts.delivered;
  const order = { connection: `push-${before}`, destination: SERVER_31.address, port: TRANSFER_PORT, bytes, seed: 1 };
  lab.tell('terminal21', '2101', 'push', order);
  lab.until(() => received >= bytes, LIMIT_US);
  end();
  mustEqual('slow path: bytes that arrived', received, bytes);
  return { operations: lab.cables.W3.counts.delivered - before, bytes };
}

/**
 * A whole network of the lab in one process: two hosts with their TCP, two hubs, two gateways, a firewall, on virtual time, so that
 * what is measured is computing alone. One operation is one frame between the gateways; MB/s are the application's bytes. Both
 * gateways, hosts and firewall share one core. SSL or the engine seals with OpenSSL's AES-256-GCM; TLS is the model.
 */
export const pathBenchmarks: readonly Benchmark[] = TOPOLOGIES.flatMap((topology) =>
  Object.entries(JOURNALS).map(
    ([journal, openTap]): Benchmark => ({
      table: 'path',
      name: `${topology}, ${journal}`,
      unit: 'frames',
      open: () => open(topology, openTap),
    }),
  ),
);
