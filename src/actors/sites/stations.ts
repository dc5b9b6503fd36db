import { type Ip4, isMulticast, type Mac } from '../../wire/address.ts';
import type { ArpView } from '../../wire/arp.ts';
import { StationTable } from '../bridge/stations.ts';
import type { JournalData } from '../tap.ts';

/** The place of stations of our own LAN; peers' sites have numbers from 1 up. */
export const LAN = 0;
/**
 * A station that was heard at one place is not believed at another for so long: what comes from there is a copy that ran round
 * through a second tunnel or a second gateway. Longer than any way round, short enough for a station that moves.
 */
export const ECHO_HOLD_US = 3_000_000;

/**
 * Which station is at which place: on our own LAN, or behind the tunnel of which peer. Known by the source addresses of frames, and for
 * IPv4 by what stations say of themselves in ARP. Both tables are bounded and forget (`StationTable`).
 */
export class SiteStations {
  readonly #macs = new StationTable<number>();
  readonly #addresses = new StationTable<number>();

  /** A frame of `source` came from `place`. False for an echo: a copy of a frame that was heard elsewhere, not to be passed on. */
  heard(source: Mac, place: number, now_us: number): boolean {
    if (isMulticast(source)) return true;
    const known = this.#macs.portOf(source, now_us);
    const silence_us = this.#macs.silence_us(source, now_us) ?? 0;
    if (known !== undefined && known !== place && silence_us < ECHO_HOLD_US) return false;
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
    return [this.#macs.save(), this.#addresses.save()];
  }

  restore(saved: JournalData): void {
    const [macs, addresses] = saved as [JournalData, JournalData];
    this.#macs.restore(macs);
    this.#addresses.restore(addresses);
  }
}
