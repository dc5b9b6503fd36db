import { describe, expect, it } from 'vitest';
import { BROADCAST_MAC } from '../../wire/address.ts';
import { STATIONS_MAX } from '../bridge/stations.ts';
import { ECHO_HOLD_US, ECHOES_PER_FRAME, ECHOES_UNDER_WAY, LAN, SiteStations } from './stations.ts';

const A = 0x0200_0000_0021;

function arpOf(senderIp: number): Parameters<SiteStations['heardArp']>[0] {
  return { operation: 1, senderMac: A, senderIp, targetMac: 0, targetIp: 9, ok: true } as never;
}

describe('stations of sites', () => {
  it('knows where a station was heard', () => {
    const stations = new SiteStations();
    expect(stations.placeOf(A, 0)).toBeUndefined();
    expect(stations.heard(A, LAN, 0)).toBe(true);
    expect(stations.placeOf(A, 1)).toBe(LAN);
  });

  it('takes the same frame from elsewhere for an echo, until the station has been silent for a while', () => {
    const stations = new SiteStations();
    stations.heard(A, LAN, 0);
    expect(stations.heard(A, 2, ECHO_HOLD_US - 1)).toBe(false);
    expect(stations.placeOf(A, ECHO_HOLD_US)).toBe(LAN);
    expect(stations.heard(A, 2, ECHO_HOLD_US)).toBe(true);
    expect(stations.placeOf(A, ECHO_HOLD_US)).toBe(2);
    expect(stations.heard(A, LAN, ECHO_HOLD_US + 1)).toBe(false);
  });

  it('an echo does not keep a station from moving', () => {
    const stations = new SiteStations();
    stations.heard(A, 1, 0);
    for (let at = 0; at < ECHO_HOLD_US; at += 500_000) expect(stations.heard(A, 2, at)).toBe(false);
    expect(stations.heard(A, 2, ECHO_HOLD_US)).toBe(true);
  });

  it('takes no more frames for echoes than there can be: a spoofed one now and then does not silence a station', () => {
    const stations = new SiteStations();
    stations.heard(A, LAN, 0);
    const first_us = ECHO_HOLD_US + 1;
    let lost = 0;
    for (let at = 0; at < 600; at++) {
      const now_us = first_us + at * 100_000;
      if (at % 25 === 0) stations.heard(A, 1, now_us);
      if (!stations.heard(A, LAN, now_us + 1)) lost++;
    }
    expect(lost).toBe(ECHOES_UNDER_WAY + 2 * ECHOES_PER_FRAME);
  });

  it('takes every copy of a busy station for an echo, however late it comes', () => {
    const stations = new SiteStations();
    for (let at = 0; at < 10 * ECHOES_UNDER_WAY; at++) {
      expect(stations.heard(A, 1, at)).toBe(true);
      if (at >= ECHOES_UNDER_WAY) for (const place of [2, 3, LAN]) expect(stations.heard(A, place, at)).toBe(false);
    }
  });

  it('remembers so many stations that were heard at two places', () => {
    const stations = new SiteStations();
    for (let at = 0; at < STATIONS_MAX + 10; at++) {
      stations.heard(A + at, 1, at * 100_000);
      stations.heard(A + at, 2, at * 100_000);
    }
    expect((stations.save() as unknown[][])[2]).toHaveLength(STATIONS_MAX);
  });

  it('learns nothing from a group address as source, and drops nothing for it', () => {
    const stations = new SiteStations();
    expect([stations.heard(BROADCAST_MAC, 1, 0), stations.heard(BROADCAST_MAC, 2, 0)]).toEqual([true, true]);
    expect(stations.placeOf(BROADCAST_MAC, 0)).toBeUndefined();
  });

  it('learns IPv4 addresses from ARP, and not from a probe', () => {
    const stations = new SiteStations();
    stations.heardArp(arpOf(0), 1, 0);
    expect(stations.placeOfAddress(0, 0)).toBeUndefined();
    stations.heardArp(arpOf(7), 1, 0);
    expect(stations.placeOfAddress(7, 0)).toBe(1);
  });

  it('is the same after save and restore', () => {
    const stations = new SiteStations();
    stations.heard(A, 3, 5);
    stations.heardArp(arpOf(7), 3, 5);
    stations.heard(A, LAN, 5);
    const twin = new SiteStations();
    twin.restore(structuredClone(stations.save()));
    expect(twin.save()).toEqual(stations.save());
    expect([twin.placeOf(A, 6), twin.placeOfAddress(7, 6), twin.heard(A, LAN, 6)]).toEqual([3, 3, false]);
  });
});
