import { describe, expect, it } from 'vitest';
import { TestHost } from '../../../test/support/test-host.ts';
import { GATEWAY_A, GATEWAY_B, TunnelPair, type TunnelPairOptions } from '../../../test/support/tunnel-pair.ts';
import { BACK_OFF_MOST_MS } from '../../machines/peer.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame, buildTcpFrame } from '../../wire/build.ts';
import { parseFrame } from '../../wire/frame.ts';
import { Flag } from '../../wire/tcp.ts';
import { DEAD_AFTER_MS } from '../records/record-session.ts';
import { RENEWALS_APART_MS } from '../ssl/renewal.ts';
import { GatewayApplicationLayer } from './gateway-application.ts';

const SECOND_US = 1_000_000;
const LAN_A = 0x0200_0000_00aa;
const LAN_B = 0x0200_0000_00bb;
const HOST_A = 0xc0a8_0001;
const HOST_B = 0xc0a8_0002;

function segment(flags: number = Flag.ACK, mss?: number, source = HOST_A, destination = HOST_B): Uint8Array {
  return buildTcpFrame(
    {
      ethernet: source === HOST_A ? { source: LAN_A, destination: LAN_B } : { source: LAN_B, destination: LAN_A },
      ip: { source, destination, id: 1 },
      tcp: {
        sourcePort: 1000,
        destinationPort: 80,
        seq: 1,
        ack: 0,
        flags,
        window: 1000,
        options: mss === undefined ? {} : { mss },
      },
    },
    new Uint8Array(20),
  );
}

function answer(): Uint8Array {
  return segment(Flag.ACK, undefined, HOST_B, HOST_A);
}

function up(options: TunnelPairOptions = {}): TunnelPair {
  return new TunnelPair(options).run();
}

function sessionStates(end: TunnelPair['a']): string[] {
  return end.gateway.status().sessions.map(({ state }) => state);
}

