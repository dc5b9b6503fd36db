import { nobleProvider } from '../src/engine/crypto/noble.ts';
import { openRecord, sealRecord } from '../src/engine/crypto/record-cipher.ts';
import {
  type Aead,
  type AeadProvider,
  type CipherId,
  SUITE_PREFERENCE,
  suiteById,
} from '../src/engine/crypto/suite.ts';
import { opensslProvider } from '../src/transport/openssl/aead.ts';
import {
  RECORD_HEADER_BYTES,
  RECORD_OVERHEAD_BYTES,
  RECORD_SALT_BYTES,
  UNIT_DATA,
  writeRecordHeader,
} from '../src/wire/record.ts';
import type { Benchmark, Running } from './support/benchmark.ts';

const PROVIDERS: readonly AeadProvider[] = [opensslProvider, nobleProvider];
/** Of a record: a bare ACK, a full frame, a TLS record, the largest. */
const PLAINTEXTS_BYTES = [64, 1400, 16_384, 65_000];
const SALT = new Uint8Array(RECORD_SALT_BYTES).fill(3);

function aeadOf(provider: AeadProvider, suite: CipherId): Aead {
  return provider.create(suite, new Uint8Array(suiteById(suite).keyBytes).fill(5), SALT);
}

function headerOf(length: number, sequence: number): Uint8Array {
  const header = new Uint8Array(RECORD_HEADER_BYTES);
  writeRecordHeader(header, 0, { type: UNIT_DATA, connectionId: 1, epoch: 0, sequence }, length);
  return header;
}

function sealing(provider: AeadProvider, suite: CipherId, length: number): Running {
  const aead = aeadOf(provider, suite);
  const plaintext = new Uint8Array(length).fill(7);
  let sequence = 0;
  return {
    prepare: (operations) => () => {
      let bytes = 0;
      for (let at = 0; at < operations; at++)
        bytes += sealRecord(aead, SALT, headerOf(length, ++sequence), plaintext).length;
      return { operations, bytes: bytes - operations * RECORD_OVERHEAD_BYTES };
    },
  };
}

function opening(provider: AeadProvider, suite: CipherId, length: number): Running {
  const aead = aeadOf(provider, suite);
  const record = sealRecord(aead, SALT, headerOf(length, 1), new Uint8Array(length).fill(7));
  return {
    prepare: (operations) => () => {
      let bytes = 0;
      for (let at = 0; at < operations; at++) {
        const plaintext = openRecord(aead, SALT, record);
        if (plaintext === undefined) throw new Error('a record does not open');
        bytes += plaintext.length;
      }
      return { operations, bytes };
    },
  };
}

/**
 * The record cipher alone: one operation is one record sealed under a number of its own, or one opened, each a fresh array as in the
 * slow path; MB/s are plaintext.
 */
export const recordsBenchmarks: readonly Benchmark[] = PROVIDERS.flatMap((provider) =>
  SUITE_PREFERENCE.flatMap((suite) =>
    PLAINTEXTS_BYTES.flatMap((length): Benchmark[] => {
      const name = (what: string) => `${provider.name} ${suiteById(suite).name} ${what} ${length} B`;
      return [
        { table: 'records', name: name('seal'), unit: 'records', open: () => sealing(provider, suite, length) },
        { table: 'records', name: name('open'), unit: 'records', open: () => opening(provider, suite, length) },
      ];
    }),
  ),
);
