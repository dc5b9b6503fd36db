import { describe, expect, it } from 'vitest';
import { cipherKeys, PLAIN, prepared } from '../../../test/support/cipher-keys.ts';
import { recordParameters } from '../../../test/support/record-parameters.ts';
import { up } from '../../../test/support/ssl-pair.ts';
import { nobleProvider } from '../../engine/crypto/noble.ts';
import { createVault } from '../../engine/crypto/vault.ts';
import { CipherTable } from '../records/cipher-table.ts';
import type { CipherRequest } from '../services.ts';
import { CIPHER_PATIENCE_MS, CIPHER_RECORDS, type CipherAnswer, CipherDesk } from './cipher-desk.ts';

const TUPLE = { local: 1, localPort: 2, remote: 3, remotePort: 4 };
const HEADER = prepared().subarray(0, 16);

/** A desk whose cipher answers when the test says so. */
class Rig {
  readonly vault = createVault({ provider: nobleProvider, secret: new Uint8Array(32).fill(3) });
  readonly table = new CipherTable(this.vault);
  readonly requests: CipherRequest[] = [];
  readonly answers: [string, CipherAnswer][] = [];
  readonly refused: string[] = [];
  readonly drops: string[] = [];
  readonly draws = [0, 0, 5];
  now_us = 0;
  takes = true;
  armed_us: number | undefined;
  readonly desk = new CipherDesk({
    vault: this.vault,
    now_us: () => this.now_us,
    draw: () => this.draws.shift() ?? 5,
    setTimer: (delay_us) => {
      this.armed_us = this.now_us + delay_us;
    },
    request: (request) => {
      if (this.takes) this.requests.push(request);
      return this.takes;
    },
    answer: (session, answer) => this.answers.push([session, answer]),
    refused: (session) => this.refused.push(session),
    drop: (reason) => this.drops.push(reason),
    count: () => {},
  });
  readonly parameters = recordParameters({
    role: 'client',
    receiveConnectionId: 5,
    sendConnectionId: 5,
    keys: cipherKeys(this.vault, 'client'),
  });
  readonly place = this.desk.placeFor('one', TUPLE);

  /** The first set of keys has number 1. */
  install(): this {
    this.place.install(this.parameters);
    this.table.install(1, this.parameters.keys);
    return this;
  }

  seal(sequence: number): void {
    this.place.seal(0, prepared({ sequence }).subarray(0, 16), PLAIN);
  }

  /** What the cipher would say to the requests so far, but not yet says. */
  sealed(): Uint8Array[] {
    return this.requests.splice(0).flatMap((request) => {
      if (request.kind !== 'seal') return [];
      return [this.table.seal(request.sessionId, request.record) ?? request.record];
    });
  }
}

