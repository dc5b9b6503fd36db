import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { opensslProvider } from '../../transport/openssl/aead.ts';
import { u16, u48 } from '../../wire/bytes.ts';
import { RECORD_FLAG_SEGMENT, RECORD_MAX_PLAINTEXT_BYTES } from '../../wire/record.ts';
import type { Purpose } from '../crypto/key-schedule.ts';
import { repeatableVault } from '../crypto/vault.testing.ts';
import { createVault, type Vault } from '../crypto/vault.ts';
import { RecordChannel } from './channel.ts';
import type { RecordLimits } from './limits.ts';
import type { OpenedRecord, RecordRefusal, RefusedRecord } from './receiving.ts';

const BASE = new Uint8Array(32).fill(5);
const CLIENT_ID = 0xc0c0c0c0;
const SERVER_ID = 0x05050505;
const SECOND_US = 1_000_000;

function newVault(): Vault {
  return createVault({ provider: opensslProvider, secret: new Uint8Array(32) });
}

/** A channel of one end; every end has its own vault, as two processes have. */
function endOf(vault: Vault, side: 'client' | 'server', purpose: Purpose = 'data', limits?: Partial<RecordLimits>) {
  const client = side === 'client';
  return new RecordChannel({
    cipher: vault,
    purpose,
    sendConnectionId: client ? SERVER_ID : CLIENT_ID,
    receiveConnectionId: client ? CLIENT_ID : SERVER_ID,
    limits,
  });
}

function startBoth(channel: RecordChannel, vault: Vault, side: 'client' | 'server', purpose: Purpose = 'data'): void {
  const base = vault.importBase(BASE);
  const c2s = vault.deriveTraffic(base, 1, 'c2s', purpose, 0);
  const s2c = vault.deriveTraffic(base, 1, 's2c', purpose, 0);
  channel.startSending(side === 'client' ? c2s : s2c, 0);
  channel.startReceiving(side === 'client' ? s2c : c2s);
}

function started(side: 'client' | 'server', purpose: Purpose = 'data', limits?: Partial<RecordLimits>): RecordChannel {
  const vault = newVault();
  const channel = endOf(vault, side, purpose, limits);
  startBoth(channel, vault, side, purpose);
  return channel;
}

function pair(limits?: Partial<RecordLimits>): [client: RecordChannel, server: RecordChannel] {
  return [started('client', 'data', limits), started('server', 'data', limits)];
}

function sealed(channel: RecordChannel, text = 'frame', flags = 0): Uint8Array {
  const record = channel.seal(new TextEncoder().encode(text), flags);
  if (typeof record === 'string') throw new Error(record);
  return record;
}

function opened(result: OpenedRecord | RefusedRecord): OpenedRecord {
  if ('reason' in result) throw new Error(result.reason);
  return result;
}

function reason(result: OpenedRecord | RefusedRecord): RecordRefusal | 'opened' {
  return 'reason' in result ? result.reason : 'opened';
}

function changed(record: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(record);
  copy[at] = value;
  return copy;
}

const text = (result: OpenedRecord | RefusedRecord): string => new TextDecoder().decode(opened(result).plaintext);

