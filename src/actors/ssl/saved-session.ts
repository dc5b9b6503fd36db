import type { SavedSplitter } from '../../engine/stream-splitter.ts';
import type { SavedMachine } from '../machine-host.ts';
import type { RecordParameters } from '../services.ts';
import type { SavedAgreement } from './agreement.ts';
import type { SavedCipherBelow } from './cipher-below.ts';
import type { SavedRecordPart } from './record-part.ts';
import type { SslSessionStart } from './session-host.ts';
import type { SavedTcpWriter } from './tcp-writer.ts';
import type { SavedTlsLine } from './tls-line.ts';

/** Plain data that control events of an SSL session leave behind. */
export interface SslSessionFacts {
  peerName: string;
  parameters?: RecordParameters;
  renewed_us?: number;
}

export interface SavedSslSession {
  readonly start: SslSessionStart;
  readonly machine: SavedMachine;
  readonly splitter: SavedSplitter;
  readonly tls: SavedTlsLine;
  readonly writer: SavedTcpWriter;
  readonly records?: SavedRecordPart;
  readonly agreement: SavedAgreement;
  readonly facts: SslSessionFacts;
  readonly below?: SavedCipherBelow;
}
