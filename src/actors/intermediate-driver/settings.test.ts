import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DriverEnd, FAR } from '../../../test/support/driver-pair.ts';
import { ANNOUNCED_CONNECTS, ANNOUNCED_LISTENERS, type Listener, Settings, SPECIAL_RANGES } from './settings.ts';

const CHOICE = { shape: 'tcp', handshake: 'hold' } as const;

function tuple(n: number): { local: number; localPort: number; remote: number; remotePort: number } {
  return { local: 1, localPort: 443, remote: 2, remotePort: n };
}

describe('settings manager, block L', () => {
  it('holds rows of several sessions, each found by its ends', () => {
    const settings = new Settings();
    for (const port of [1, 2, 3]) settings.connect({ tuple: tuple(port), ...CHOICE });
    settings.withdraw(tuple(2));
    expect([1, 2, 3].map((port) => settings.connectFor(tuple(port))?.tuple.remotePort)).toEqual([1, undefined, 3]);
    expect(settings.connectFor({ ...tuple(1), local: 9 })).toBeUndefined();
  });

  it('is bounded; a row that is there can be replaced when it is full', () => {
    const settings = new Settings();
    for (let port = 0; port < ANNOUNCED_LISTENERS; port++)
      expect(settings.listen({ address: 1, port, ...CHOICE })).toBe(true);
    expect(settings.listen({ address: 1, port: 9999, ...CHOICE })).toBe(false);
    expect(settings.listen({ address: 1, port: 0, ...CHOICE, shape: 'udp' })).toBe(true);
    expect(settings.listenerFor(1, 0)?.shape).toBe('udp');
    for (let n = 0; n < ANNOUNCED_CONNECTS; n++) expect(settings.connect({ tuple: tuple(n), ...CHOICE })).toBe(true);
    expect(settings.connect({ tuple: tuple(60_000), ...CHOICE })).toBe(false);
    expect(settings.connect({ tuple: tuple(0), ...CHOICE })).toBe(true);
    for (let n = 0; n < SPECIAL_RANGES; n++) expect(settings.special({ first: 10 * n, last: 10 * n + 1 })).toBe(true);
    expect(settings.special({ first: 999, last: 999 })).toBe(false);
    expect(settings.special({ first: 0, last: 1 })).toBe(true);
    expect([0, 1, 2, 10, 11, 12].map((mac) => settings.isSpecial(mac))).toEqual([true, true, false, true, true, false]);
  });

  it('finds the destinations that a search through all rows would find', () => {
    const few = fc.integer({ min: 0, max: 3 });
    const listener = fc.record({ address: few, port: few, shape: fc.constantFrom('tcp' as const, 'udp' as const) });
    fc.assert(
      fc.property(fc.array(listener, { maxLength: 20 }), few, few, (listeners, address, port) => {
        const settings = new Settings();
        for (const each of listeners) settings.listen({ ...each, handshake: 'hold' });
        const found = listeners.findLast((each) => each.address === address && each.port === port);
        expect(settings.listenerFor(address, port)?.shape).toBe(found?.shape);
        const twin = new Settings();
        twin.restore(structuredClone(settings.save()));
        expect(twin.save()).toEqual(settings.save());
        expect(twin.listenerFor(address, port)).toEqual(settings.listenerFor(address, port) as Listener);
      }),
    );
  });

  it('says so when an application announces more than there is room for', () => {
    const end = new DriverEnd('far');
    for (let n = 0; n <= SPECIAL_RANGES; n++)
      end.host.inject('settings', { kind: 'announce-special', first: n, last: n });
    for (let port = 0; port <= ANNOUNCED_LISTENERS; port++)
      end.host.inject('settings', { kind: 'announce-listen', address: FAR.ip, port, ...CHOICE });
    expect(end.host.dropReasons()).toEqual(['table-full', 'too-many-sessions']);
  });
});
