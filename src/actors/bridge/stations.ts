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

interface Station<Port> {
  readonly port: Port;
  readonly heard_us: number;
  moves: number;
  window_us: number;
}

/** What learning found out: `flapping` frames are to be dropped. */
export type Learned = 'known' | 'new' | 'moved' | 'flapping' | 'full';

/** Bounds of a table; a port that has its share takes no more from the others. */
export interface StationLimits {
  /** Default {@link STATIONS_MAX}. */
  readonly stationsMax?: number;
  /** Of one port; default all. */
  readonly stationsPerPort?: number;
}

/** Which station is behind which port, or at which other kind of place. The oldest stands first. */
export class StationTable<Port extends string | number = string> {
  readonly #stations = new Map<Mac, Station<Port>>();
  /** Stations of each port, the oldest first. */
  readonly #byPort = new Map<Port, Set<Mac>>();
  readonly #most: number;
  readonly #mostPerPort: number;

  constructor({ stationsMax = STATIONS_MAX, stationsPerPort = stationsMax }: StationLimits = {}) {
    this.#most = stationsMax;
    this.#mostPerPort = stationsPerPort;
  }

  get size(): number {
    return this.#stations.size;
  }

  /** Port of a station, unless it was not heard for too long. */
  portOf(mac: Mac, now_us: number): Port | undefined {
    const station = this.#stations.get(mac);
    if (station === undefined) return undefined;
    if (now_us - station.heard_us <= STATION_AGE_US) return station.port;
    this.#remove(mac, station);
    return undefined;
  }

  /** How long a station has been silent, up to a second too much; undefined when it is not known. */
  silence_us(mac: Mac, now_us: number): number | undefined {
    const station = this.#stations.get(mac);
    return station && now_us - station.heard_us;
  }

  /** A frame from `mac` came in at `port`. */
  learn(mac: Mac, port: Port, now_us: number): Learned {
    const station = this.#stations.get(mac);
    if (station === undefined) return this.#add(mac, port, now_us);
    const moved = station.port !== port && now_us - station.heard_us <= STATION_AGE_US;
    if (moved && this.#movesTooOften(station, now_us)) return 'flapping';
    if (station.port !== port || now_us - station.heard_us >= REFRESH_US) {
      this.#remove(mac, station);
      if (!this.#hasRoom(port, now_us)) return 'full';
      this.#put(mac, { ...station, port, heard_us: now_us });
    }
    return moved ? 'moved' : 'known';
  }

  /** Forgets all that was learned of one port. */
  forget(port: Port): void {
    for (const mac of this.#byPort.get(port) ?? []) this.#stations.delete(mac);
    this.#byPort.delete(port);
  }

  clear(): void {
    this.#stations.clear();
    this.#byPort.clear();
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
    this.clear();
    for (const [mac, port, heard_us, moves, window_us] of saved as [number, Port, number, number, number][]) {
      this.#put(mac, { port, heard_us, moves, window_us });
    }
  }

  #add(mac: Mac, port: Port, now_us: number): Learned {
    if (!this.#hasRoom(port, now_us)) return 'full';
    this.#put(mac, { port, heard_us: now_us, moves: 0, window_us: now_us });
    return 'new';
  }

  #hasRoom(port: Port, now_us: number): boolean {
    const own = this.#byPort.get(port);
    if (own !== undefined && own.size >= this.#mostPerPort && !this.#dropOldest(own, now_us)) return false;
    return this.#stations.size < this.#most || this.#dropOldest(this.#stations.keys(), now_us);
  }

  /** Forgets the first of some stations; false when it was heard too lately for that. */
  #dropOldest(macs: Iterable<Mac>, now_us: number): boolean {
    const [mac] = macs;
    const oldest = this.#stations.get(mac as Mac) as Station<Port>;
    if (now_us - oldest.heard_us <= STATION_AGE_US) return false;
    this.#remove(mac as Mac, oldest);
    return true;
  }

  #put(mac: Mac, station: Station<Port>): void {
    this.#stations.set(mac, station);
    const own = this.#byPort.get(station.port);
    if (own === undefined) this.#byPort.set(station.port, new Set([mac]));
    else own.add(mac);
  }

  #remove(mac: Mac, { port }: Station<Port>): void {
    this.#stations.delete(mac);
    const own = this.#byPort.get(port);
    own?.delete(mac);
    if (own?.size === 0) this.#byPort.delete(port);
  }

  #movesTooOften(station: Station<Port>, now_us: number): boolean {
    if (now_us - station.window_us > MOVE_WINDOW_US) {
      station.window_us = now_us;
      station.moves = 0;
    }
    station.moves = Math.min(station.moves + 1, MOVES_PER_WINDOW + 1);
    return station.moves > MOVES_PER_WINDOW;
  }
}
