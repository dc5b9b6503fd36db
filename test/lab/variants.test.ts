import { describe, expect, it } from 'vitest';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { SERVER_31, TERMINAL_21 } from '../../src/topologies/network.ts';
import { toHex, u48 } from '../../src/wire/bytes.ts';
import { RECORD_HEADER_BYTES } from '../../src/wire/record.ts';
import { UNIT_DATA } from '../../src/wire/unit.ts';
import { bringUp, hexOf, holdsRecord, isTunnel, newLab, read, SECOND_US, unitsOf, upLab } from './support.ts';

const isOf = (source: number, destination: number) => (bytes: Uint8Array) =>
  u48(bytes, 6) === source && u48(bytes, 0) === destination;
const THERE = isOf(TERMINAL_21.mac, SERVER_31.mac);
const BACK = isOf(SERVER_31.mac, TERMINAL_21.mac);

describe('terminal and server exchanged', () => {
  it.each([
    ['e2-swapped', 'N2-4'],
    ['e3-swapped', 'N3-4'],
    ['e4-swapped', 'N4-3'],
    ['e11-swapped', 'N11.2'],
  ])('%s (%s): data both ways, frames the same at both ends', (topology) => {
    const lab = upLab(topology, {}, { verifies: true });
    const seen = lab.capture(['W1', 'W6']);
    expect(ping(lab, { count: 2 }).rtts_us).toHaveLength(2);
    for (const from of ['terminal21', 'server31'])
      expect(transfer(lab, { from, bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
    expect(hexOf(seen, 'W1', 'ba', THERE)).toEqual(hexOf(seen, 'W6', 'ba', THERE));
    expect(hexOf(seen, 'W6', 'ab', BACK)).toEqual(hexOf(seen, 'W1', 'ab', BACK));
    expect(hexOf(seen, 'W6', 'ba', THERE).length).toBeGreaterThan(100);
  });
});

describe('a plain router in place of firewall 33 (N2-3)', () => {
  it.each(['e2-router', 'e4-router'])('%s: F13 is UDP, in set-up and data', (topology) => {
    const lab = newLab(topology);
    expect(lab.plan.devices.find(({ name }) => name === 'firewall33')?.kind).toBe('router');
    const tunnel = lab.capture(['W3', 'W4'], ({ bytes }) => isTunnel(bytes));
    bringUp(lab);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    expect(tunnel.length).toBeGreaterThan(100);
    for (const { bytes } of tunnel) expect(read(bytes).udp).toBeDefined();
  });
});

describe('SSL off', () => {
  it.each(['e2-ssl-off', 'e4-ssl-off'])('%s: frames cross the wire in clear, as they were', (topology) => {
    const lab = upLab(topology, {}, { verifies: true });
    const seen = lab.capture(['W1', 'W3', 'W6']);
    for (const from of ['terminal21', 'server31'])
      expect(transfer(lab, { from, bytes: 50_000, limit_us: 60 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
    const carried = seen
      .filter(({ place, way, bytes }) => place === 'W3' && way === 'ab' && holdsRecord(bytes))
      .flatMap(({ bytes }) => inClear(bytes));
    expect(hexOf(seen, 'W1', 'ab', THERE)).toEqual(carried.filter((frame) => THERE(Buffer.from(frame, 'hex'))));
    expect(hexOf(seen, 'W6', 'ab', THERE)).toEqual(hexOf(seen, 'W1', 'ab', THERE));
    expect(lab.status('gateway20').peers[0].suite).toBe(4);
  });

  it('with SSL on, no frame of the terminal is to be seen on the wire', () => {
    const lab = upLab('e2');
    const seen = lab.capture(['W1', 'W3']);
    expect(transfer(lab, { bytes: 50_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const sent = new Set(hexOf(seen, 'W1', 'ab', THERE));
    const carried = seen
      .filter(({ place, bytes }) => place === 'W3' && holdsRecord(bytes))
      .flatMap(({ bytes }) => inClear(bytes));
    expect(carried.filter((frame) => sent.has(frame))).toEqual([]);
  });

  it('a frame that was changed on the way does not come out of the tunnel', () => {
    const lab = upLab('e4-ssl-off');
    ping(lab);
    const lan = lab.capture(['W6'], ({ way }) => way === 'ab');
    let forged: Uint8Array | undefined;
    const end = lab.tap('W3', ({ way, bytes }) => {
      if (forged !== undefined || way !== 'ab' || !holdsRecord(bytes)) return;
      forged = bytes.slice();
      forged[forged.length - 20] ^= 1;
    });
    lab.cables.W3.lose = (way, bytes) => way === 'ab' && holdsRecord(bytes);
    ping(lab);
    end();
    lab.devices.firewall33.input({ kind: 'frame', port: '332', bytes: forged as Uint8Array, checksum: 'good' });
    lab.run(SECOND_US);
    expect(lan).toEqual([]);
    expect(lab.drops('gateway30')['bad-tag']).toBe(1);
  });
});

/** What stands where the ciphertext of data records is. */
function inClear(bytes: Uint8Array): string[] {
  return unitsOf(bytes).flatMap(({ type, offset, length }) =>
    type === UNIT_DATA ? [toHex(bytes, offset + RECORD_HEADER_BYTES, offset + length - 16)] : [],
  );
}
