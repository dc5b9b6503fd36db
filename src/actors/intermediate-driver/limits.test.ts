import { describe, expect, it } from 'vitest';
import { request, shaped, tls, withSourcePort, word } from '../../../test/support/driver-packets.ts';
import { DriverPair } from '../../../test/support/driver-pair.ts';
import { FORGED_MS } from '../../machines/leg.ts';
import { parseFrame } from '../../wire/frame.ts';
import { Flag } from '../../wire/tcp.ts';
import { cookieOfNumber } from '../leg/cookies.ts';
import { UNPROVEN_SESSIONS_PER_ADDRESS } from './layer.ts';

describe('limits for strangers', () => {
  /** A stranger with a true address gets a cookie and shows it; the answer's word, if any. */
  const requestFrom = (pair: DriverPair, port: number): string | undefined => {
    const from = (frame: Uint8Array): void => void pair.far.host.injectBytes('lower', withSourcePort(frame, port));
    pair.far.taken();
    from(shaped(Flag.SYN, { seq: 5 }));
    const cookie = parseFrame(pair.far.taken()[0]?.bytes as Uint8Array).tcp?.seq as number;
    from(
      shaped(Flag.ACK | Flag.PSH, { seq: 6, ack: cookie + 1, payload: request({ cookie: cookieOfNumber(cookie) }) }),
    );
    const answer = pair.far.taken()[0];
    return answer && word(answer.bytes);
  };

  it('keeps few sessions of a stranger with a true address, and refuses more without keeping anything', () => {
    const pair = new DriverPair();
    const answers = Array.from({ length: 20 }, (_, n) => requestFrom(pair, 1000 + n));
    expect(pair.far.driver.sessions.size).toBe(UNPROVEN_SESSIONS_PER_ADDRESS);
    expect(answers.slice(UNPROVEN_SESSIONS_PER_ADDRESS)).toEqual(Array(12).fill('REFUSED'));
    pair.far.host.advance(FORGED_MS * 1000);
    expect(pair.far.driver.sessions.size).toBe(0);
  });

  it('counts a session whose peer has proved itself against no limit of strangers', () => {
    const pair = new DriverPair();
    pair.connect();
    for (let n = 1; n < UNPROVEN_SESSIONS_PER_ADDRESS; n++) expect(requestFrom(pair, 1000 + n)).toBeUndefined();
    expect(requestFrom(pair, 2000)).toBe('REFUSED');
    pair.far.host.inject('settings', { kind: 'announce-records', tuple: pair.far.tuple, receiveConnectionId: 7 });
    expect(requestFrom(pair, 2000)).toBeUndefined();
    expect(requestFrom(pair, 2001)).toBe('REFUSED');
  });
});

describe('before the peer has sent our token back', () => {
  it('sends at most three times what it got, whatever the local TCP writes', () => {
    const pair = new DriverPair();
    pair.passes = (from, bytes) => from === 'near' || word(bytes) === 'SYN+ACK';
    pair.connect();
    pair.far.tcp?.write(tls(9000));
    pair.advance(5_000_000);
    const units = (end: 'near' | 'far'): number =>
      pair.line
        .map(({ from, bytes }) => (from === end ? parseFrame(bytes) : undefined))
        .reduce((sum, parsed) => sum + (parsed === undefined ? 0 : parsed.payloadEnd - parsed.payloadOffset), 0);
    expect(units('far')).toBeGreaterThan(0);
    expect(units('far')).toBeLessThanOrEqual(3 * units('near'));
    expect(pair.far.host.dropReasons()).toContain('amplification-limit');
  });
});
