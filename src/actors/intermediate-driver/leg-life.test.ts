import { describe, expect, it } from 'vitest';
import { record, tls, word, words } from '../../../test/support/driver-packets.ts';
import { DriverPair, FAR, NEAR, NEAR_HOP } from '../../../test/support/driver-pair.ts';
import { HELLO_TRIES, LINGER_MS, REQUEST_TRIES } from '../../machines/leg.ts';
import { buildTcpFrame } from '../../wire/build.ts';
import { parseFrame } from '../../wire/frame.ts';
import { Flag } from '../../wire/tcp.ts';

describe.each(['tcp', 'udp'] as const)('leg, F13 %s', (shape) => {
  it('holds the SYN until COMPLETE; both operating systems believe in one TCP (spec 2.4 steps 7-17)', () => {
    const pair = new DriverPair({ shape });
    pair.passes = (_from, bytes) => word(bytes) !== 'COMPLETE';
    pair.connect();
    expect(pair.near.events).toEqual([]);
    expect(pair.far.events.map(({ kind }) => kind)).toEqual(['connected']);
    pair.passes = () => true;
    pair.advance(400_000);
    expect(pair.near.events.map(({ kind }) => kind)).toEqual(['connected']);
    const set = shape === 'tcp' ? ['near SYN', 'far SYN+ACK'] : ['near HELLO', 'far COOKIE'];
    expect(words(pair)).toEqual([...set, 'near REQUEST', 'far COMPLETE', 'near REQUEST', 'far COMPLETE']);
    expect([pair.near, pair.far].map((end) => end.indications().map(({ kind }) => kind))).toEqual([
      ['leg-open'],
      ['leg-open'],
    ]);
    const digests = [pair.near, pair.far].map((end) => (end.indications()[0] as { digest: Uint8Array }).digest);
    expect(digests[0]).toEqual(digests[1]);
  });

  it('immediate: answers the SYN at once, and what is written waits for the leg', () => {
    const pair = new DriverPair({ shape, handshake: 'immediate' });
    pair.passes = () => false;
    pair.connect();
    expect(pair.near.events.map(({ kind }) => kind)).toEqual(['connected']);
    pair.near.tcp?.write(tls(50));
    pair.passes = () => true;
    pair.advance(700_000);
    expect(pair.far.received()).toEqual([...tls(50)]);
  });

  it('carries handshake bytes whole over a lossy line, and ends both TCPs in order', () => {
    for (let seed = 0; seed < 6; seed++) {
      const pair = new DriverPair({ shape });
      let n = seed;
      pair.passes = () => n++ % 4 !== 0;
      pair.connect();
      pair.advance(3_000_000);
      pair.near.tcp?.write(tls(4000));
      pair.far.tcp?.write(tls(9000));
      pair.advance(8_000_000);
      expect(pair.far.received()).toEqual([...tls(4000)]);
      expect(pair.near.received()).toEqual([...tls(9000)]);
      pair.near.tcp?.close();
      pair.advance(8_000_000);
      expect(pair.far.events.at(-1)?.kind).toBe('remote-closed');
      pair.far.tcp?.close();
      pair.advance(20_000_000);
      expect([pair.near.driver.sessions.size, pair.far.driver.sessions.size], `seed ${seed}`).toEqual([0, 0]);
      expect(pair.near.indications().at(-1)?.kind).toBe('leg-closed');
    }
  });

  it('sends each record as one datagram that nobody repeats, and only announced ids reach the local TCP', () => {
    const pair = new DriverPair({ shape });
    pair.connect();
    pair.far.host.inject('settings', { kind: 'announce-records', tuple: pair.far.tuple, receiveConnectionId: 77 });
    const before = pair.line.length;
    let n = 0;
    pair.passes = () => ++n !== 2;
    for (let sent = 0; sent < 3; sent++) pair.near.tcp?.write(record(77));
    pair.near.tcp?.write(record(78));
    pair.advance(30_000_000);
    const records = pair.line.slice(before).filter(({ bytes }) => word(bytes) === 'record');
    expect(records.length).toBe(4);
    expect(pair.far.received()).toEqual([...record(77), ...record(77)]);
    expect(pair.far.host.dropReasons()).toEqual(['unknown-connection-id']);
  });
});