describe('a tunnel between two gateway applications', () => {
  it('comes up from the start and carries frames both ways, unchanged', () => {
    const pair = up();
    pair.a.lan(segment());
    pair.b.lan(answer());
    pair.run();
    expect(pair.b.received).toEqual([segment()]);
    expect(pair.a.received).toEqual([segment(Flag.ACK, undefined, HOST_B, HOST_A)]);
    expect(pair.a.gateway.counters).toEqual({ sessionsUp: 1, intoTunnel: 1, fromTunnel: 1 });
    expect(pair.a.gateway.status()).toMatchObject({
      name: GATEWAY_A,
      peers: [{ name: GATEWAY_B, state: 'UP', role: 'client', suite: 1, order: 1, pathMtu: 1500 }],
      sessions: [{ state: 'ALIVE.UP', peer: GATEWAY_B }],
    });
    expect(pair.b.gateway.status()).toMatchObject({ peers: [{ name: GATEWAY_A, state: 'UP', role: 'server' }] });
  });

  it('drops frames while no session stands', () => {
    const pair = new TunnelPair({ aPeer: { connect: false } });
    pair.a.lan(segment());
    expect(pair.a.gateway.drops.get('no-session')).toBe(1);
  });

  it('lets nothing in that was damaged on the LAN: beyond the tunnel it would pass for good', () => {
    const host = new TestHost();
    const config = { name: GATEWAY_A, address: 0x0a00_0001, peers: [] };
    const gateway = host.attach(new GatewayApplicationLayer(host, '2001A', config));
    host.start();
    host.injectBytes('nic', segment(), 'bad');
    expect([...gateway.drops]).toEqual([['bad-checksum', 1]]);
  });

  it.each([
    ['of the tunnel itself', segment(Flag.ACK, undefined, 0x0a00_0001, 0x0a00_0002)],
    [
      'of ARP for a tunnel endpoint',
      buildArpFrame({
        ethernet: { source: LAN_A, destination: 0xffff_ffff_ffff },
        arp: {
          operation: ArpOperation.REQUEST,
          senderMac: LAN_A,
          senderIp: HOST_A,
          targetMac: 0,
          targetIp: 0x0a00_0002,
        },
      }),
    ],
  ])('guards against loops: frames %s', (_what, frame) => {
    const pair = up();
    pair.a.lan(frame);
    pair.run();
    expect(pair.a.gateway.drops.get('loop-guard')).toBe(1);
    expect(pair.b.received).toEqual([]);
  });

  it('lowers the MSS of SYNs to what fits into one record of the path, both ways, unless told not to', () => {
    const mssThrough = (options: TunnelPairOptions, mss: number) => {
      const pair = up(options);
      pair.a.lan(segment(Flag.SYN, mss));
      pair.run();
      return parseFrame(pair.b.received[0] as Uint8Array).tcp?.options.mss;
    };
    expect(mssThrough({}, 1460)).toBe(1374);
    expect(mssThrough({ a: { clampMss: false } }, 1460)).toBe(1374);
    expect(mssThrough({ b: { clampMss: false } }, 1460)).toBe(1374);
    expect(mssThrough({}, 1000)).toBe(1000);
    expect(mssThrough({ a: { clampMss: false }, b: { clampMss: false } }, 1460)).toBe(1460);
  });

  it('ends when either side disconnects, and stays down until told to connect', () => {
    const pair = up();
    pair.a.event('disconnect', { peer: GATEWAY_B });
    pair.run(60 * SECOND_US);
    expect([pair.a.state, pair.b.state]).toEqual(['OFF', 'IDLE']);
    expect([...sessionStates(pair.a), ...sessionStates(pair.b)]).toEqual([]);
    pair.a.lan(segment());
    expect(pair.a.gateway.drops.get('no-session')).toBe(1);
    pair.a.event('connect', { peer: GATEWAY_B });
    pair.run();
    expect([pair.a.state, pair.b.state]).toEqual(['UP', 'UP']);
    pair.b.event('disconnect', { peer: GATEWAY_A });
    pair.run(10 * SECOND_US);
    expect([pair.a.state, pair.b.state]).toEqual(['BACK-OFF', 'OFF']);
    expect(pair.b.gateway.drops.get('peer-not-allowed')).toBeGreaterThan(0);
    pair.b.event('connect', { peer: GATEWAY_A });
    pair.run(BACK_OFF_MOST_MS * 1000 * 1.25);
    expect([pair.a.state, pair.b.state]).toEqual(['UP', 'UP']);
  });

  it('a peer without an address is let in again by connect', () => {
    const pair = up({ bPeer: { address: undefined } });
    pair.b.event('disconnect', { peer: GATEWAY_A });
    pair.run();
    expect(pair.b.state).toBe('OFF');
    pair.b.event('connect', { peer: GATEWAY_A });
    expect(pair.b.state).toBe('IDLE');
    pair.b.event('connect', { peer: GATEWAY_A });
    expect(pair.b.state).toBe('IDLE');
    pair.b.event('disconnect', { peer: GATEWAY_A });
    expect(pair.b.state).toBe('OFF');
  });

  it('refuses events that name no peer or mean nothing', () => {
    const { gateway } = up().a;
    expect(gateway.outsideEvent('connect', { peer: 'nobody' })).toBe(false);
    expect(gateway.outsideEvent('connect', null)).toBe(false);
    expect(gateway.outsideEvent('dance', { peer: GATEWAY_B })).toBe(false);
  });

  it('takes no peer that is not configured, though SSL knows it', () => {
    const pair = up({ b: { peers: [] } });
    expect(pair.b.gateway.drops.get('peer-not-allowed')).toBeGreaterThan(0);
    expect(pair.b.gateway.counters.sessionsUp).toBeUndefined();
    expect(pair.a.state).not.toBe('UP');
  });
});