describe('a record channel', () => {
  it('carries plaintexts both ways, numbered from 1', () => {
    const [client, server] = pair();
    const record = sealed(client, 'to the server');
    expect([u16(record, 8), u48(record, 10)]).toEqual([0, 1]);
    expect(text(server.open(record, 0))).toBe('to the server');
    expect(u48(sealed(client), 10)).toBe(2);
    expect(text(client.open(sealed(server, 'and back'), 0))).toBe('and back');
    expect(server.counters).toEqual({ opened: 1, failed: 0, replayed: 0, old: 0, missing: 0 });
  });

  it('carries the SEGMENT flag, empty plaintexts and the largest one, not a byte more', () => {
    const [client, server] = pair();
    expect(opened(server.open(sealed(client, 'part', RECORD_FLAG_SEGMENT), 0)).flags).toBe(RECORD_FLAG_SEGMENT);
    expect(text(server.open(sealed(client, ''), 0))).toBe('');
    const largest = client.seal(new Uint8Array(RECORD_MAX_PLAINTEXT_BYTES));
    expect(opened(server.open(largest as Uint8Array, 0)).plaintext.length).toBe(RECORD_MAX_PLAINTEXT_BYTES);
    expect(client.seal(new Uint8Array(RECORD_MAX_PLAINTEXT_BYTES + 1))).toBe('too-long');
    expect(u48(sealed(client), 10)).toBe(4);
  });

  it('opens records in any order, each once, whatever was lost before it, and knows which is the newest', () => {
    const [client, server] = pair();
    const records = Array.from({ length: 10 }, (_, index) => sealed(client, `${index}`));
    const order = [4, 9, 0, 2, 9, 4, 8];
    const results = order.map((index) => server.open(records[index], 0));
    expect(results.map(reason)).toEqual(['opened', 'opened', 'opened', 'opened', 'replayed', 'replayed', 'opened']);
    expect(results.filter((each) => !('reason' in each)).map((each) => opened(each).newest)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(server.counters).toEqual({ opened: 5, failed: 0, replayed: 2, old: 0, missing: 5 });
    expect(server.highestReceived).toBe(10);
  });

  it('refuses what is behind the window', () => {
    const [client, server] = pair();
    const first = sealed(client);
    for (let count = 0; count < 8191; count += 1) sealed(client);
    expect(reason(server.open(sealed(client), 0))).toBe('opened');
    expect(reason(server.open(first, 0))).toBe('too-old');
    expect(server.counters.old).toBe(1);
  });

  it('has its own reason for each thing that is wrong', () => {
    const [client, server] = pair();
    const record = sealed(client);
    const control = started('client', 'control');
    const cases: [Uint8Array, RecordRefusal][] = [
      [record.subarray(0, 31), 'record-truncated'],
      [record.subarray(0, record.length - 1), 'record-truncated'],
      [Uint8Array.from([...record, 0]), 'record-bad-length'],
      [changed(record, 0, 0x42), 'record-bad-type'],
      [changed(record, 0, 0x41), 'wrong-type'],
      [sealed(control), 'wrong-type'],
      [changed(record, 1, 2), 'record-reserved-flags'],
      [changed(record, 1, 1), 'bad-tag'],
      [changed(record, 2, 0xff), 'record-bad-length'],
      [changed(record, 4, 0), 'wrong-connection-id'],
      [changed(record, 9, 1), 'bad-tag'],
      [changed(record, 9, 2), 'unknown-epoch'],
      [changed(record, 15, 0), 'record-sequence-zero'],
      [changed(record, 15, 2), 'bad-tag'],
      [changed(record, 20, record[20] ^ 1), 'bad-tag'],
    ];
    for (const [bytes, expected] of cases)
      expect([reason(server.open(bytes, 0)), expected]).toEqual([expected, expected]);
    expect(server.counters).toEqual({ opened: 0, failed: 4, replayed: 0, old: 1, missing: 0 });
    expect(reason(server.open(record, 0))).toBe('opened');
  });

  it('refuses SEGMENT on a control record, which has no frame', () => {
    const [client, server] = [started('client', 'control'), started('server', 'control')];
    expect(reason(server.open(sealed(client, 'x', RECORD_FLAG_SEGMENT), 0))).toBe('record-reserved-flags');
    expect(reason(server.open(sealed(client, 'x'), 0))).toBe('opened');
  });

  it('does nothing before its start and after its stop, and starts once', () => {
    const vault = newVault();
    const server = endOf(vault, 'server');
    const client = started('client');
    expect(reason(server.open(sealed(client), 0))).toBe('not-started');
    expect(server.seal(new Uint8Array(1))).toBe('not-started');
    expect(server.advanceSendEpoch(0)).toBe('not-started');
    expect(server.needsRekey(10 ** 15)).toBeUndefined();
    startBoth(server, vault, 'server');
    expect(() => startBoth(server, vault, 'server')).toThrow();
    expect(reason(server.open(sealed(client), 0))).toBe('opened');
    sealed(server);
    server.stop();
    expect(reason(server.open(sealed(client), 0))).toBe('not-started');
    expect(server.seal(new Uint8Array(1))).toBe('not-started');
    expect(() => startBoth(server, vault, 'server')).toThrow('started once');
    expect(() => vault.open(2, new Uint8Array(40))).toThrow('no traffic key');
  });

  it('survives any bytes', () => {
    const server = started('server');
    const client = started('client');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(47), fc.nat(255), (bytes, at, value) => {
        expect(reason(server.open(bytes, 0))).not.toBe('opened');
        const record = sealed(client, 'sixteen bytes ok');
        if (record[at] !== value) expect(reason(server.open(changed(record, at, value), 0))).not.toBe('opened');
        expect(reason(server.open(record, 0))).toBe('opened');
      }),
    );
  });
});

