import { describe, expect, it } from 'vitest';
import { endsOf, InnerPair, SERVER, TERMINAL } from '../../../test/support/inner-pair.ts';
import { pattern } from '../../../test/support/tcp-pair.ts';
import { BROADCAST_IP4, BROADCAST_MAC } from '../../wire/address.ts';
import { concat, equal } from '../../wire/bytes.ts';
import { buildInnerFrame } from '../../wire/inner-frame.ts';
import { type InnerMessage, InnerRefusal, InnerReset } from '../../wire/inner-leg.ts';
import {
  CHECKS,
  FIRST_WINDOW_BYTES,
  INNER_FAR_SESSIONS,
  INNER_SESSIONS,
  INNER_SESSIONS_PER_ADDRESS,
  UNITS_UNDER_WAY,
  UNPROVEN_CHECKS,
} from './limits.ts';

const SECOND_US = 1_000_000;
const LINK = { destination: SERVER.mac, source: TERMINAL.mac };
const requestOf = (ownToken: number): InnerMessage => ({ kind: 'conn-req', ownToken, granted: 0, mostBytes: 1000 });
const toFar = (port: number, message: InnerMessage) => buildInnerFrame(LINK, endsOf(port), { seq: 1, ack: 2 }, message);

describe('a session on the inner leg', () => {
  it('opens by CONN-REQ and CONN-DONE; the SYN is answered only then', () => {
    const pair = new InnerPair();
    const near = pair.open();
    pair.pass(10_000);
    expect(pair.far.local.calls).toEqual(['open']);
    expect(near.calls).toEqual([]);
    pair.far.local.session.localConnected();
    pair.pass(10_000);
    expect(near.calls).toEqual(['release']);
    expect([pair.kinds('near'), pair.kinds('far')]).toEqual([['conn-req'], ['conn-done']]);
  });

  it('carries bytes both ways, in order, and forgets itself when both have ended', () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    const bytes = pattern(300_000);
    for (let at = 0; at < bytes.length; at += 10_000) near.session.localData(bytes.subarray(at, at + 10_000));
    far.session.localData(bytes.subarray(0, 5_000));
    pair.pass(5 * SECOND_US);
    expect(equal(far.written, bytes) && equal(near.written, bytes.subarray(0, 5_000))).toBe(true);
    expect([near.consumedBytes, far.consumedBytes]).toEqual([300_000, 5_000]);
    near.session.localEnded();
    pair.pass(SECOND_US);
    expect([far.calls.at(-1), near.calls]).toEqual(['close', ['release']]);
    far.session.localEnded();
    pair.pass(SECOND_US);
    expect(near.calls).toEqual(['release']);
    far.finish();
    pair.pass(SECOND_US);
    expect(near.calls).toEqual(['release', 'close']);
    near.session.localClosed('normal');
    near.finish();
    expect([pair.near.forgotten.length, pair.far.forgotten.length]).toEqual([1, 1]);
    expect([pair.near.timers.save(), pair.far.timers.save()]).toEqual([[], []]);
    expect([pair.near.leg.underWay_bytes, pair.far.leg.underWay_bytes]).toEqual([0, 0]);
  });

  it('goes on from its saved state at any moment', () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    const bytes = pattern(200_000);
    for (let at = 0; at < bytes.length; at += 2_000) {
      pair.near.local.session.localData(bytes.subarray(at, at + 2_000));
      pair.pass(500);
      for (const end of [pair.near, pair.far]) end.restore();
    }
    pair.pass(5 * SECOND_US);
    expect(equal(concat(...pair.far.locals.map(({ written }) => written)), bytes)).toBe(true);
    expect([near.calls, far.calls]).toEqual([['release'], ['open']]);
  });

  it('marks urgent bytes, and only those', () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    near.session.localData(pattern(10));
    near.session.localUrgent(5);
    near.session.localData(pattern(20));
    pair.pass(SECOND_US);
    expect(far.calls).toEqual(['open', 'urgent 5']);
    expect(far.written).toHaveLength(30);
  });
});

