import type { KeyId, Vault } from './vault.ts';

/**
 * A vault for tests that run two copies of a state over one vault (a saved layer and its restored copy): deriving the
 * same key again gives the same id, and forgetting keeps the key, so that the second copy meets what the first met.
 */
export function repeatableVault(vault: Vault): Vault {
  const derived = new Map<string, KeyId>();
  const once = (name: string, derive: () => KeyId): KeyId => {
    const id = derived.get(name) ?? derive();
    derived.set(name, id);
    return id;
  };
  return {
    importBase: (secret32) => once(`base ${secret32}`, () => vault.importBase(secret32)),
    deriveTraffic: (base, suite, direction, purpose, engineIndex) =>
      once(`traffic ${[base, suite, direction, purpose, engineIndex]}`, () =>
        vault.deriveTraffic(base, suite, direction, purpose, engineIndex),
      ),
    deriveStream: (base, suite, direction) =>
      once(`stream ${[base, suite, direction]}`, () => vault.deriveStream(base, suite, direction)),
    applyStream: (key, position, bytes) => vault.applyStream(key, position, bytes),
    nextEpoch: (key) => once(`next ${key}`, () => vault.nextEpoch(key)),
    seal: (key, header16, plaintext) => vault.seal(key, header16, plaintext),
    open: (key, record) => vault.open(key, record),
    forget: () => {},
    cookie: (input) => vault.cookie(input),
    isn: (tuple, time_us) => vault.isn(tuple, time_us),
  };
}