describe('dialling again', () => {
  it('waits 1 s, doubling to 60 s, give or take a quarter', () => {
    const pair = new TunnelPair({ b: { listen: undefined } });
    const waits: number[] = [];
    let last_us = 0;
    for (let round = 0; round < 9; round++) {
      pair.scheduler.runWhile(() => pair.a.state !== 'BACK-OFF', Number.POSITIVE_INFINITY);
      last_us = pair.scheduler.now_us();
      pair.scheduler.runWhile(() => pair.a.state === 'BACK-OFF', Number.POSITIVE_INFINITY);
      waits.push((pair.scheduler.now_us() - last_us) / SECOND_US);
    }
    [1, 2, 4, 8, 16, 32, 60, 60, 60].forEach((seconds, at) => {
      expect(waits[at]).toBeGreaterThanOrEqual(seconds * 0.75);
      expect(waits[at]).toBeLessThanOrEqual(seconds * 1.25);
    });
    expect(new Set(waits).size).toBe(9);
  });

  it('goes at once when the operator says so, and not at all when he says stop', () => {
    const pair = new TunnelPair({ b: { listen: undefined } }).run(500_000);
    expect(pair.a.state).toBe('BACK-OFF');
    pair.a.event('connect', { peer: GATEWAY_B });
    expect(pair.a.state).toBe('DIALLING');
    pair.run(500_000);
    expect(pair.a.state).toBe('BACK-OFF');
    pair.a.event('disconnect', { peer: GATEWAY_B });
    expect(pair.a.state).toBe('OFF');
    expect(pair.a.device.save().timers).toEqual([]);
    pair.a.event('connect', { peer: GATEWAY_B });
    pair.a.event('disconnect', { peer: GATEWAY_B });
    expect(pair.a.state).toBe('OFF');
    expect(pair.run(10 * SECOND_US).a.state).toBe('OFF');
    expect(sessionStates(pair.a)).toEqual([]);
  });

  it('follows the loss of a session, and begins at 1 s again', () => {
    const pair = up();
    for (let round = 0; round < 5; round++) {
      pair.b.tcpEvent('closed', { connection: `accepted-dial-${round + 1}@${pair.a.address}`, reason: 'reset' });
      pair.a.tcpEvent('closed', { connection: `dial-${round + 1}`, reason: 'reset' });
      expect(pair.a.state).toBe('BACK-OFF');
      pair.run(1.25 * SECOND_US + 500_000);
      expect([pair.a.state, pair.b.state]).toEqual(['UP', 'UP']);
    }
  });

  it('is not done where nobody asked for it, until the operator does', () => {
    const pair = new TunnelPair({ aPeer: { connect: false } });
    pair.a.event('connect', { peer: GATEWAY_B });
    pair.run();
    expect([pair.a.state, pair.b.state]).toEqual(['UP', 'UP']);
    pair.b.event('connect', { peer: GATEWAY_A });
    expect(pair.b.state).toBe('UP');
    pair.a.event('disconnect', { peer: GATEWAY_B });
    pair.run(500_000);
    expect(pair.b.state).toBe('BACK-OFF');
  });

  it('stops when the peer comes by itself', () => {
    const pair = new TunnelPair({ b: { listen: undefined }, bPeer: { connect: false } }).run(500_000);
    expect(pair.a.state).toBe('BACK-OFF');
    pair.b.event('connect', { peer: GATEWAY_A });
    pair.run(300_000);
    expect([pair.a.state, pair.b.state]).toEqual(['UP', 'UP']);
    pair.run(10 * SECOND_US);
    expect(sessionStates(pair.a)).toHaveLength(1);
  });
});