describe('opening', () => {
  it('repeats a CONN-REQ, also for a repeated SYN, and opens one connection all the same', () => {
    const pair = new InnerPair();
    const near = pair.open();
    pair.pass(100_000);
    near.session.synAgain();
    pair.pass(100_000);
    expect([pair.kinds('near'), pair.kinds('far')]).toEqual([['conn-req', 'conn-req'], ['trying']]);
    expect(pair.far.local.calls).toEqual(['open']);
    pair.passes = ({ message }) => message.kind !== 'conn-done';
    pair.far.local.session.localConnected();
    pair.pass(5 * SECOND_US);
    expect(near.calls).toEqual([]);
    pair.passes = () => true;
    near.session.synAgain();
    pair.pass(SECOND_US);
    expect(near.calls).toEqual(['release']);
    expect(pair.far.locals).toHaveLength(1);
  });

  it.each([
    ['refused', InnerRefusal.REFUSED, 0],
    ['timed-out', InnerRefusal.TIMED_OUT, 0],
    ['unreachable', InnerRefusal.UNREACHABLE, 3],
  ] as const)('tells that the far TCP said %s', (reason, refusal, code) => {
    const pair = new InnerPair();
    const near = pair.open();
    pair.pass(10_000);
    pair.far.local.isGone = true;
    pair.far.local.session.localClosed(reason, 3);
    pair.pass(10_000);
    expect(near.calls).toEqual([`refuse ${refusal} ${code}`]);
    expect([pair.near.leg.sessions.size, pair.far.leg.sessions.size]).toEqual([0, 0]);
  });

  it('goes by a destination that is silent for 3.5 s', () => {
    const pair = new InnerPair();
    pair.passes = () => false;
    const near = pair.open();
    pair.pass(3_400_000);
    expect([near.calls, pair.kinds('near')]).toEqual([[], ['conn-req', 'conn-req', 'conn-req']]);
    pair.pass(200_000);
    expect(near.calls).toEqual(['bypass false']);
    expect(pair.near.timers.save()).toEqual([]);
  });

  it('goes by a destination whose TCP has answered by RST, and one that says so itself', () => {
    const pair = new InnerPair();
    pair.far.refusal = InnerRefusal.NOT_TERMINATED;
    pair.open();
    pair.pass(10_000);
    expect(pair.near.local.calls).toEqual(['bypass true']);
    pair.passes = () => false;
    const near = pair.open(40_001);
    near.session.alone();
    expect(near.calls).toEqual(['bypass true']);
  });

  it('waits for a counterpart that is there, and gives up when that falls silent', () => {
    const pair = new InnerPair();
    const near = pair.open();
    pair.pass(120 * SECOND_US);
    expect(near.calls).toEqual([]);
    pair.passes = () => false;
    pair.pass(100 * SECOND_US);
    expect(near.calls).toEqual([`refuse ${InnerRefusal.TIMED_OUT} 0`]);
  });

  it('believes an ICMP error until there is an answer', () => {
    const pair = new InnerPair();
    const near = pair.open();
    near.session.unreachable(10);
    expect(near.calls).toEqual([`refuse ${InnerRefusal.UNREACHABLE} 10`]);
    const { near: second } = pair.connect(40_001);
    second.session.unreachable(10);
    expect(second.calls).toEqual(['release']);
  });

  it('of a terminal that has begun anew ends what the far end still has, then opens again', () => {
    const pair = new InnerPair();
    const { far } = pair.connect();
    pair.passes = () => false;
    pair.near.local.session.stop();
    pair.passes = () => true;
    pair.open();
    pair.pass(SECOND_US);
    expect(far.calls.at(-1)).toBe('abort');
    expect(pair.far.locals).toHaveLength(2);
    pair.far.local.session.localConnected();
    pair.pass(SECOND_US);
    expect(pair.near.local.calls).toEqual(['release']);
  });

  it('keeps bytes of a SYN that was answered at once until there is credit', () => {
    const pair = new InnerPair({ handshake: 'immediate' });
    const near = pair.open();
    near.session.localData(pattern(1000));
    near.session.localEnded();
    expect(near.consumedBytes).toBe(0);
    pair.pass(10_000);
    pair.far.local.session.localConnected();
    pair.pass(10_000);
    expect(equal(pair.far.local.written, pattern(1000))).toBe(true);
    expect(pair.far.local.calls).toEqual(['open', 'close']);
  });
});

