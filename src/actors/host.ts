import type { Vault } from '../engine/crypto/vault.ts';
import type { DropReason } from './drop-reason.ts';
import type { ChecksumVerdict, Frame, Offload } from './frame.ts';
import type { MachineObserver } from './machine-host.ts';
import type { Port } from './port.ts';
import type { TlsEngine, TlsOpen } from './ssl/tls-provider.ts';
import type { JournalData } from './tap.ts';

/** All that a layer may know of the world. Given by the device it stands in; tests give a small one of their own. */
export interface LayerHost {
  /** Time of the input that is being handled, monotonic microseconds. */
  now_us(): number;
  /** Arms (or re-arms) the layer's timer `name`; {@link Layer.timerFired} is called with that name. */
  setTimer(layer: string, name: string, delay_us: number): void;
  clearTimer(layer: string, name: string): void;
  /** Random bytes that may be seen by others; recorded. */
  randomBytes(layer: string, length: number): Uint8Array;
  /** Keys and what is computed under them; verdicts are recorded, keys never leave it. */
  readonly vault: Vault;
  frame(bytes: Uint8Array, parent?: Frame, checksum?: ChecksumVerdict, offload?: Offload): Frame;
  port<In, Out>(layer: string, name: string): Port<In, Out>;
  /** Counts and journals a frame that ends here. */
  drop(layer: string, reason: DropReason, frame?: Frame, detail?: JournalData): void;
  /** Puts a fact into the journal. */
  note(layer: string, name: string, data: JournalData): void;
  /** Where machine hosts report. */
  observer(layer: string): MachineObserver;
  /** Opens a TLS engine; its events come as `outsideEvent('tls', { engine, … })`. */
  openTls(layer: string, engine: string, options: TlsOpen): void;
  tlsEngine(layer: string, engine: string): TlsEngine | undefined;
  closeTls(layer: string, engine: string): void;
}