describe('two sessions of one peer', () => {
  it.each([0, 1, 5_000, 20_000, 25_000, 35_000, 50_000, 61_000, 75_000, 100_000])(
    'both dial, the second %i us later: one session stays, at both ends the same',
    (bLater_us) => {
      const pair = new TunnelPair({ bPeer: { connect: true }, bLater_us });
      pair.run(20 * SECOND_US);
      expect([pair.a.state, pair.b.state]).toEqual(['UP', 'UP']);
      expect([sessionStates(pair.a), sessionStates(pair.b)]).toEqual([['ALIVE.UP'], ['ALIVE.UP']]);
      pair.a.lan(segment());
      pair.b.lan(answer());
      pair.run();
      expect([pair.a.received.length, pair.b.received.length]).toEqual([1, 1]);
    },
  );

  it('the second replaces the first only when it is up: the gateway that comes first by name closes the old one', () => {
    const pair = up({ aPeer: { connect: false }, bPeer: { connect: true } });
    pair.b.tcpEvent('closed', { connection: 'dial-1', reason: 'reset' });
    expect([pair.a.state, pair.b.state]).toEqual(['UP', 'BACK-OFF']);
    pair.run(1.25 * SECOND_US + 500_000);
    expect(sessionStates(pair.a).toSorted()).toEqual(['ALIVE.UP', 'CLOSING']);
    pair.a.lan(segment());
    pair.run(10 * SECOND_US);
    expect(pair.b.received).toHaveLength(1);
    expect([pair.a.state, pair.b.state]).toEqual(['UP', 'UP']);
    expect(sessionStates(pair.a)).toEqual(['ALIVE.UP']);
  });

  it('the other one keeps both until the old one is dead, and uses the new', () => {
    const pair = up();
    pair.a.tcpEvent('closed', { connection: 'dial-1', reason: 'reset' });
    pair.run(1.25 * SECOND_US + 500_000);
    expect(sessionStates(pair.b)).toEqual(['ALIVE.UP', 'ALIVE.UP']);
    pair.b.lan(answer());
    pair.run();
    expect(pair.a.received).toHaveLength(1);
    pair.run(DEAD_AFTER_MS * 1000);
    expect(sessionStates(pair.b)).toEqual(['ALIVE.UP']);
    expect(pair.b.state).toBe('UP');
  });
});

describe('renewing', () => {
  it('is asked for by the end that dialled, in time and by the operator', () => {
    const pair = up({ a: { renewEvery_ms: 60_000 } });
    const generation = () => pair.a.ssl.status()[0]?.generation;
    expect(generation()).toBe(1);
    pair.a.event('renew', { peer: GATEWAY_B });
    pair.run();
    expect(generation()).toBe(2);
    pair.run(60 * SECOND_US);
    expect(generation()).toBe(3);
    pair.run(60 * SECOND_US);
    expect(generation()).toBe(4);
    pair.b.event('renew', { peer: GATEWAY_A });
    expect(pair.notes(GATEWAY_B, 'renewal-refused')).toMatchObject([
      { peer: GATEWAY_A, detail: 'only the end that connects renews' },
    ]);
    pair.a.lan(segment());
    pair.b.lan(answer());
    pair.run();
    expect([pair.a.received.length, pair.b.received.length]).toEqual([1, 1]);
    expect([...pair.a.ssl.drops, ...pair.b.ssl.drops]).toEqual([]);
  });

  it('asked for too often is done as often as it may be', () => {
    const pair = up();
    for (let round = 0; round < 10; round++) {
      pair.a.event('renew', { peer: GATEWAY_B });
      pair.run((RENEWALS_APART_MS / 4) * 1000);
    }
    expect(pair.a.ssl.status()[0]?.generation).toBe(4);
  });
});

describe('stopping', () => {
  it.each(['drain', 'stop'] as const)('by %s ends all sessions in order and takes no new one', (how) => {
    const pair = up();
    if (how === 'drain') pair.b.event('drain');
    else pair.b.device.stop();
    pair.run(500_000);
    expect(sessionStates(pair.b)).toEqual([]);
    expect([pair.a.state, pair.b.state]).toEqual(['BACK-OFF', 'OFF']);
    expect(pair.notes(GATEWAY_A, 'session-closed')).toMatchObject([{ reason: 'peer' }]);
    expect(pair.b.device.save().timers).toEqual([]);
    pair.run(5 * SECOND_US);
    expect(pair.a.state).toMatch(/BACK-OFF|DIALLING/);
    expect(sessionStates(pair.b)).toEqual([]);
  });
});