describe('flow control', () => {
  it('grants no more than a reader that does not read has room for, and loses nothing', () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    far.session.localFull();
    near.session.localData(pattern(3 * FIRST_WINDOW_BYTES));
    pair.pass(60 * SECOND_US);
    expect(far.written).toHaveLength(FIRST_WINDOW_BYTES);
    expect(near.consumedBytes).toBe(FIRST_WINDOW_BYTES);
    far.session.localWritable();
    pair.pass(60 * SECOND_US);
    expect(equal(far.written, pattern(3 * FIRST_WINDOW_BYTES))).toBe(true);
    expect(near.consumedBytes).toBe(3 * FIRST_WINDOW_BYTES);
  });

  it('replaces a CREDIT that was lost', () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    let lost = 0;
    pair.passes = ({ message }) => message.kind !== 'credit' || ++lost > 6;
    near.session.localData(pattern(200_000));
    pair.pass(10 * SECOND_US);
    expect(far.written).toHaveLength(200_000);
    expect(lost).toBeGreaterThan(6);
  });

  it('bounds what small units cost', () => {
    const pair = new InnerPair();
    const { near } = pair.connect();
    for (let i = 0; i < 2 * UNITS_UNDER_WAY; i++) near.session.localData(pattern(1));
    expect(pair.kinds('near').filter((kind) => kind === 'data')).toHaveLength(UNITS_UNDER_WAY);
    pair.pass(SECOND_US);
    expect(pair.far.local.written).toHaveLength(2 * UNITS_UNDER_WAY);
  });

  it('bounds what a host has under way, and shares the room among its sessions', () => {
    const limit = 40_000;
    const pair = new InnerPair({ underWay_bytes: limit });
    const sessions = [0, 1, 2, 3].map((index) => pair.connect(40_000 + index));
    for (const { near } of sessions) near.session.localData(pattern(100_000));
    expect(pair.near.leg.underWay_bytes).toBeLessThanOrEqual(limit + 3 * 1600);
    pair.pass(30 * SECOND_US);
    expect(sessions.map(({ far }) => far.written.length)).toEqual([100_000, 100_000, 100_000, 100_000]);
    expect(pair.near.leg.underWay_bytes).toBe(0);
  });

  it('does not let one peer that is gone take all the room', () => {
    const pair = new InnerPair({ underWay_bytes: 40_000 });
    const dead = pair.connect(40_000);
    const alive = pair.connect(40_001);
    const deadToken = dead.far.session.ownToken;
    pair.passes = ({ message }) => !('token' in message) || message.token !== deadToken;
    dead.near.session.localData(pattern(60_000));
    alive.near.session.localData(pattern(100_000));
    pair.pass(4 * SECOND_US);
    const slow = alive.far.written.length;
    expect(slow).toBe(100_000);
    alive.near.session.localData(pattern(30_000));
    expect(pair.near.leg.underWay_bytes).toBeGreaterThan(30_000);
    pair.pass(SECOND_US);
    expect(alive.far.written).toHaveLength(130_000);
  });
});

