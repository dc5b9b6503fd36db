/** How long one key may be used, and how large a record may be (docs/PROTOCOL.md section 3). */
export interface RecordLimits {
  /** Records sealed under one key after which it should be replaced. */
  readonly rekeyRecords: number;
  /** Cipher blocks of 16 bytes sealed under one key after which it should be replaced. */
  readonly rekeyBlocks: number;
  /** Age of the sending epoch, in microseconds, after which it should be replaced. */
  readonly rekeyAfter_us: number;
  /**
   * Records an epoch must have had before its age counts. The receiver follows one epoch at a time, so an epoch whose
   * every record was lost must not be left behind; so many are hardly all lost, and fewer need no new key.
   */
  readonly rekeyLeastRecords: number;
  /** Failed opens under one key after which the session should be renewed; never a reason to disconnect. */
  readonly rekeyFailedOpens: number;
  /** Records and blocks at which sealing under one key stops. */
  readonly stopRecords: number;
  readonly stopBlocks: number;
  /** How long the receiver keeps the epoch before, in microseconds. */
  readonly oldEpoch_us: number;
}

export const RECORD_LIMITS: RecordLimits = {
  rekeyRecords: 2 ** 27,
  rekeyBlocks: 2 ** 35,
  rekeyAfter_us: 30 * 60 * 1_000_000,
  rekeyLeastRecords: 64,
  rekeyFailedOpens: 2 ** 35,
  stopRecords: 2 ** 28,
  stopBlocks: 2 ** 36,
  oldEpoch_us: 30 * 1_000_000,
};

/** Epochs are 2 bytes on the wire and never wrap: after the last one only a new session helps. */
export const LAST_EPOCH = 0xffff;

const BLOCK_BYTES = 16;
const TAG_BLOCKS = 1;

/** Cipher blocks that a record of `plaintextBytes` costs its key, the one for the tag included. */
export function blocksOf(plaintextBytes: number): number {
  return Math.ceil(plaintextBytes / BLOCK_BYTES) + TAG_BLOCKS;
}