describe('epochs', () => {
  it('move on when a record of the next one opens, and the old one opens for 30 s more', () => {
    const [client, server] = pair();
    const late = [sealed(client, 'late'), sealed(client, 'too late')];
    sealed(client);
    expect(client.advanceSendEpoch(0)).toBe('advanced');
    const record = sealed(client, 'new');
    expect([u16(record, 8), u48(record, 10), client.sendEpoch]).toEqual([1, 1, 1]);
    const first = opened(server.open(record, 5 * SECOND_US));
    expect([first.newEpoch, first.newest, first.epoch, server.receiveEpoch]).toEqual([true, true, 1, 1]);
    expect(opened(server.open(sealed(client), 5 * SECOND_US)).newEpoch).toBe(false);
    const old = opened(server.open(late[0], 35 * SECOND_US - 1));
    expect([old.epoch, old.newEpoch, old.newest]).toEqual([0, false, false]);
    expect(reason(server.open(late[0], 35 * SECOND_US - 1))).toBe('replayed');
    expect(reason(server.open(late[1], 35 * SECOND_US))).toBe('unknown-epoch');
  });

  it('forget the old key when told that its time is over', () => {
    const [client, server] = pair();
    expect(server.forgetOldEpoch(10 ** 12)).toBe(false);
    reason(server.open(sealed(client), 0));
    client.advanceSendEpoch(0);
    server.open(sealed(client), 7);
    expect(server.forgetOldEpoch(7 + 30 * SECOND_US - 1)).toBe(false);
    expect(server.forgetOldEpoch(7 + 30 * SECOND_US)).toBe(true);
    expect(server.forgetOldEpoch(7 + 30 * SECOND_US)).toBe(false);
  });

  it('count what went missing in each of them, also after they are gone', () => {
    const [client, server] = pair();
    const late = sealed(client);
    for (let count = 0; count < 3; count += 1) sealed(client);
    server.open(sealed(client), 0);
    expect(server.counters.missing).toBe(4);
    client.advanceSendEpoch(0);
    sealed(client);
    server.open(sealed(client), 0);
    expect(server.counters.missing).toBe(5);
    server.open(late, 0);
    expect(server.counters.missing).toBe(4);
    server.forgetOldEpoch(30 * SECOND_US);
    expect(server.counters.missing).toBe(4);
    server.stop();
    expect(server.counters).toEqual({ opened: 3, failed: 0, replayed: 0, old: 0, missing: 4 });
  });

  it('follow one another many times while records are in flight, none lost', () => {
    const [client, server] = pair();
    for (let epoch = 0; epoch < 20; epoch += 1) {
      const before = sealed(client);
      expect(client.advanceSendEpoch(epoch)).toBe('advanced');
      const after = sealed(client);
      expect([server.open(after, epoch), server.open(before, epoch)].map(reason)).toEqual(['opened', 'opened']);
    }
    expect(server.receiveEpoch).toBe(20);
    expect(server.counters).toEqual({ opened: 40, failed: 0, replayed: 0, old: 0, missing: 0 });
  });

  it('do not move on for a forged claim; the next key is derived once, and the true record still opens', () => {
    const [vault, log] = [newVault(), [] as string[]];
    const counting: Vault = {
      ...repeatableVault(vault),
      nextEpoch(key) {
        log.push(`next of ${key}`);
        return vault.nextEpoch(key);
      },
    };
    const server = endOf(counting, 'server');
    startBoth(server, counting, 'server');
    const client = started('client');
    const record = sealed(client);
    for (let sequence = 1; sequence < 50; sequence += 1) {
      const claim = changed(changed(record, 9, 1), 15, sequence);
      expect(reason(server.open(claim, 0))).toBe('bad-tag');
    }
    expect([server.receiveEpoch, log.length]).toEqual([0, 1]);
    expect(reason(server.open(record, 0))).toBe('opened');
    client.advanceSendEpoch(0);
    expect(opened(server.open(sealed(client), 0)).newEpoch).toBe(true);
    expect(log.length).toBe(1);
  });

  it('derive no next key while nobody claims it', () => {
    const vault = newVault();
    const server = endOf({ ...repeatableVault(vault), nextEpoch: () => expect.fail('derived') }, 'server');
    startBoth(server, vault, 'server');
    const client = started('client');
    for (let count = 0; count < 10; count += 1) expect(reason(server.open(sealed(client), 0))).toBe('opened');
    expect(reason(server.open(changed(sealed(client), 9, 2), 0))).toBe('unknown-epoch');
  });

  it('are not left before they are used: the receiver could not follow', () => {
    const [client] = pair();
    expect(client.advanceSendEpoch(0)).toBe('unused');
    sealed(client);
    expect(client.advanceSendEpoch(0)).toBe('advanced');
    expect(client.advanceSendEpoch(0)).toBe('unused');
  });

  it('end with the last number that fits: it never wraps', () => {
    const [client, server] = pair();
    const saved = client.save();
    client.restore({ ...saved, sender: { ...saved.sender, epoch: 0xfffe, records: 1 } });
    expect(client.advanceSendEpoch(0)).toBe('advanced');
    sealed(client);
    expect(client.sendEpoch).toBe(0xffff);
    expect(client.advanceSendEpoch(0)).toBe('epochs-used-up');
    expect(client.sendEpoch).toBe(0xffff);
    expect(reason(server.open(sealed(client), 0))).toBe('unknown-epoch');
  });
});

