import { describe, expect, it } from 'vitest';
import { endsOf, InnerPair, type RecordedLocal, SERVER, TERMINAL } from '../../../test/support/inner-pair.ts';
import { pattern } from '../../../test/support/tcp-pair.ts';
import { buildInnerFrame } from '../../wire/inner-frame.ts';
import { type InnerMessage, InnerReset } from '../../wire/inner-leg.ts';

const SECOND_US = 1_000_000;

interface Reached {
  readonly pair: InnerPair;
  readonly at: 'near' | 'far';
  readonly local: RecordedLocal;
}

/** Brings one end of a session into a state, and cuts the line. */
const REACH: Readonly<Record<string, () => Reached>> = {
  HELD: () => {
    const pair = new InnerPair();
    pair.passes = () => false;
    return { pair, at: 'near', local: pair.open() };
  },
  AWAITED: () => {
    const pair = new InnerPair();
    const local = pair.open();
    pair.pass(SECOND_US);
    return { pair, at: 'near', local };
  },
  OPENING: () => {
    const pair = new InnerPair();
    pair.open();
    pair.pass(10_000);
    return { pair, at: 'far', local: pair.far.local };
  },
  OPEN: () => {
    const pair = new InnerPair();
    return { pair, at: 'far', local: pair.connect().far };
  },
  LOCAL_ENDED: () => {
    const pair = new InnerPair();
    const { far } = pair.connect();
    far.session.localEnded();
    pair.pass(SECOND_US);
    return { pair, at: 'far', local: far };
  },
  PEER_ENDED: () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    near.session.localEnded();
    pair.pass(SECOND_US);
    return { pair, at: 'far', local: far };
  },
  DRAINING: () => {
    const reached = REACH.PEER_ENDED();
    reached.local.session.localEnded();
    return reached;
  },
  CONFIRMING: () => {
    const reached = REACH.DRAINING();
    reached.pair.passes = () => false;
    reached.local.finish();
    return reached;
  },
  FINISHING: () => {
    const { pair } = REACH.DRAINING();
    pair.far.local.finish();
    pair.pass(10_000);
    return { pair, at: 'near', local: pair.near.local };
  },
};

/** Puts a unit before an end, as from the other one. */
function give({ pair, at, local }: Reached, message: InnerMessage): void {
  const { localPort } = endsOf(local.session.start.ends.localPort);
  const port = at === 'near' ? localPort : local.session.start.ends.remotePort;
  const ends = endsOf(port);
  const isFar = at === 'far';
  const link = isFar
    ? { destination: SERVER.mac, source: TERMINAL.mac }
    : { destination: TERMINAL.mac, source: SERVER.mac };
  const { local: own, localPort: ownPort, remote, remotePort } = ends;
  const seen = isFar ? ends : { local: remote, localPort: remotePort, remote: own, remotePort: ownPort };
  pair.arrive(at, buildInnerFrame(link, seen, { seq: 1, ack: 2 }, message));
}

const stateOf = ({ local }: Reached) => local.session.machine.state;
const lastSent = ({ pair, at }: Reached) => pair.crossed.filter(({ from }) => from === at).at(-1)?.message;
const token = ({ local }: Reached) => local.session.ownToken;

const FLOWING = ['OPEN', 'LOCAL_ENDED', 'PEER_ENDED', 'DRAINING', 'FINISHING', 'CONFIRMING'] as const;
/** Where the host's connection still stands. */
const STANDING = FLOWING.filter((state) => state !== 'CONFIRMING');