describe('a frame that is lost on the leg', () => {
  it.each(['data', 'fin'] as const)('%s: the gap is noticed, and both hosts get a RST', (kind) => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    let isLost = false;
    pair.passes = ({ message }) => {
      const isVictim = message.kind === kind && !isLost;
      isLost ||= isVictim;
      return !isVictim;
    };
    near.session.localData(pattern(1000));
    if (kind === 'fin') near.session.localEnded();
    else near.session.localData(pattern(1000));
    pair.pass(5 * SECOND_US);
    expect([near.calls.at(-1), far.calls.at(-1)]).toEqual(['abort', 'abort']);
    expect(pair.far.counts).toContain('gaps');
    expect(far.written.length).toBe(kind === 'fin' ? 1000 : 0);
    expect([pair.near.leg.sessions.size, pair.far.leg.sessions.size]).toEqual([0, 0]);
  });

  it('the last one before a pause is noticed by a CHECK', () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    pair.passes = () => false;
    near.session.localData(pattern(10));
    pair.passes = () => true;
    pair.pass(500_000);
    expect(near.calls).toEqual(['release']);
    pair.pass(SECOND_US);
    expect([near.calls.at(-1), far.calls.at(-1)]).toEqual(['abort', 'abort']);
  });

  it('RESET: the other end hears of it with the next thing it says', () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    pair.passes = ({ message }) => message.kind !== 'reset' || message.reason === InnerReset.UNKNOWN;
    far.isGone = true;
    far.session.localClosed('reset');
    pair.pass(SECOND_US);
    expect(near.calls).toEqual(['release']);
    near.session.localData(pattern(10));
    pair.pass(SECOND_US);
    expect(near.calls.at(-1)).toBe('abort');
  });

  it('for ever: a silent peer is given up after a while, and an idle one is asked now and then', () => {
    const pair = new InnerPair();
    const { near } = pair.connect();
    pair.pass(700 * SECOND_US);
    near.session.localData(pattern(10));
    pair.pass(SECOND_US);
    expect(pair.kinds('near').filter((kind) => kind === 'check').length).toBeGreaterThanOrEqual(1);
    expect(near.calls).toEqual(['release']);
    pair.passes = () => false;
    near.session.localData(pattern(10));
    pair.pass(1200 * SECOND_US);
    expect(near.calls.at(-1)).toBe('abort');
    expect(pair.near.counts).toContain('silences');
    const last = pair.kinds('near').slice(-CHECKS - 1);
    expect(last).toEqual([...Array(CHECKS).fill('check'), 'reset']);
  });
});