describe('limits of a key', () => {
  it('ask for a new one by records, blocks or age', () => {
    const [byRecords] = pair({ rekeyRecords: 3 });
    for (const expected of [undefined, undefined, 'records']) {
      sealed(byRecords);
      expect(byRecords.needsRekey(0)).toBe(expected);
    }
    byRecords.advanceSendEpoch(0);
    expect(byRecords.needsRekey(0)).toBeUndefined();

    const [byBlocks] = pair({ rekeyBlocks: 5 });
    byBlocks.seal(new Uint8Array(17));
    expect(byBlocks.needsRekey(0)).toBeUndefined();
    byBlocks.seal(new Uint8Array(16));
    expect(byBlocks.needsRekey(0)).toBe('blocks');

    const [byAge] = pair({ rekeyAfter_us: 60 * SECOND_US, rekeyLeastRecords: 2 });
    sealed(byAge);
    expect(byAge.needsRekey(60 * SECOND_US)).toBeUndefined();
    sealed(byAge);
    expect(byAge.needsRekey(60 * SECOND_US - 1)).toBeUndefined();
    expect(byAge.needsRekey(60 * SECOND_US)).toBe('time');
    byAge.advanceSendEpoch(60 * SECOND_US);
    sealed(byAge);
    sealed(byAge);
    expect(byAge.needsRekey(119 * SECOND_US)).toBeUndefined();
    expect(byAge.needsRekey(120 * SECOND_US)).toBe('time');
  });

  it('stop sealing when numbers or blocks are used up, until the next epoch', () => {
    const [byRecords, server] = pair({ stopRecords: 2 });
    sealed(byRecords);
    const last = sealed(byRecords);
    expect(byRecords.seal(new Uint8Array(1))).toBe('numbers-used-up');
    expect(reason(server.open(last, 0))).toBe('opened');
    byRecords.advanceSendEpoch(0);
    expect(reason(server.open(sealed(byRecords), 0))).toBe('opened');

    const [byBlocks] = pair({ stopBlocks: 4 });
    expect(byBlocks.seal(new Uint8Array(64))).toBe('numbers-used-up');
    expect(byBlocks.seal(new Uint8Array(48))).toBeInstanceOf(Uint8Array);
    expect(byBlocks.seal(new Uint8Array(0))).toBe('numbers-used-up');
    byBlocks.advanceSendEpoch(0);
    expect(byBlocks.seal(new Uint8Array(48))).toBeInstanceOf(Uint8Array);
  });

  it('ask for a new session after too many failed opens, counted per key, and go on opening', () => {
    const [client, server] = pair({ rekeyFailedOpens: 3 });
    const record = sealed(client);
    const bad = changed(record, 20, record[20] ^ 0x80);
    server.open(bad, 0);
    server.open(bad, 0);
    expect(server.needsRekey(0)).toBeUndefined();
    server.open(bad, 0);
    expect(server.needsRekey(0)).toBe('failed-opens');
    expect(reason(server.open(record, 0))).toBe('opened');
    client.advanceSendEpoch(0);
    server.open(sealed(client), 0);
    expect(server.needsRekey(0)).toBeUndefined();
    expect(server.counters.failed).toBe(3);
  });
});