describe('the desk of a cipher elsewhere', () => {
  it('hands a record out and takes it back sealed', () => {
    const rig = new Rig().install();
    expect(rig.requests[0]).toMatchObject({ kind: 'install', sessionId: 1, parameters: rig.parameters });
    rig.seal(1);
    const [record] = rig.sealed();
    rig.desk.received({ kind: 'seal', sessionId: 1, record });
    expect(rig.answers).toEqual([['one', { way: 'seal', record }]]);
    rig.desk.received({ kind: 'seal', sessionId: 1, record });
    expect([rig.answers.length, rig.drops]).toEqual([1, ['cipher-unasked']]);
  });

  it('takes nothing for an answer that is not of this session, this way and this record', () => {
    const rig = new Rig().install();
    rig.seal(1);
    const [record] = rig.sealed();
    rig.desk.received({ kind: 'seal', sessionId: 2, record });
    rig.desk.received({ kind: 'open', sessionId: 1, record });
    rig.desk.received({ kind: 'seal', sessionId: 1, record: record.subarray(0, 15) });
    const other = record.slice();
    other[15] = 9;
    rig.desk.received({ kind: 'seal', sessionId: 1, record: other });
    expect([rig.answers, rig.drops]).toEqual([[], Array(4).fill('cipher-unasked')]);
    rig.desk.received({ kind: 'seal', sessionId: 1, record });
    expect(rig.answers).toHaveLength(1);
  });

  it('never lets out what came back unsealed, and says that what came back unopened did not open', () => {
    const rig = new Rig().install();
    rig.seal(1);
    rig.desk.received({ kind: 'seal', sessionId: 1, record: prepared() });
    expect([rig.answers, rig.drops]).toEqual([[], ['cipher-refused']]);
    const whole = new Uint8Array(prepared().length + 16);
    whole.set(HEADER);
    for (const record of [whole, prepared()]) {
      rig.place.open(0, whole);
      rig.desk.received({ kind: 'open', sessionId: 1, record });
    }
    expect(rig.answers).toEqual([
      ['one', { way: 'open', header: HEADER, plaintext: undefined }],
      ['one', { way: 'open', header: HEADER, plaintext: PLAIN }],
    ]);
  });

  it('gives up what was overtaken, and what is away for too long', () => {
    const rig = new Rig().install();
    for (const sequence of [1, 2, 3, 4]) rig.seal(sequence);
    const [, , third] = rig.sealed();
    rig.desk.received({ kind: 'seal', sessionId: 1, record: third });
    expect([rig.answers.length, rig.drops]).toEqual([1, ['cipher-lost', 'cipher-lost']]);
    expect(rig.armed_us).toBe(CIPHER_PATIENCE_MS * 1000);
    rig.now_us = 400_000;
    rig.seal(5);
    rig.now_us = CIPHER_PATIENCE_MS * 1000;
    rig.desk.timerFired();
    expect([rig.drops.length, rig.armed_us]).toEqual([3, 2 * CIPHER_PATIENCE_MS * 1000]);
    rig.now_us = 2 * CIPHER_PATIENCE_MS * 1000;
    rig.desk.timerFired();
    expect([rig.drops.length, rig.desk.save()]).toMatchObject([4, { waiting: [], armed: false }]);
  });

  it('has a bounded queue, and drops what the way to the cipher does not take', () => {
    const rig = new Rig().install();
    rig.takes = false;
    rig.seal(1);
    expect(rig.drops).toEqual(['too-long']);
    rig.takes = true;
    for (let sequence = 2; sequence < CIPHER_RECORDS + 3; sequence++) rig.seal(sequence);
    expect(rig.drops).toEqual(['too-long', 'queue-full']);
    expect(rig.desk.save().waiting).toHaveLength(CIPHER_RECORDS);
  });

  it('names each set of keys by a number of its own, never 0', () => {
    const rig = new Rig();
    for (const each of [1, 2, 3, 4]) rig.place.install({ ...rig.parameters, receiveConnectionId: each });
    expect(rig.requests.map((request) => request.sessionId)).toEqual([1, 2, 5, 6]);
  });

  it('tells the cipher to forget what it was given, and forgets itself what it was not', () => {
    const rig = new Rig().install();
    rig.place.dismiss(rig.parameters);
    expect(rig.requests.at(-1)).toEqual({ kind: 'forget', sessionId: 1 });
    rig.seal(1);
    expect(rig.drops).toEqual(['cipher-refused']);
    expect(() => rig.vault.nextEpoch(rig.parameters.keys.sendData)).not.toThrow();
    rig.place.dismiss(rig.parameters);
    expect(() => rig.vault.nextEpoch(rig.parameters.keys.sendData)).toThrow('no traffic key');
  });

  it('tells the session whose keys the cipher refuses, and of no other number', () => {
    const rig = new Rig().install();
    rig.desk.received({ kind: 'refused', sessionId: 99 });
    rig.desk.received({ kind: 'refused', sessionId: 1 });
    rig.desk.received({ kind: 'refused', sessionId: 1 });
    expect(rig.refused).toEqual(['one']);
  });

  it('goes on from what was saved', () => {
    const rig = new Rig().install();
    rig.seal(1);
    const saved = structuredClone(rig.desk.save());
    const [record] = rig.sealed();
    const other = new Rig();
    other.desk.restore(saved);
    expect(other.desk.save()).toEqual(saved);
    other.desk.received({ kind: 'seal', sessionId: 1, record });
    expect(other.answers).toEqual([['one', { way: 'seal', record }]]);
  });
});

describe('SSL with a cipher beside the CPU', () => {
  const options = { client: { cipher: { by: 'service' } }, server: { cipher: { by: 'service' } } } as const;

  it('carries frames both ways, its own cipher unused', () => {
    const pair = up(options);
    pair.client.sendFrame('one', PLAIN);
    pair.server.sendFrame(pair.serverSession, PLAIN);
    pair.run();
    for (const end of [pair.client, pair.server]) {
      expect(end.frames().map(({ bytes }) => bytes)).toEqual([PLAIN]);
      expect(end.ssl.counters).not.toHaveProperty('sealed');
      expect(end.ssl.counters).not.toHaveProperty('opened');
      expect(end.ssl.counters.sealedElsewhere).toBeGreaterThanOrEqual(1);
    }
  });

  it.each([{ client: options.client }, { server: options.server }])(
    'speaks with an SSL that does it in software: the records are the same',
    (one) => {
      const pair = up(one);
      pair.client.sendFrame('one', PLAIN);
      pair.server.sendFrame(pair.serverSession, PLAIN);
      pair.run();
      for (const end of [pair.client, pair.server]) expect(end.frames().map(({ bytes }) => bytes)).toEqual([PLAIN]);
    },
  );

  it('ends a session whose keys the cipher does not take', () => {
    const pair = up(options);
    const saved = pair.client.ssl.save().ciphers as unknown as { desk: { installed: { sessionId: number }[] } };
    const { sessionId } = saved.desk.installed[0];
    pair.client.ssl.ports.cipher.received$.next({ kind: 'refused', sessionId });
    pair.run();
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['busy', 'peer']);
  });

  it('says goodbye by a sealed record, like any other SSL', () => {
    const pair = up(options);
    pair.run();
    pair.client.ask({ kind: 'close', session: 'one' });
    pair.run(5_000_000);
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['local', 'peer']);
    const lastUnit = pair.wire.findLast(
      ({ from, message }) => from === 'gateway30' && message.kind === 'bytes' && message.bytes[0] === 0x41,
    );
    expect(lastUnit).toBeDefined();
    expect(pair.client.ssl.drops.get('cipher-refused')).toBeUndefined();
  });
});
