import { describe, expect, it } from 'vitest';
import { recordParameters } from '../../../test/support/record-parameters.ts';
import type { Direction } from '../../engine/crypto/key-schedule.ts';
import { nobleProvider } from '../../engine/crypto/noble.ts';
import { repeatableVault } from '../../engine/crypto/vault.testing.ts';
import { createVault, type KeyId, type Vault } from '../../engine/crypto/vault.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import { PROBE_EVERY_MS, TRUST_PROBES } from '../../machines/trust.ts';
import { type Scheduled, VirtualScheduler } from '../scheduler.ts';
import type { RecordParameters } from '../services.ts';
import {
  CONFIRM_EVERY_MS,
  DEAD_AFTER_MS,
  OLD_KEYS_MS,
  RecordSession,
  type RecordSessionNews,
} from './record-session.ts';

const PAYLOAD_BYTES = 1460;

interface End {
  session: RecordSession;
  news: RecordSessionNews[];
  frames: Uint8Array[];
  refused: string[];
  vault: Vault;
}

class Pair {
  readonly scheduler = new VirtualScheduler();
  /** Decides for each unit whether it arrives. */
  passes: (from: 'client' | 'server', unit: Uint8Array) => boolean = () => true;
  readonly wire: { from: string; unit: Uint8Array }[] = [];
  readonly client: End;
  readonly server: End;

  constructor(limits: Partial<RecordLimits> = {}, order: 0 | 1 = 0) {
    this.client = this.#end('client', limits, order);
    this.server = this.#end('server', limits, order);
  }

  run(ms: number): void {
    this.scheduler.runUntil(this.scheduler.now_us() + ms * 1000);
  }

  send(from: 'client' | 'server', frame: Uint8Array): string | undefined {
    const units = this[from].session.seal(frame);
    if (typeof units === 'string') return units;
    for (const unit of units) this.#carry(from, unit);
    return undefined;
  }

  start(): void {
    this.server.session.start();
    this.client.session.start();
    this.run(10);
  }

  #carry(from: 'client' | 'server', unit: Uint8Array): void {
    this.wire.push({ from, unit });
    if (!this.passes(from, unit)) return;
    const to = from === 'client' ? 'server' : 'client';
    this.scheduler.at(this.scheduler.now_us() + 1000, () => this.deliver(to, unit));
  }

  deliver(to: 'client' | 'server', unit: Uint8Array): void {
    const end = this[to];
    const got = end.session.receive(unit);
    if (got.kind === 'frame') end.frames.push(got.bytes.slice());
    if (got.kind === 'refused') end.refused.push(got.reason);
  }

  #end(role: 'client' | 'server', limits: Partial<RecordLimits>, order: 0 | 1): End {
    const timers = new Map<string, Scheduled>();
    const vault = repeatableVault(createVault({ provider: nobleProvider, secret: new Uint8Array(32) }));
    const clear = (name: string): void => {
      const armed = timers.get(name);
      if (armed) armed.cancelled = true;
    };
    const end = { news: [], frames: [], refused: [], vault } as unknown as End;
    end.session = new RecordSession(
      {
        now_us: () => this.scheduler.now_us(),
        setTimer: (name, delay_us) => {
          clear(name);
          timers.set(
            name,
            this.scheduler.at(this.scheduler.now_us() + delay_us, () => end.session.timerFired(name)),
          );
        },
        clearTimer: clear,
        vault,
        observer: { transition: () => {}, command: () => {} },
        transmit: (unit) => this.#carry(role, unit),
        news: (news) => end.news.push(news),
      },
      { ...parametersFor(vault, role, 1), order },
      { payloadBytes: PAYLOAD_BYTES, limits },
    );
    return end;
  }
}

