import type { KeyId, Vault } from '../crypto/vault.ts';

/** Epochs whose keys are at hand at a time: the one before, the newest in use, and the one after it. */
export const KEPT_EPOCHS = 3;

/** Plain data of a line of keys: ids, no keys. */
export interface SavedKeyLine {
  readonly newest: number;
  readonly keys: readonly (readonly [epoch: number, key: KeyId])[];
}

/**
 * The keys of one direction and type, epoch after epoch, for a cipher that is given the first one only. Records say which epoch they are
 * of; the key of the next epoch is derived when the first record claims it.
 */
export class KeyLine {
  readonly #vault: Pick<Vault, 'nextEpoch' | 'forget'>;
  readonly #keys = new Map<number, KeyId>();
  #newest = 0;

  constructor(vault: Pick<Vault, 'nextEpoch' | 'forget'>, first: KeyId) {
    this.#vault = vault;
    this.#keys.set(0, first);
  }

  /** The key of an epoch; undefined for one that is over, or not the next. */
  keyOf(epoch: number): KeyId | undefined {
    const known = this.#keys.get(epoch);
    if (known !== undefined || epoch !== this.#newest + 1) return known;
    const next = this.#vault.nextEpoch(this.#keys.get(this.#newest) as KeyId);
    this.#keys.set(epoch, next);
    return next;
  }

  /** A record of the epoch was sealed, or proved to be authentic: keys older than the epoch before it are forgotten. */
  used(epoch: number): void {
    if (epoch <= this.#newest) return;
    this.#newest = epoch;
    for (const [old, key] of this.#keys) if (old < epoch - 1) this.#drop(old, key);
  }

  forget(): void {
    for (const [epoch, key] of this.#keys) this.#drop(epoch, key);
  }

  save(): SavedKeyLine {
    return { newest: this.#newest, keys: [...this.#keys] };
  }

  restore(saved: SavedKeyLine): void {
    this.#newest = saved.newest;
    this.#keys.clear();
    for (const [epoch, key] of saved.keys) this.#keys.set(epoch, key);
  }

  #drop(epoch: number, key: KeyId): void {
    this.#vault.forget(key);
    this.#keys.delete(epoch);
  }
}