describe.each(Object.keys(REACH))('%s', (state) => {
  it('is reached, and goes on from its saved state', () => {
    const reached = REACH[state]();
    expect(stateOf(reached)).toBe(state);
    const end = reached.pair[reached.at];
    end.restore();
    expect([...end.leg.sessions.values()][0].machine.state).toBe(state);
  });

  it('ends when the driver stops', () => {
    const reached = REACH[state]();
    reached.pair[reached.at].leg.stop();
    expect(stateOf(reached)).toBe('CLOSED');
    expect(reached.local.calls.at(-1)).toBe(state === 'CONFIRMING' ? 'close' : 'abort');
    const isHeard = state !== 'HELD' && state !== 'AWAITED';
    if (isHeard) expect(lastSent(reached)).toMatchObject({ kind: 'reset', reason: InnerReset.STOPPED });
    expect(reached.pair[reached.at].timers.save()).toEqual([]);
    expect(reached.pair[reached.at].leg.sessions.size).toBe(0);
  });
});

describe.each(STANDING)('in %s', (state) => {
  it('a RST of the own host goes over', () => {
    const reached = REACH[state]();
    reached.local.isGone = true;
    reached.local.session.localClosed('reset');
    expect(stateOf(reached)).toBe('CLOSED');
    expect(lastSent(reached)).toMatchObject({ kind: 'reset', reason: InnerReset.BY_HOST });
    expect(reached.pair[reached.at].leg.sessions.size).toBe(0);
  });

  it('a RESET of the peer goes to the own host', () => {
    const reached = REACH[state]();
    give(reached, { kind: 'reset', token: token(reached), reason: 1, unknown: 0 });
    expect([stateOf(reached), reached.local.calls.at(-1)]).toEqual(['CLOSED', 'abort']);
  });

  it('a gap ends both ends', () => {
    const reached = REACH[state]();
    give(reached, { kind: 'check', token: token(reached), sent: 1e9 });
    expect([stateOf(reached), reached.local.calls.at(-1)]).toEqual(['CLOSED', 'abort']);
    expect(lastSent(reached)).toMatchObject({ kind: 'reset', reason: InnerReset.GAP });
  });
});

describe('the far end', () => {
  it.each(['OPEN', 'LOCAL_ENDED'])('in %s answers a repeated CONN-REQ by CONN-DONE', (state) => {
    const reached = REACH[state]();
    const { peerToken } = reached.local.session;
    give(reached, { kind: 'conn-req', ownToken: peerToken, granted: 1, mostBytes: 1000 });
    expect([stateOf(reached), lastSent(reached)?.kind]).toEqual([state, 'conn-done']);
  });

  it('that has not opened yet forgets when the terminal knows nothing of it', () => {
    const reached = REACH.OPENING();
    const unknown = reached.local.session.peerToken;
    give(reached, { kind: 'reset', token: 0, reason: InnerReset.UNKNOWN, unknown });
    expect([stateOf(reached), reached.local.calls.at(-1)]).toEqual(['CLOSED', 'abort']);
  });

  it('takes no more bytes after the peer has ended its stream', () => {
    const reached = REACH.PEER_ENDED();
    give(reached, { kind: 'data', token: token(reached), position: 1, bytes: pattern(5), urgent: false });
    expect([stateOf(reached), reached.local.written.length]).toEqual(['CLOSED', 0]);
    expect(lastSent(reached)).toMatchObject({ kind: 'reset', reason: InnerReset.MALFORMED });
  });
});

describe.each(['PEER_ENDED', 'DRAINING', 'CONFIRMING', 'FINISHING'])('in %s', (state) => {
  it('a FIN once more is confirmed, and one behind it is nonsense', () => {
    const reached = REACH[state]();
    const fin = (position: number) => give(reached, { kind: 'fin', token: token(reached), position });
    fin(0);
    expect([stateOf(reached), lastSent(reached)?.kind]).toEqual([state, 'credit']);
    fin(1);
    expect(stateOf(reached)).toBe('CLOSED');
    expect(lastSent(reached)).toMatchObject({ kind: 'reset', reason: InnerReset.MALFORMED });
  });
});