function parametersFor(vault: Vault, role: 'client' | 'server', generation: number): RecordParameters {
  const base = vault.importBase(new Uint8Array(32).fill(generation));
  const key = (direction: Direction, purpose: 'data' | 'control'): KeyId =>
    vault.deriveTraffic(base, 1, direction, purpose, 0);
  const [out, inward]: Direction[] = role === 'client' ? ['c2s', 's2c'] : ['s2c', 'c2s'];
  const ids = role === 'client' ? [100 + generation, 200 + generation] : [200 + generation, 100 + generation];
  return recordParameters({
    role,
    order: 0,
    receiveConnectionId: ids[0] as number,
    sendConnectionId: ids[1] as number,
    keys: {
      sendData: key(out, 'data'),
      receiveData: key(inward, 'data'),
      sendControl: key(out, 'control'),
      receiveControl: key(inward, 'control'),
    },
  });
}

const frame = (n: number, length = 60): Uint8Array => new Uint8Array(length).fill(n);

describe('record session', () => {
  it('lets the server send only after a record of the client has opened', () => {
    const pair = new Pair();
    pair.server.session.start();
    expect(pair.send('server', frame(1))).toBe('not-started');
    pair.client.session.start();
    expect(pair.send('client', frame(2))).toBeUndefined();
    pair.run(10);
    expect([pair.client.session.state, pair.server.session.state]).toEqual(['LIVE.STEADY', 'LIVE.STEADY']);
    expect([pair.client.news, pair.server.news]).toEqual([[{ kind: 'authenticated' }], [{ kind: 'authenticated' }]]);
    expect(pair.send('server', frame(3))).toBeUndefined();
    pair.run(10);
    expect([pair.client.frames, pair.server.frames]).toEqual([[frame(3)], [frame(2)]]);
  });

  it('repeats the client KEEPALIVE until the server has answered', () => {
    const pair = new Pair();
    let lost = 0;
    pair.passes = (from) => from !== 'client' || ++lost > 3;
    pair.start();
    expect(pair.client.session.state).toBe('CONFIRMING');
    pair.run(4 * CONFIRM_EVERY_MS);
    expect(pair.client.session.state).toBe('LIVE.STEADY');
  });

  it('refuses what it must, and each record opens alone', () => {
    const pair = new Pair();
    pair.start();
    pair.send('client', frame(1));
    const good = pair.wire.at(-1)?.unit as Uint8Array;
    pair.run(5);
    pair.deliver('server', good);
    const flipped = good.slice();
    flipped[20] = (flipped[20] as number) ^ 1;
    flipped[15] = 200;
    pair.deliver('server', flipped);
    const foreign = good.slice();
    foreign[7] = 9;
    pair.deliver('server', foreign);
    pair.deliver('server', good.subarray(0, 3));
    expect(pair.server.refused).toEqual(['replayed', 'bad-tag', 'unknown-connection-id', 'unknown-connection-id']);
    pair.passes = (_from, unit) => unit.length !== 32 + 61;
    for (const length of [60, 61, 62]) pair.send('client', frame(2, length));
    pair.run(5);
    expect(pair.server.frames.map((each) => each.length)).toEqual([60, 60, 62]);
  });

  it.each([0, 1] as const)('carries a frame larger than the path takes in order %d', (order) => {
    const pair = new Pair({}, order);
    pair.start();
    pair.send('client', frame(5, 9000));
    pair.run(5);
    expect(pair.server.frames).toEqual([frame(5, 9000)]);
    expect(Math.max(...pair.wire.map(({ unit }) => unit.length))).toBe(PAYLOAD_BYTES);
    expect(new Set(pair.wire.filter(({ unit }) => unit.length > 100).map(({ unit }) => unit[0]))).toEqual(
      new Set([order === 0 ? 0x43 : 0x40]),
    );
    let n = 0;
    pair.passes = () => ++n !== 3;
    pair.send('client', frame(6, 9000));
    pair.send('client', frame(7, 9000));
    pair.run(5);
    expect(pair.server.frames.map((each) => each[0])).toEqual([5, 7]);
  });

  it('stays quiet but alive when idle, and notices the dead peer', () => {
    const pair = new Pair();
    pair.start();
    const before = pair.wire.length;
    pair.run(600_000);
    expect(pair.client.session.state).toBe('LIVE.STEADY');
    expect(pair.wire.length - before).toBeLessThanOrEqual(4 * 61);
    expect(pair.wire.slice(before).every(({ unit }) => unit[0] === 0x41)).toBe(true);
    pair.passes = () => false;
    pair.run(DEAD_AFTER_MS + 10_000);
    expect(pair.client.news.at(-1)).toEqual({ kind: 'ended', why: 'peer-dead', reason: 3 });
    expect(pair.send('client', frame(1))).toBe('not-started');
  });

  it('a rumour makes it ask, several times; a flood of rumours costs nothing more, and silence is death', () => {
    const pair = new Pair();
    pair.start();
    let n = 0;
    pair.passes = () => ++n > 3;
    const before = pair.wire.length;
    for (let rumours = 0; rumours < 1000; rumours++) pair.client.session.suspect();
    expect(pair.wire.length).toBe(before + 1);
    pair.run(TRUST_PROBES * PROBE_EVERY_MS * 3);
    expect(pair.client.session.state).toBe('LIVE.STEADY');
    pair.passes = () => false;
    pair.client.session.suspect();
    for (let at = 0; at < TRUST_PROBES; at++) {
      pair.run(PROBE_EVERY_MS);
      pair.client.session.suspect();
    }
    expect(pair.client.session.state).toBe('ENDED');
    expect(pair.client.news.at(-1)).toEqual({ kind: 'ended', why: 'peer-dead', reason: 3 });
  });

  it('moves a channel on only when its own key is due: an epoch that nobody heard is not left behind', () => {
    const pair = new Pair({ rekeyAfter_us: 60_000_000, rekeyLeastRecords: 4 });
    pair.start();
    for (let minute = 0; minute < 20; minute++) {
      pair.passes = (_from, unit) => unit[0] !== 0x40 || minute !== 5;
      pair.send('client', frame(minute));
      pair.run(60_000);
    }
    expect(pair.server.frames.length).toBe(19);
    expect(pair.server.refused).toEqual([]);
  });

  it('forgets every key of a session, those it never used included', () => {
    const pair = new Pair();
    const forgotten = new Set<number>();
    pair.server.vault.forget = (key) => void forgotten.add(key);
    pair.server.session.start();
    pair.server.session.stop(1);
    expect(forgotten.size).toBe(4);
    expect(pair.server.session.renew(parametersFor(pair.server.vault, 'server', 2), PAYLOAD_BYTES)).toBe(false);
    expect(forgotten.size).toBe(8);
  });

  it('keeps the keys in use when a renewal is under way as the old ones retire', () => {
    const pair = new Pair();
    pair.start();
    for (const generation of [2, 3]) {
      for (const role of ['server', 'client'] as const) {
        const parameters = parametersFor(pair[role].vault, role, generation);
        if (generation === 3 && role === 'client') pair.run(OLD_KEYS_MS - 1000);
        expect(pair[role].session.renew(parameters, PAYLOAD_BYTES)).toBe(true);
      }
      if (generation === 2) pair.run(100);
    }
    pair.run(3000);
    pair.send('server', frame(9));
    pair.send('client', frame(9));
    pair.run(100);
    expect([pair.client.frames, pair.server.frames]).toEqual([[frame(9)], [frame(9)]]);
  });

  it.each(['INSTALLED', 'CONFIRMING'] as const)('gives up in %s when nobody comes', (state) => {
    const pair = new Pair();
    pair.passes = () => false;
    const end = state === 'INSTALLED' ? pair.server : pair.client;
    end.session.start();
    expect(end.session.state).toBe(state);
    pair.run(DEAD_AFTER_MS + 1000);
    expect(end.news.at(-1)).toEqual({ kind: 'ended', why: 'peer-dead', reason: 3 });
  });

  it('says BYE when stopped, and sends nothing more', () => {
    for (const [from, to] of [
      ['client', 'server'],
      ['server', 'client'],
    ] as const) {
      const pair = new Pair();
      pair.start();
      pair[from].session.stop(7);
      pair.run(5);
      expect(pair[to].news.at(-1)).toEqual({ kind: 'ended', why: 'peer-bye', reason: 7 });
      const sent = pair.wire.length;
      pair.run(100_000);
      expect(pair.wire.length).toBe(sent);
    }
  });

  it('stops before it is live', () => {
    const pair = new Pair();
    pair.passes = () => false;
    pair.server.session.start();
    pair.client.session.start();
    pair.server.session.stop(1);
    pair.client.session.stop(1);
    expect([pair.server.session.state, pair.client.session.state]).toEqual(['ENDED', 'ENDED']);
    expect(pair.wire.filter(({ from }) => from === 'server')).toEqual([]);
  });

  it('moves to new epochs while traffic runs', () => {
    const pair = new Pair({ rekeyRecords: 40, rekeyLeastRecords: 1 });
    pair.start();
    for (let second = 0; second < 60; second++) {
      for (let n = 0; n < 10; n++) {
        pair.send('client', frame(n));
        pair.send('server', frame(n));
      }
      pair.run(1000);
    }
    expect(pair.client.session.epochs.send).toBeGreaterThan(2);
    expect([pair.client.frames.length, pair.server.frames.length]).toEqual([600, 600]);
    expect([pair.client.refused, pair.server.refused]).toEqual([[], []]);
  });

  it('ends when the numbers are used up', () => {
    const pair = new Pair({ stopRecords: 5, rekeyRecords: 1000 });
    pair.start();
    const results = Array.from({ length: 8 }, () => pair.send('client', frame(1)));
    expect(results).toContain('numbers-used-up');
    expect(pair.client.news.at(-1)).toMatchObject({ kind: 'ended', why: 'numbers-used-up' });
  });

  it('changes over to a new TLS session without losing a frame; the old ids die', () => {
    const pair = new Pair();
    pair.start();
    pair.send('client', frame(1));
    const old = pair.wire.at(-1)?.unit as Uint8Array;
    for (const role of ['server', 'client'] as const) {
      expect(pair[role].session.renew(parametersFor(pair[role].vault, role, 2), PAYLOAD_BYTES)).toBe(true);
      expect(pair[role].session.renew(parametersFor(pair[role].vault, role, 3), PAYLOAD_BYTES)).toBe(false);
      pair.send('client', frame(2));
      pair.send('server', frame(2));
    }
    pair.run(50);
    pair.send('client', frame(3));
    pair.send('server', frame(3));
    pair.run(50);
    expect(pair.server.frames.map((each) => each[0])).toEqual([1, 2, 2, 3]);
    expect(pair.client.frames.map((each) => each[0])).toEqual([2, 2, 3]);
    expect([pair.client.session.connectionIds, pair.server.session.connectionIds]).toEqual([
      [101, 102],
      [201, 202],
    ]);
    pair.run(OLD_KEYS_MS + 1000);
    expect([pair.client.session.connectionIds, pair.server.session.connectionIds]).toEqual([[102], [202]]);
    pair.deliver('server', old);
    expect(pair.server.refused).toEqual(['unknown-connection-id']);
    expect(pair.client.session.state).toBe('LIVE.STEADY');
  });

  it('goes on from a saved state as if nothing had happened', () => {
    const pair = new Pair();
    pair.start();
    pair.send('client', frame(1, 5000));
    const saved = structuredClone(pair.client.session.save());
    const next = pair.client.session.seal(frame(4));
    pair.client.session.restore(saved);
    expect(pair.client.session.seal(frame(4))).toEqual(next);
    const again = pair.client.session.save();
    pair.client.session.restore(again);
    expect(pair.client.session.save()).toEqual(again);
  });
});
