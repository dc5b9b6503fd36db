import type { KeyId, Vault } from '../engine/crypto/vault.ts';
import { EMPTY } from '../wire/bytes.ts';
import { plaintextFromData, plaintextToData } from './recorded-plaintext.ts';
import type { JournalData } from './tap.ts';
import type { World } from './world.ts';

/** Remembers the highest key id of a device, so that a replay which begins at a snapshot numbers on from there. */
export class KeyCounter {
  last: KeyId = 0;

  seen(id: KeyId): KeyId {
    this.last = Math.max(this.last, id);
    return id;
  }
}

/**
 * A device's vault with its verdicts in the journal: a replay then needs no key. Of an opened data record the headers of the inner
 * frame are kept, of a control record the whole.
 */
export function recordedVault(
  world: World,
  device: string,
  cause: () => number,
  now_us: () => number,
  keys: KeyCounter,
): Vault {
  const vault = world.vaultOf(device);
  const ask = <T>(
    question: string,
    compute: () => T,
    toData: (value: T) => JournalData,
    fromData: (data: JournalData) => T,
  ): T => world.answer(device, 'vault', question, cause(), now_us(), { compute, toData, fromData });
  return {
    importBase: (secret) => keys.seen(vault.importBase(secret)),
    deriveTraffic: (...args) => keys.seen(vault.deriveTraffic(...args)),
    nextEpoch: (key) => keys.seen(vault.nextEpoch(key)),
    deriveStream: (...args) => keys.seen(vault.deriveStream(...args)),
    // No journal of a run with an in-line cipher is played again: F13 is a true TCP there, whose payload is in no journal.
    applyStream: (key, position, bytes) => vault.applyStream(key, position, bytes),
    forget: (key) => vault.forget(key),
    seal: (key, header, plaintext) => vault.seal(key, header, plaintext),
    open: (key: KeyId, record: Uint8Array) =>
      ask(
        'open',
        () => vault.open(key, record),
        (plaintext) => (plaintext === undefined ? null : plaintextToData(record, plaintext)),
        plaintextFromData,
      ),
    // Only an altered journal has an answer of another type; the layer must get what it asked for all the same.
    cookie: (input) =>
      ask(
        'cookie',
        () => vault.cookie(input),
        (bytes) => bytes,
        (data) => (data instanceof Uint8Array ? data : EMPTY),
      ),
    isn: (tuple, time_us) =>
      ask(
        'isn',
        () => vault.isn(tuple, time_us),
        (isn) => isn,
        (data) => (typeof data === 'number' ? data : 0),
      ),
  };
}
