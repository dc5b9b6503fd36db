import { type Ip4, isMulticast, type Mac } from '../../wire/address.ts';
import type { ArpView } from '../../wire/arp.ts';
import { STATIONS_MAX, StationTable } from '../bridge/stations.ts';
import type { JournalData } from '../tap.ts';

/** The place of stations of our own LAN; peers' sites have numbers from 1 up. */
export const LAN = 0;
/**
 * A station that was heard at one place is not believed at another for so long: what comes from there is a copy that ran round
 * through a second tunnel or a second gateway. Longer than any way round, short enough for a station that moves.
 */
export const ECHO_HOLD_US = 3_000_000;
/**
 * Each frame from the place that is believed accounts for so many copies of it; so many may be under way when the first one comes. Whoever
 * is heard elsewhere oftener is no echo: he has moved, or somebody at the believed place only uses his address now and then.
 */
export const ECHOES_PER_FRAME = 4;
export const ECHOES_UNDER_WAY = 64;

/**
 * Which station is at which place: on our own LAN, or behind the tunnel of which peer. Known by the source addresses of frames, and for
 * IPv4 by what stations say of themselves in ARP. Both tables are bounded and forget (`StationTable`).
 */
export class SiteStations {
  readonly #macs = new StationTable<number>();
  readonly #addresses = new StationTable<number>();
  /** Copies that are still accounted for, of stations that were heard at two places. */
  readonly #echoes = new Map<Mac, number>();

  /** A frame of `source` came from `place`. False for an echo: a copy of a frame that was heard elsewhere, not to be passed on. */
  heard(source: Mac, place: number, now_us: number): boolean {
    if (isMulticast(source)) return true;
    if (this.#isEcho(source, place, now_us)) return false;
    return this.#macs.learn(source, place, now_us) !== 'flapping';
  }

  /** An ARP packet from `place`: its sender has an IPv4 address there. */
  heardArp({ senderIp }: ArpView, place: number, now_us: number): void {
    if (senderIp !== 0) this.#addresses.learn(senderIp, place, now_us);
  }

  placeOf(mac: Mac, now_us: number): number | undefined {
    return this.#macs.portOf(mac, now_us);
  }

  placeOfAddress(ip: Ip4, now_us: number): number | undefined {
    return this.#addresses.portOf(ip, now_us);
  }

  save(): JournalData {
    return [this.#macs.save(), this.#addresses.save(), [...this.#echoes]];
  }

  restore(saved: JournalData): void {
    const [macs, addresses, echoes] = saved as [JournalData, JournalData, readonly [Mac, number][]];
    this.#macs.restore(macs);
    this.#addresses.restore(addresses);
    this.#echoes.clear();
    for (const [source, left] of echoes) this.#echoes.set(source, left);
  }

  #isEcho(source: Mac, place: number, now_us: number): boolean {
    const known = this.#macs.portOf(source, now_us);
    if (known === undefined || known === place) {
      if (this.#echoes.size > 0) this.#account(source);
      return false;
    }
    const left = this.#echoes.get(source) ?? ECHOES_UNDER_WAY;
    if (left === 0 || (this.#macs.silence_us(source, now_us) ?? 0) >= ECHO_HOLD_US) {
      this.#echoes.delete(source);
      return false;
    }
    this.#echoes.set(source, left - 1);
    const [oldest] = this.#echoes.keys();
    if (this.#echoes.size > STATIONS_MAX && oldest !== undefined) this.#echoes.delete(oldest);
    return true;
  }

  /** A frame from the believed place. */
  #account(source: Mac): void {
    const left = this.#echoes.get(source);
    if (left !== undefined) this.#echoes.set(source, Math.min(ECHOES_UNDER_WAY, left + ECHOES_PER_FRAME));
  }
}
