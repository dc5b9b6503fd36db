import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import type { OwnAddresses } from '../own-addresses.ts';
import type { JournalData } from '../tap.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { SharedOptions, TcpLayerOptions } from './layer-options.ts';
import type { Listeners } from './listeners.ts';
import type { TcpTuple } from './segment.ts';
import type { EntryFields, TableEntry } from './table-entry.ts';

/** What the calls of users and the packets of a TCP layer have in common, and what they need of the layer. */
export interface LayerParts {
  readonly host: LayerHost;
  readonly label: string;
  readonly options: TcpLayerOptions;
  readonly own: OwnAddresses;
  readonly table: ConnectionTable;
  readonly listeners: Listeners;
  /** Whether one more connection can be kept, if need be in the place of one in TIME-WAIT. */
  hasRoom(): boolean;
  /** A new connection; `before`: the next number of one in TIME-WAIT that has made room for it. */
  add(fields: EntryFields, before?: number): TableEntry;
  /** Options that all connections over this family have in common. */
  sharedOptions(tuple: TcpTuple): SharedOptions;
  count(name: string): void;
  note(name: string, data: JournalData): void;
  drop(reason: DropReason, frame?: Frame, detail?: JournalData): void;
}
