import { expect } from 'vitest';
import { DEAD_AFTER_MS, KEEPALIVE_AFTER_MS } from '../../src/actors/records/record-session.ts';
import { BROADCAST_MAC, type Mac } from '../../src/wire/address.ts';
import { ethernet } from './relay-sites.ts';
import { nameOf, RelayStar } from './relay-star.ts';

const SECOND_US = 1_000_000;
/** All dial at the same moment, and the relay lets in only so many whom nobody has vouched for: the others try again. */
const SET_UP_LIMIT_US = 120 * SECOND_US;
const RETURN_LIMIT_US = 180 * SECOND_US;
const UNKNOWN_MAC: Mac = 0x0200_00ee_0000;
/** More than enough for what a session holds in the heap; TLS is the model of it, OpenSSL's own memory is outside of the heap. */
const SESSION_BYTES_MOST = 80_000;

/**
 * A relay with so many sites, all set up at once: broadcast, unknown unicast, learning, a session's death and return. Prints what it
 * took; `sites` is at least 3.
 */
export async function checkRelaySessions(sites: number): Promise<void> {
  const begun_ms = performance.now();
  const star = new RelayStar(sites);
  expect(star.bringUp(SET_UP_LIMIT_US)).toBe(true);
  const up = { wall_ms: performance.now() - begun_ms, virtual_us: star.now_us };
  checkLearning(star, sites);
  checkDeathAndReturn(star, sites);
  const perSession = Math.round((await star.relayBytes()) / sites);
  expect(perSession).toBeLessThan(SESSION_BYTES_MOST);
  console.log(
    `relay with ${sites} sessions: all up after ${(up.virtual_us / SECOND_US).toFixed(1)} s of virtual time, ` +
      `${(up.wall_ms / 1000).toFixed(1)} s of this machine's for both ends; ${perSession} bytes of heap per session`,
  );
}

function macOf(site: number): Mac {
  return 0x0200_00aa_0000 + site;
}

function allBut(sites: number, site: number): number[] {
  return Array.from({ length: sites }, (_, at) => at + 1).filter((each) => each !== site);
}

function sorted(sites: readonly number[]): number[] {
  return [...sites].sort((one, other) => one - other);
}

/** Each site's host becomes known by its first frame; from then on what is for it goes there alone, and nothing ever comes back. */
function checkLearning(star: RelayStar, sites: number): void {
  expect(sorted(star.send(1, ethernet(BROADCAST_MAC, macOf(1))))).toEqual(allBut(sites, 1));
  expect(sorted(star.send(2, ethernet(UNKNOWN_MAC, macOf(2))))).toEqual(allBut(sites, 2));
  for (let site = 3; site <= sites; site++) expect(star.send(site, ethernet(macOf(1), macOf(site)))).toEqual([1]);
  expect(star.relay.stationCount).toBe(sites);
  for (let site = 1; site <= sites; site++) {
    const next = (site % sites) + 1;
    expect(star.send(site, ethernet(macOf(next), macOf(site)))).toEqual([next]);
  }
  expect(star.send(1, ethernet(macOf(1), UNKNOWN_MAC + 1))).toEqual([]);
  expect(star.relay.drops.get('same-port')).toBe(1);
  expect(star.relay.counters.flooded).toBe(2);
}

/** The relay forgets what was behind a session that died, floods what is for it, and learns anew where it comes back. */
function checkDeathAndReturn(star: RelayStar, sites: number): void {
  const lost = 2;
  const stateOf = (site: number) => star.relay.status().peers.find(({ name }) => name === nameOf(site))?.state;
  const before = star.relay.stationCount;
  star.cut.add(lost);
  expect(star.until(() => stateOf(lost) !== 'UP', (DEAD_AFTER_MS + 3 * KEEPALIVE_AFTER_MS) * 1000)).toBe(true);
  expect(star.sitesUp).toBe(sites - 1);
  expect(star.relay.stationCount).toBe(before - 1);
  expect(sorted(star.send(1, ethernet(macOf(lost), macOf(1))))).toEqual(
    allBut(sites, 1).filter((site) => site !== lost),
  );
  star.cut.delete(lost);
  expect(star.until(() => star.sitesUp === sites, RETURN_LIMIT_US)).toBe(true);
  star.run(SECOND_US);
  expect(sorted(star.send(1, ethernet(macOf(lost), macOf(1))))).toEqual(allBut(sites, 1));
  expect(star.send(lost, ethernet(macOf(1), macOf(lost)))).toEqual([1]);
  expect(star.send(1, ethernet(macOf(lost), macOf(1)))).toEqual([lost]);
}
