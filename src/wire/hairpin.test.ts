import { describe, expect, it } from 'vitest';
import { CONTROL_MAC_DECRYPT, CONTROL_MAC_ENCRYPT, CONTROL_MAC_ENGINE } from './address.ts';
import { u48 } from './bytes.ts';
import { buildEthernet, EtherType } from './ethernet.ts';
import { asksForCipher, buildHairpin, HAIRPIN_HEADER_BYTES, parseHairpin, turnedHairpin } from './hairpin.ts';

const MAC = 0x0201_0000_0020;
const RECORD = Uint8Array.of(0x40, 0, 0, 33, 1, 2, 3);

describe('hairpin frames', () => {
  it.each([
    ['seal', CONTROL_MAC_ENCRYPT],
    ['open', CONTROL_MAC_DECRYPT],
  ] as const)('to %s: there, and back with the addresses swapped', (way, engine) => {
    const asked = buildHairpin(way, 0xfedc_ba98, RECORD, MAC);
    expect(asked.length).toBe(HAIRPIN_HEADER_BYTES + RECORD.length);
    expect([u48(asked, 0), u48(asked, 6)]).toEqual([engine, MAC]);
    expect(asksForCipher(asked)).toBe(true);
    expect(parseHairpin(asked)).toEqual({ ok: true, way, isAnswer: false, sessionId: 0xfedc_ba98, record: RECORD });
    const back = turnedHairpin(asked, Uint8Array.of(9));
    expect([u48(back, 0), u48(back, 6)]).toEqual([MAC, engine]);
    expect(asksForCipher(back)).toBe(false);
    expect(parseHairpin(back)).toMatchObject({ way, isAnswer: true, sessionId: 0xfedc_ba98, record: Uint8Array.of(9) });
  });

  it('are nothing else', () => {
    const other = (destination: number, etherType: number, length = 40) =>
      buildEthernet({ destination, source: MAC, etherType }, new Uint8Array(length));
    const reasonOf = (bytes: Uint8Array) => {
      const read = parseHairpin(bytes);
      return read.ok ? 'read' : read.reason;
    };
    expect(reasonOf(other(CONTROL_MAC_ENCRYPT, EtherType.CONTROL))).toBe('hairpin-not-one');
    expect(reasonOf(other(CONTROL_MAC_ENGINE, EtherType.HAIRPIN))).toBe('hairpin-not-one');
    expect(reasonOf(other(CONTROL_MAC_ENCRYPT, EtherType.HAIRPIN, 3))).toBe('hairpin-truncated');
    expect(reasonOf(new Uint8Array(13))).toBe('hairpin-not-one');
    const vlan = { priority: 0, dropEligible: false, id: 1 };
    const fields = { destination: CONTROL_MAC_ENCRYPT, source: MAC, etherType: EtherType.HAIRPIN, vlan };
    expect(reasonOf(buildEthernet(fields, new Uint8Array(40)))).toBe('hairpin-not-one');
  });
});