describe('leg that does not come to be', () => {
  it('a silent far end gives the near TCP a RST in bounded time', () => {
    const pair = new DriverPair();
    pair.passes = () => false;
    pair.connect();
    pair.advance(25_000_000);
    expect(words(pair)).toEqual(Array(HELLO_TRIES).fill('near SYN'));
    expect(pair.near.events).toEqual([{ kind: 'closed', reason: 'refused' }, { kind: 'gone' }]);
    expect(pair.near.driver.sessions.size).toBe(0);
  });

  it('so does one that answers HELLO but not the request', () => {
    const pair = new DriverPair();
    pair.passes = (_from, bytes) => word(bytes) !== 'REQUEST';
    pair.connect();
    pair.advance(90_000_000);
    expect(words(pair).filter((each) => each === 'near REQUEST').length).toBe(REQUEST_TRIES);
    expect(pair.near.events[0]).toEqual({ kind: 'closed', reason: 'refused' });
  });

  it('a far TCP that refuses makes REFUSED, and a RST here', () => {
    const pair = new DriverPair();
    pair.listening = false;
    pair.connect();
    expect(words(pair)).toEqual(['near SYN', 'far SYN+ACK', 'near REQUEST', 'far REFUSED']);
    expect(pair.near.events[0]).toEqual({ kind: 'closed', reason: 'refused' });
    expect([pair.near.driver.sessions.size, pair.far.driver.sessions.size]).toEqual([0, 0]);
  });

  it('a RST with the right number answers the HELLO, one with a wrong number does not', () => {
    const pair = new DriverPair();
    pair.passes = () => false;
    pair.connect();
    const syn = parseFrame(pair.line[0]?.bytes as Uint8Array).tcp?.seq as number;
    const reset = (ack: number): Uint8Array =>
      buildTcpFrame(
        {
          ethernet: { source: NEAR_HOP, destination: NEAR.mac },
          ip: { source: FAR.ip, destination: NEAR.ip },
          tcp: { sourcePort: FAR.port, destinationPort: NEAR.port, seq: 0, ack, flags: Flag.RST | Flag.ACK, window: 0 },
        },
        new Uint8Array(0),
      );
    pair.arrives('near', reset(syn + 2));
    expect(pair.state('near')).toBe('HELLO-SENT');
    pair.arrives('near', reset(syn + 1));
    pair.settle();
    expect(pair.near.events[0]).toEqual({ kind: 'closed', reason: 'refused' });
  });

  it.each(['HELLO-SENT', 'REQUESTED', 'SYN-FORGED', 'OPEN'] as const)('the application withdraws it in %s', (state) => {
    const pair = new DriverPair();
    pair.passes = (_from, bytes) => state !== 'HELLO-SENT' && (state !== 'REQUESTED' || word(bytes) !== 'REQUEST');
    const end = state === 'SYN-FORGED' ? 'far' : 'near';
    if (state === 'SYN-FORGED') pair.far.workOff = () => false;
    pair.connect();
    expect(pair.state(end)?.split('.')[0]).toBe(state);
    pair[end].host.inject('settings', { kind: 'withdraw', tuple: pair[end].tuple });
    pair.settle();
    expect(pair[end].driver.sessions.size).toBe(0);
    expect(pair[end].indications().at(-1)?.kind).toBe('leg-closed');
    if (end === 'near') expect(pair.near.events.some(({ kind }) => kind === 'closed')).toBe(true);
  });

  it.each(['HELLO-SENT', 'REQUESTED', 'OPEN'] as const)('the local TCP gives up in %s', (state) => {
    const pair = new DriverPair({ handshake: 'immediate' });
    pair.passes = (_from, bytes) => state !== 'HELLO-SENT' && (state !== 'REQUESTED' || word(bytes) !== 'REQUEST');
    pair.connect();
    expect(pair.state('near')?.split('.')[0]).toBe(state);
    pair.near.tcp?.abort();
    pair.settle();
    expect(pair.near.driver.sessions.size).toBe(0);
    expect(words(pair).includes('near BYE')).toBe(state !== 'HELLO-SENT');
  });

  it('immediate mode: a refusal resets the TCP that was connected already', () => {
    const pair = new DriverPair({ handshake: 'immediate' });
    pair.listening = false;
    pair.connect();
    expect(pair.near.events.map((event) => (event.kind === 'closed' ? event.reason : event.kind))).toEqual([
      'connected',
      'reset',
      'gone',
    ]);
  });

  it('handshake bytes that nobody acknowledges end the session', () => {
    const pair = new DriverPair();
    pair.connect();
    pair.passes = () => false;
    pair.near.tcp?.write(tls(10));
    pair.advance(80_000_000);
    expect(pair.near.events.at(-2)).toEqual({ kind: 'closed', reason: 'reset' });
  });

  it('a local TCP that speaks nonsense ends the session', () => {
    const pair = new DriverPair();
    pair.connect();
    pair.near.tcp?.write(new Uint8Array([0x99, 1, 2, 3]));
    pair.settle();
    expect(pair.near.driver.sessions.size).toBe(0);
  });
});

describe('leg that ended in order', () => {
  const ended = (): DriverPair => {
    const pair = new DriverPair();
    pair.connect();
    pair.near.tcp?.close();
    pair.settle();
    pair.far.tcp?.close();
    pair.settle();
    return pair;
  };

  it('still answers for a while, then tells firewalls to forget it', () => {
    const pair = ended();
    expect([pair.state('near'), pair.state('far')]).toEqual(['LINGERING', 'LINGERING']);
    expect(pair.near.indications().at(-1)).toMatchObject({ kind: 'leg-closed' });
    pair.advance(LINGER_MS * 1000 + 2_000_000);
    expect(words(pair).filter((each) => each.endsWith('BYE')).length).toBeGreaterThan(0);
    expect([pair.near.driver.sessions.size, pair.far.driver.sessions.size]).toEqual([0, 0]);
  });

  it('ends at once when the application withdraws it', () => {
    const pair = ended();
    pair.near.host.inject('settings', { kind: 'withdraw', tuple: pair.near.tuple });
    pair.settle();
    expect(words(pair).at(-1)).toBe('near BYE');
    pair.near.host.advance(LOCAL_TIME_WAIT_US);
    expect(pair.near.driver.sessions.size).toBe(0);
  });
});

/** Longer than block A stays in TIME-WAIT. */
const LOCAL_TIME_WAIT_US = 1_100_000;