describe('what the receiver would say unseen', () => {
  it('is what it says, tag apart, and derives no key', () => {
    const [client, server] = pair();
    const record = sealed(client);
    expect(server.wouldRefuse(0, 1)).toBeUndefined();
    server.open(record, 0);
    expect(server.wouldRefuse(0, 1)).toBe('replayed');
    expect(server.wouldRefuse(0, 0)).toBe('record-sequence-zero');
    expect(server.wouldRefuse(1, 1)).toBeUndefined();
    expect(server.wouldRefuse(1, 0)).toBe('record-sequence-zero');
    expect(server.wouldRefuse(2, 1)).toBe('unknown-epoch');
    expect(server.save().receiver.next).toBeNull();
    expect(endOf(newVault(), 'server').wouldRefuse(0, 1)).toBe('not-started');
  });
});

describe('save and restore', () => {
  type Step = { readonly what: 'send' | 'advance' | 'corrupt' | 'replay' | 'late' | 'claim'; readonly lose: boolean };
  const stepArbitrary: fc.Arbitrary<Step> = fc.record({
    what: fc.constantFrom('send', 'send', 'send', 'advance', 'corrupt', 'replay', 'late', 'claim'),
    lose: fc.boolean(),
  });

  /** Runs the steps; `between` may put other channels in place of the two after each step. */
  function run(steps: readonly Step[], between: (ends: RecordChannel[]) => RecordChannel[], ends: RecordChannel[]) {
    const outputs: unknown[] = [];
    const sent: Uint8Array[] = [];
    let [client, server] = ends;
    steps.forEach(({ what, lose }, index) => {
      const now_us = index * 7 * SECOND_US;
      if (what === 'advance') outputs.push(client.advanceSendEpoch(now_us));
      if (what === 'send') sent.push(sealed(client, `record ${index}`));
      const record = sent.at(what === 'late' ? -3 : -1);
      if (record !== undefined && !(what === 'send' && lose)) {
        const claim = what === 'claim' ? changed(record, 9, record[9] + 1) : record;
        const bytes = what === 'corrupt' ? changed(record, 20, record[20] ^ 1) : claim;
        outputs.push(server.open(bytes, now_us), server.counters, client.needsRekey(now_us), server.needsRekey(now_us));
      }
      [client, server] = between([client, server]);
    });
    return [outputs, sent, client.save(), server.save()];
  }

  it('after every event changes nothing that comes later', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 40 }), (steps) => {
        const limits = { rekeyRecords: 5, rekeyFailedOpens: 4 };
        const vaults = [repeatableVault(newVault()), repeatableVault(newVault())];
        const fresh = () => [endOf(vaults[0], 'client', 'data', limits), endOf(vaults[1], 'server', 'data', limits)];
        const ends = () => {
          const [client, server] = fresh();
          startBoth(client, vaults[0], 'client');
          startBoth(server, vaults[1], 'server');
          return [client, server];
        };
        const restored = (old: RecordChannel[]) =>
          fresh().map((channel, index) => {
            channel.restore(JSON.parse(JSON.stringify(old[index].save())));
            return channel;
          });
        expect(run(steps, restored, ends())).toEqual(run(steps, (same) => same, ends()));
      }),
      { numRuns: 30 },
    );
  });

  it('keeps no key bytes, and takes nothing that is no saved channel', () => {
    const secrets: string[] = [];
    const vault = createVault({
      provider: opensslProvider,
      secret: new Uint8Array(32).fill(1),
      onSecret: (bytes) => secrets.push(Buffer.from(bytes).toString('hex'), [...bytes].join(',')),
    });
    const channel = endOf(vault, 'client');
    startBoth(channel, vault, 'client');
    sealed(channel);
    channel.advanceSendEpoch(0);
    const saved = JSON.stringify(channel.save());
    expect(secrets.filter((secret) => saved.includes(secret))).toEqual([]);
    expect(() => channel.restore({ ...channel.save(), version: 2 as 1 })).toThrow();
  });
});
