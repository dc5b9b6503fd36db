import type { Device } from '../../src/actors/device.ts';
import { SeededRandom } from '../../src/actors/random.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { JournalData, JournalRecord, JournalTap } from '../../src/actors/tap.ts';
import { World } from '../../src/actors/world.ts';
import { nobleProvider } from '../../src/engine/crypto/noble.ts';
import { createVault, PROCESS_SECRET_BYTES } from '../../src/engine/crypto/vault.ts';
import { Cable, type CableOptions } from '../../src/transport/cable.ts';
import { type Ip4, parseIp4 } from '../../src/wire/address.ts';

/** A world on virtual time with its cables and its journal in memory, for tests of several devices. */
export class TestLab {
  readonly scheduler = new VirtualScheduler();
  readonly records: JournalRecord[] = [];
  readonly cables: Record<string, Cable> = {};
  readonly world: World;
  readonly seed: number;

  constructor({ seed = 1, level = 'inputs' }: { seed?: number; level?: JournalTap['level'] } = {}) {
    this.seed = seed;
    this.world = new World({
      scheduler: this.scheduler,
      random: new SeededRandom(seed, 'world'),
      vaultOf: () => createVault({ provider: nobleProvider, secret: new Uint8Array(PROCESS_SECRET_BYTES).fill(seed) }),
      tap: { level, record: (record) => this.records.push(record) },
    });
  }

  /** Joins two boundary ports; every frame's checksums are summed on delivery. */
  cable(name: string, a: [Device, string], b: [Device, string], impairments: CableOptions['impairments'] = {}): Cable {
    const [from, to] = [a, b].map(([device, port]) => ({ device, port }));
    const ends = { a: from as CableOptions['a'], b: to as CableOptions['b'] };
    const made = new Cable({ name, scheduler: this.scheduler, seed: this.seed, ...ends, impairments, verifies: true });
    this.cables[name] = made;
    return made;
  }

  /** The first record of a run whose journal is to be replayed; `data` is what the devices are made of. */
  begin(data: JournalData): void {
    this.world.record({ time_us: 0, device: '', actor: 'run', kind: 'config', name: 'config', data, cause: 0 });
  }

  /** Runs for so long. */
  run(time_us: number): void {
    this.scheduler.runUntil(this.scheduler.now_us() + time_us);
  }

  notes(device: Device, name: string): JournalData[] {
    return this.#of(device, 'note')
      .filter((record) => record.name === name)
      .map(({ data }) => data);
  }

  /** Reasons of all drops in a device, with the layer's label: `2104 neighbour-timeout`. */
  drops(device: Device): string[] {
    return this.#of(device, 'drop').map(({ actor, name }) => `${actor} ${name}`);
  }

  #of(device: Device, kind: JournalRecord['kind']): JournalRecord[] {
    return this.records.filter((record) => record.device === device.name && record.kind === kind);
  }
}

/** `192.0.2.1` as a number. */
export function ip4(text: string): Ip4 {
  const address = parseIp4(text);
  if (address === undefined) throw new Error(`${text} is no IPv4 address`);
  return address;
}

/** The MAC address 02:00:00:00:00:nn. */
export function labMac(number: number): number {
  return 0x0200_0000_0000 + number;
}
