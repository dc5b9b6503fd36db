import type { Device } from '../../actors/device.ts';
import { type JournalLevel, type JournalRecord, type JournalTap, LEVEL_OF_KIND, LEVEL_RANK } from '../../actors/tap.ts';
import { type CableView, deviceView, type SourceView } from '../../page-model/view.ts';

/** Something that the page shows: devices that live together, and the records they write. */
export interface PageSource {
  readonly name: string;
  /** What there is to see now. */
  view(): SourceView;
  /** Hears records from now on; returns the function that ends it. The listener keeps what it wants and never throws. */
  subscribe(listener: (record: JournalRecord) => void): () => void;
}

/** Devices of this process, and where their records can be heard. */
export interface LocalDevices {
  readonly devices: () => readonly Device[];
  readonly now_us: () => number;
  readonly subscribe: PageSource['subscribe'];
  readonly cables?: readonly CableView[];
}

/** A source of devices in this process. */
export function localSource(name: string, { devices, now_us, subscribe, cables = [] }: LocalDevices): PageSource {
  return {
    name,
    view: () => ({ time_us: now_us(), alive: true, devices: devices().map(deviceView), cables }),
    subscribe,
  };
}

/** A journal tap that a page can listen to. Give it to a world, alone or by {@link teeTap} beside a journal. */
export class PageTap implements JournalTap {
  readonly level: JournalLevel;
  readonly #listeners = new Set<(record: JournalRecord) => void>();

  /** From `inputs` on the page shows TLS flights as well, and the world describes every frame. */
  constructor(level: JournalLevel = 'control') {
    this.level = level;
  }

  record(record: JournalRecord): void {
    for (const listener of this.#listeners) listener(record);
  }

  readonly subscribe = (listener: (record: JournalRecord) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** One tap for several: each gets what its own level keeps. */
export function teeTap(...taps: readonly JournalTap[]): JournalTap {
  const ranked = taps.map((tap) => ({ tap, rank: LEVEL_RANK[tap.level] }));
  const { level } = taps.reduce((most, tap) => (LEVEL_RANK[tap.level] > LEVEL_RANK[most.level] ? tap : most));
  return {
    level,
    record: (record) => {
      for (const { tap, rank } of ranked) if (LEVEL_OF_KIND[record.kind] <= rank) tap.record(record);
    },
  };
}
