import type { Layer } from '../../src/actors/layer.ts';
import { CipherTable } from '../../src/actors/records/cipher-table.ts';
import type { Vault } from '../../src/engine/crypto/vault.ts';
import type { CipherWay } from '../../src/wire/hairpin.ts';
import { cipherKeys, prepared } from '../../test/support/cipher-keys.ts';
import { BenchHost } from './bench-host.ts';
import type { Benchmark } from './benchmark.ts';
import { layerBenchmarks, type Stand } from './layer-benchmark.ts';

/** The session that the cipher is asked for. */
export const CIPHER_SESSION = 7;

/** A cipher that has the keys of the server's end of {@link CIPHER_SESSION}. */
export interface CipherStand {
  readonly layer: Layer;
  readonly port: string;
  /** What asks it to seal or open a record. */
  asks(way: CipherWay, record: Uint8Array): unknown;
}

/** Benchmarks of a layer that seals and opens for SSL: one operation is one record with a whole frame in it. */
export function cipherBenchmarks(kind: string, make: (host: BenchHost) => CipherStand): Benchmark[] {
  return [
    ...layerBenchmarks(`${kind} seal`, (frame_bytes) => sealing(make, frame_bytes)),
    ...layerBenchmarks(`${kind} open`, (frame_bytes) => opening(make, frame_bytes)),
  ];
}

function sealing(make: (host: BenchHost) => CipherStand, frame_bytes: number): Stand {
  const host = new BenchHost();
  const { layer, port, asks } = make(host);
  const plain = new Uint8Array(frame_bytes);
  let sequence = 0;
  // No number is sealed twice.
  const next = () => asks('seal', prepared({ sequence: ++sequence, plain }));
  return {
    host,
    port,
    out: () => layer.counters.sealed ?? 0,
    messages: (count) => Array.from({ length: count }, next),
  };
}

function opening(make: (host: BenchHost) => CipherStand, frame_bytes: number): Stand {
  const host = new BenchHost();
  const { layer, port, asks } = make(host);
  const message = asks('open', sealedByClient(host.vault, frame_bytes));
  return { host, port, out: () => layer.counters.opened ?? 0, messages: () => [message] };
}

function sealedByClient(vault: Vault, plain_bytes: number): Uint8Array {
  const client = new CipherTable(vault);
  client.install(CIPHER_SESSION, cipherKeys(vault, 'client'));
  const sealed = client.seal(CIPHER_SESSION, prepared({ plain: new Uint8Array(plain_bytes) }));
  if (sealed === undefined) throw new Error('the record was not sealed');
  return sealed;
}
