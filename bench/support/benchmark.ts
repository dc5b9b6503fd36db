/** Tables that results are printed in, in this order. */
export const TABLES = {
  layers: 'Each layer alone',
  connections: 'TCP connections in one process (a client and a server layer, whole packets, users told)',
  path: 'Slow path end to end (terminal 21 to server 31 and back, virtual time, model TLS, no impairment)',
  records: 'Records per cipher provider, suite and plaintext',
  journal: 'Journal',
  machines: 'XState through MachineHost',
} as const;

export type TableName = keyof typeof TABLES;

/** What one timed run did. */
export interface Work {
  readonly operations: number;
  /** Bytes that were carried; left out where that means nothing. */
  readonly bytes?: number;
}

/** A benchmark that stands ready. */
export interface Running {
  /** Makes everything ready for about `operations` operations; the function that it gives does them and is what gets timed. */
  prepare(operations: number): () => Work;
  close?(): void;
}

/** Something to measure. */
export interface Benchmark {
  readonly table: TableName;
  /** Unique, e.g. `mac up 1500 B`; `--filter` looks at table and name. */
  readonly name: string;
  /** What one operation is, plural: `frames`. */
  readonly unit: string;
  /** Operations that a sample has at least: for code that the collection of garbage before it sends back to the compiler. */
  readonly least?: number;
  open(): Running;
}

/** Fails when a benchmark did not do what it says: a number for dropped frames would be a lie. */
export function mustEqual(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found} instead of ${wanted}`);
}