describe('strangers', () => {
  it('get a RESET that names their token, at a bounded rate, and none for a RESET', () => {
    const pair = new InnerPair();
    pair.arrive('far', toFar(40_000, { kind: 'check', token: 9, sent: 0 }));
    expect(pair.crossed.at(-1)?.message).toEqual({ kind: 'reset', token: 0, reason: InnerReset.UNKNOWN, unknown: 9 });
    for (let i = 0; i < 200; i++) pair.arrive('far', toFar(40_000, { kind: 'check', token: 9, sent: 0 }));
    expect(pair.crossed.length).toBeLessThanOrEqual(51);
    const before = pair.crossed.length;
    pair.pass(SECOND_US);
    pair.arrive('far', toFar(40_000, { kind: 'reset', token: 9, reason: 1, unknown: 0 }));
    expect(pair.crossed.length).toBe(before);
  });

  it('change nothing in a session whose token they do not know', () => {
    const pair = new InnerPair();
    const { far } = pair.connect();
    const messages: InnerMessage[] = [
      { kind: 'data', token: 9, position: 0, bytes: pattern(10), urgent: false },
      { kind: 'reset', token: 9, reason: 1, unknown: 0 },
      { kind: 'reset', token: 0, reason: 4, unknown: 9 },
      { kind: 'fin', token: 9, position: 0 },
    ];
    for (const message of messages) pair.arrive('far', toFar(40_000, message));
    pair.pass(SECOND_US);
    expect([far.calls, far.written.length]).toEqual([['open'], 0]);
    expect(pair.far.drops.filter((drop) => drop.startsWith('bad-token'))).toHaveLength(4);
  });

  it('with the token that say what cannot be end it', () => {
    for (const nonsense of [
      { kind: 'data', position: FIRST_WINDOW_BYTES, bytes: pattern(10), urgent: false },
      { kind: 'credit', granted: 0, received: 1 },
    ] as const) {
      const pair = new InnerPair();
      const { far } = pair.connect();
      if (nonsense.kind === 'data') {
        far.session.localFull();
        const most = { kind: 'data', token: far.session.ownToken, urgent: false } as const;
        for (let position = 0; position < FIRST_WINDOW_BYTES; position += 1024)
          pair.arrive('far', toFar(40_000, { ...most, position, bytes: pattern(1024) }));
      }
      pair.arrive('far', toFar(40_000, { ...nonsense, token: far.session.ownToken }));
      expect(far.calls.at(-1)).toBe('abort');
      expect(pair.far.counts).toContain('nonsense');
    }
  });

  it('leave room for what the own host opens, whatever they do', () => {
    const pair = new InnerPair();
    const request = (port: number) =>
      pair.arrive(
        'far',
        buildInnerFrame(
          LINK,
          { ...endsOf(port), local: TERMINAL.ip + (port >> 7) },
          { seq: 1, ack: 2 },
          requestOf(port),
        ),
      );
    for (let port = 1; port <= INNER_SESSIONS; port++) request(port);
    expect(pair.far.leg.sessions.size).toBe(INNER_FAR_SESSIONS);
    expect(pair.crossed.at(-1)?.message).toMatchObject({ kind: 'refused', reason: InnerRefusal.TOO_MANY });
    pair.far.restore();
    request(INNER_SESSIONS + 1);
    expect(pair.far.leg.sessions.size).toBe(INNER_FAR_SESSIONS);
    const own = (localPort: number) => ({ local: SERVER.ip, localPort, remote: TERMINAL.ip, remotePort: 80 });
    for (let port = 1; port <= INNER_SESSIONS - INNER_FAR_SESSIONS; port++)
      expect(pair.far.leg.openNear(own(2000 + port), LINK)).toBeDefined();
    expect(pair.far.leg.openNear(own(1000), LINK)).toBeUndefined();
  });

  it('that are silent after CONN-DONE are given up within half a minute, and one that answers is not', () => {
    const pair = new InnerPair();
    const { far } = pair.connect(40_001);
    pair.passes = ({ from }) => from === 'near';
    pair.arrive('far', toFar(40_000, requestOf(9)));
    const stranger = pair.far.local;
    stranger.session.localConnected();
    stranger.session.localData(pattern(10));
    pair.passes = ({ message }) => 'token' in message && message.token !== 9;
    pair.pass(20 * SECOND_US);
    expect(stranger.session.machine.state).toBe('OPEN');
    pair.far.restore();
    pair.pass(15 * SECOND_US);
    expect(pair.far.locals.find(({ session }) => session.peerToken === 9 && session.isOver)?.calls).toEqual(['abort']);
    expect([...pair.far.leg.sessions.keys()]).toEqual([far.session.key]);
    expect(pair.kinds('far').filter((kind) => kind === 'check')).toHaveLength(1 + UNPROVEN_CHECKS);
    pair.pass(500 * SECOND_US);
    expect(pair.far.leg.sessions.size).toBe(1);
  });

  it('may open so many sessions from one address', () => {
    const pair = new InnerPair();
    for (let port = 1; port <= INNER_SESSIONS_PER_ADDRESS + 1; port++) pair.arrive('far', toFar(port, requestOf(port)));
    expect(pair.far.leg.sessions.size).toBe(INNER_SESSIONS_PER_ADDRESS);
    expect(pair.crossed.at(-1)?.message).toMatchObject({ kind: 'refused', reason: InnerRefusal.TOO_MANY });
  });

  it('that name a group as their address get no session and no answer', () => {
    const request = requestOf(1);
    for (const [source, local] of [
      [BROADCAST_MAC, TERMINAL.ip],
      [TERMINAL.mac, BROADCAST_IP4],
      [TERMINAL.mac, 0],
    ]) {
      const pair = new InnerPair();
      const ends = { ...endsOf(40_000), local };
      for (const message of [request, { kind: 'check', token: 9, sent: 0 } as const])
        pair.arrive('far', buildInnerFrame({ ...LINK, source }, ends, { seq: 1, ack: 2 }, message));
      expect([pair.far.drops, pair.far.leg.sessions.size]).toEqual([['bad-source', 'bad-source'], 0]);
      expect(pair.crossed).toEqual([]);
    }
  });

  it('with another version of the mark are dropped', () => {
    const pair = new InnerPair();
    const frame = toFar(40_000, requestOf(1));
    frame[60] = 2;
    pair.arrive('far', frame);
    expect([pair.far.drops, pair.far.leg.sessions.size]).toEqual([['unknown-kind version'], 0]);
  });
});