describe('the near end', () => {
  it.each(['HELD', 'AWAITED'])('in %s: the terminal gives up', (state) => {
    const reached = REACH[state]();
    reached.local.isGone = true;
    reached.local.session.localClosed('refused');
    expect([stateOf(reached), reached.pair.near.timers.save()]).toEqual(['CLOSED', []]);
  });

  it.each(['HELD', 'AWAITED'])('in %s: the server refuses, the SYN comes again, or CONN-DONE comes', (state) => {
    const refused = REACH[state]();
    give(refused, { kind: 'refused', token: token(refused), reason: 1, code: 0 });
    expect([stateOf(refused), refused.local.calls]).toEqual(['CLOSED', ['refuse 1 0']]);
    const again = REACH[state]();
    again.local.session.synAgain();
    expect(lastSent(again)?.kind).toBe('conn-req');
    give(again, { kind: 'trying', token: token(again) });
    expect(stateOf(again)).toBe('AWAITED');
    give(again, { kind: 'conn-done', token: token(again), ownToken: 7, granted: 9, mostBytes: 1000 });
    expect([stateOf(again), again.local.calls]).toEqual(['OPEN', ['release']]);
  });

  it.each(['HELD', 'AWAITED'])(
    'in %s, its SYN answered at once: a stream that ended early is ended when there is a peer',
    (state) => {
      const reached = REACH[state]();
      reached.local.session.localEnded();
      give(reached, { kind: 'conn-done', token: token(reached), ownToken: 7, granted: 9, mostBytes: 1000 });
      expect([stateOf(reached), lastSent(reached)]).toEqual(['LOCAL_ENDED', { kind: 'fin', token: 7, position: 0 }]);
    },
  );
});

describe('the last bytes', () => {
  it('are known to have arrived before a session is forgotten', () => {
    const reached = REACH.CONFIRMING();
    reached.pair.pass(SECOND_US / 2);
    expect(stateOf(reached)).toBe('CONFIRMING');
    give(reached, { kind: 'credit', token: token(reached), granted: 0, received: 1 });
    expect([stateOf(reached), reached.pair.far.leg.sessions.size]).toEqual(['CLOSED', 0]);
  });

  it('or the peer is gone, silent, or has lost them', () => {
    const reset = REACH.CONFIRMING();
    give(reset, { kind: 'reset', token: token(reset), reason: 4, unknown: 0 });
    expect(stateOf(reset)).toBe('CLOSED');
    const lost = REACH.CONFIRMING();
    give(lost, { kind: 'check', token: token(lost), sent: 1e9 });
    expect([stateOf(lost), lastSent(lost)?.kind]).toEqual(['CLOSED', 'reset']);
    const silent = REACH.CONFIRMING();
    silent.pair.pass(1200 * SECOND_US);
    expect([stateOf(silent), silent.pair.far.leg.sessions.size]).toEqual(['CLOSED', 0]);
  });

  it('a host that is done before they are known to have arrived waits for it', () => {
    const { pair } = REACH.LOCAL_ENDED();
    const near = pair.near.local;
    pair.passes = ({ message }) => message.kind !== 'credit';
    near.session.localData(pattern(10));
    near.session.localEnded();
    expect(near.session.machine.state).toBe('DRAINING');
    near.finish();
    expect(near.session.machine.state).toBe('CONFIRMING');
    pair.passes = () => true;
    pair.pass(3 * SECOND_US);
    expect(pair.near.leg.sessions.size).toBe(0);
  });

  it("of the one that ended first are known with the other one's end", () => {
    const reached = REACH.FINISHING();
    reached.local.finish();
    expect(stateOf(reached)).toBe('CLOSED');
  });

  it('both ends at once: each waits for its host and for the peer', () => {
    const pair = new InnerPair();
    const { near, far } = pair.connect();
    pair.passes = ({ message }) => message.kind !== 'credit';
    for (const local of [near, far]) local.session.localEnded();
    pair.pass(10_000);
    expect([near, far].map(({ session }) => session.machine.state)).toEqual(['FINISHING', 'FINISHING']);
    near.finish();
    expect(near.session.machine.state).toBe('CONFIRMING');
    pair.passes = () => true;
    pair.pass(2 * SECOND_US);
    far.finish();
    expect([pair.near.leg.sessions.size, pair.far.leg.sessions.size]).toEqual([0, 0]);
  });
});
