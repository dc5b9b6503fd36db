import type { Mac } from '../../wire/address.ts';
import type { JournalData } from '../tap.ts';

/** A station that was not heard for this long is forgotten (IEEE 802.1D). */
export const STATION_AGE_US = 300_000_000;
/** Stations a bridge remembers; more are not learned, and frames to them are flooded. */
export const STATIONS_MAX = 4096;
/** How often one station may change its port within {@link MOVE_WINDOW_US} before it looks like a loop. */
export const MOVES_PER_WINDOW = 5;
export const MOVE_WINDOW_US = 10_000_000;
/** A station's age is written down at most this often, which keeps the table in order of age at little cost. */
const REFRESH_US = 1_000_000;

interface Station {
  port: string;
  heard_us: number;
  moves: number;
  window_us: number;
}

/** What learning found out: `flapping` frames are to be dropped. */
export type Learned = 'known' | 'new' | 'moved' | 'flapping' | 'full';

/** Which station is behind which port. The oldest stands first. */
export class StationTable {
  readonly #stations = new Map<Mac, Station>();

  get size(): number {
    return this.#stations.size;
  }

  /** Port of a station, unless it was not heard for too long. */
  portOf(mac: Mac, now_us: number): string | undefined {
    const station = this.#stations.get(mac);
    if (station === undefined) return undefined;
    if (now_us - station.heard_us <= STATION_AGE_US) return station.port;
    this.#stations.delete(mac);
    return undefined;
  }

  /** A frame from `mac` came in at `port`. */
  learn(mac: Mac, port: string, now_us: number): Learned {
    const station = this.#stations.get(mac);
    if (station === undefined) return this.#add(mac, port, now_us);
    const moved = station.port !== port && now_us - station.heard_us <= STATION_AGE_US;
    if (moved && this.#movesTooOften(station, now_us)) return 'flapping';
    if (station.port !== port || now_us - station.heard_us >= REFRESH_US) {
      station.port = port;
      station.heard_us = now_us;
      this.#stations.delete(mac);
      this.#stations.set(mac, station);
    }
    return moved ? 'moved' : 'known';
  }

  clear(): void {
    this.#stations.clear();
  }

  save(): JournalData {
    return [...this.#stations].map(([mac, { port, heard_us, moves, window_us }]) => [
      mac,
      port,
      heard_us,
      moves,
      window_us,
    ]);
  }

  restore(saved: JournalData): void {
    this.#stations.clear();
    for (const [mac, port, heard_us, moves, window_us] of saved as [number, string, number, number, number][]) {
      this.#stations.set(mac, { port, heard_us, moves, window_us });
    }
  }

  #add(mac: Mac, port: string, now_us: number): Learned {
    if (this.#stations.size >= STATIONS_MAX && !this.#dropOldest(now_us)) return 'full';
    this.#stations.set(mac, { port, heard_us: now_us, moves: 0, window_us: now_us });
    return 'new';
  }

  #dropOldest(now_us: number): boolean {
    const [mac, oldest] = this.#stations.entries().next().value as [Mac, Station];
    return now_us - oldest.heard_us > STATION_AGE_US && this.#stations.delete(mac);
  }

  #movesTooOften(station: Station, now_us: number): boolean {
    if (now_us - station.window_us > MOVE_WINDOW_US) {
      station.window_us = now_us;
      station.moves = 0;
    }
    station.moves = Math.min(station.moves + 1, MOVES_PER_WINDOW + 1);
    return station.moves > MOVES_PER_WINDOW;
  }
}
