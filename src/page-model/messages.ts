import type { JournalRecord } from '../actors/tap.ts';
import type { SourceView } from './view.ts';

/** A source by its place in the page server's list, and its name. */
export interface NamedSource {
  readonly name: string;
  readonly view: SourceView;
}

/** A record and the place of its source in the list. */
export interface SourcedRecord {
  readonly source: number;
  readonly record: JournalRecord;
}

/** First message of a stream: begin anew with this. Records follow that lead to `sources`. */
export interface HelloMessage {
  readonly version: string;
  /** Another one after a restart: record numbers begin anew. */
  readonly run: string;
  readonly sources: readonly NamedSource[];
}

/** Records of one source in their order; `history` when they are older than the stream. */
export interface RecordsMessage {
  readonly source: number;
  readonly history: boolean;
  readonly records: readonly JournalRecord[];
}

export interface StateMessage {
  readonly sources: readonly NamedSource[];
}

/** Records that were not sent: the reader, or the page server, was too slow for them. */
export interface GapMessage {
  readonly lost: number;
}

/** Events of the stream by name. */
export interface PageMessages {
  readonly hello: HelloMessage;
  readonly records: RecordsMessage;
  readonly state: StateMessage;
  readonly gap: GapMessage;
}
