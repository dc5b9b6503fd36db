import type { Device, SavedDevice } from '../actors/device.ts';
import type { JournalData, JournalRecord } from '../actors/tap.ts';
import { World } from '../actors/world.ts';
import { ReplayCursor } from './replay-cursor.ts';
import { deviceInput } from './replay-input.ts';
import { type Divergence, type DivergenceWhat, type ReplayResult, unreplayableLevel } from './replay-result.ts';
import { ReplayVault } from './replay-vault.ts';
import { NO_RANDOM, ReplayClock, replayTls } from './replay-world.ts';
import {
  canonical,
  decodeData,
  gapOf,
  isDerived,
  type JournalRow,
  type JournalSnapshot,
  type JournalSource,
  messageOf,
  recordOf,
  rowOf,
} from './schema.ts';

/**
 * Builds the devices of a run again, from the data of its `config` record, in the order in which the run built them. It only
 * constructs them: starting, stopping and all that comes from outside is in the journal.
 */
export type DeviceBuilder = (config: JournalData, world: World) => readonly Device[];

/** Records that a divergence shows of what was before it. */
export const CONTEXT_RECORDS = 20;
/** Records between two calls of `onProgress`. */
export const PROGRESS_RECORDS = 20_000;

/** Replays a whole journal. `onProgress` hears the `seq` that was reached. */
export function verifyJournal(
  source: JournalSource,
  build: DeviceBuilder,
  onProgress?: (seq: number) => void,
): ReplayResult {
  const replay = new Replay(source, build);
  let told = 0;
  while (replay.step()) {
    if (replay.seq < told + PROGRESS_RECORDS) continue;
    told = replay.seq;
    onProgress?.(told);
  }
  return replay.result as ReplayResult;
}

/**
 * One replay, input by input. Every record that the devices produce is compared with the recorded one of the same place; the first
 * difference ends it.
 */
export class Replay {
  result: ReplayResult | undefined;
  readonly #source: JournalSource;
  readonly #build: DeviceBuilder;
  readonly #cursor: ReplayCursor;
  readonly #clock = new ReplayClock();
  #world!: World;
  #vaults = new Map<string, ReplayVault>();
  #devices = new Map<string, Device>();
  #isBuilt = false;
  /** Devices run, but there is nothing recorded to compare them with: building for a snapshot, or behind a gap or the end. */
  #isBlind = false;
  #isCopying = false;
  #seq = 0;
  #inputSeq = 0;
  #inputs = 0;
  #derived = 0;
  #gaps = 0;
  #skipped = 0;

  constructor(source: JournalSource, build: DeviceBuilder) {
    this.#source = source;
    this.#build = build;
    this.#cursor = new ReplayCursor(source, CONTEXT_RECORDS);
    this.#world = this.#newWorld();
    const reason =
      unreplayableLevel(source.meta.level) ?? (source.meta.config === null ? 'it has no config record' : undefined);
    if (reason !== undefined) this.#giveUp(reason);
    else this.#enter();
  }

  /** Last record that was compared. */
  get seq(): number {
    return this.#seq;
  }

  get devices(): readonly Device[] {
    return [...this.#devices.values()];
  }

  /** Handles the next recorded input (or record from around the devices); false when the replay is over. */
  step(): boolean {
    if (this.result !== undefined) return false;
    const row = this.#cursor.peek();
    if (row === undefined) this.#finish();
    else if (row.kind === 'gap') this.#resumeAfterGap(row);
    else if (isFromAround(row)) this.#copy(row);
    else if (row.kind !== 'input') this.#diverge('missing', this.#cursor.next(), undefined);
    else if (!this.#isBuilt) this.#buildDevices();
    else this.#feed(row);
    if (this.result === undefined && this.#cursor.altered !== undefined) this.#divergeAltered(this.#cursor.altered);
    return this.result === undefined;
  }

  #newWorld(): World {
    const vaultOf = (device: string): ReplayVault => {
      const vault = this.#vaults.get(device) ?? new ReplayVault();
      this.#vaults.set(device, vault);
      return vault;
    };
    return new World({
      scheduler: this.#clock,
      random: NO_RANDOM,
      vaultOf,
      tls: replayTls(vaultOf),
      tap: { level: this.#source.meta.level, record: (record) => this.#compare(record) },
      answers: { next: (device, actor, question) => this.#answer(device, actor, question) },
    });
  }

  /** From the run's beginning, or from the snapshot that a rotated file begins with. */
  #enter(): void {
    const first = this.#cursor.peek();
    if (first === undefined) return;
    if (first.seq > 1) this.#resume(first.seq - 1, `it begins at record ${first.seq} without a snapshot`);
  }

  #resumeAfterGap(row: JournalRow): void {
    this.#cursor.next();
    this.#seq = row.seq;
    this.#gaps += 1;
    this.#resume(gapOf(recordOf(row)).to, undefined);
  }

  /** Begins again at the first full snapshot from `fromSeq` on; without one, gives up with `reason` or skips the rest. */
  #resume(fromSeq: number, reason: string | undefined): void {
    const states = firstGroup(this.#source.snapshots(fromSeq));
    if (states.length === 0) {
      if (reason !== undefined) this.#giveUp(reason);
      else this.#skipWhile(() => true);
      return;
    }
    const seq = states[0].seq;
    this.#vaults = new Map();
    this.#world = this.#newWorld();
    this.#isBlind = true;
    this.#buildDevices();
    this.#isBlind = false;
    if (this.result !== undefined || !this.#restore(states)) return;
    this.#world.continueFrom(seq);
    this.#skipWhile((row) => row.seq <= seq);
  }

  #restore(states: readonly JournalSnapshot[]): boolean {
    const byDevice = new Map(states.map(({ device, state }) => [device, state]));
    try {
      for (const [name, device] of this.#devices) {
        const state = byDevice.get(name) as unknown as SavedDevice | undefined;
        if (state === undefined) throw new Error(`the snapshot lacks device ${name}`);
        device.restore(state);
        this.#vaults.get(name)?.continueFrom(state.keys);
      }
      return true;
    } catch (error) {
      this.#giveUp(`its snapshot after record ${states[0].seq} cannot be used: ${messageOf(error)}`);
      return false;
    }
  }

  #skipWhile(isSkipped: (row: JournalRow) => boolean): void {
    for (let row = this.#cursor.peek(); row !== undefined && isSkipped(row); row = this.#cursor.peek()) {
      this.#cursor.next();
      this.#seq = row.seq;
      if (row.kind !== 'gap') this.#skipped += 1;
    }
  }

  #buildDevices(): void {
    this.#clock.time = () => this.#cursor.peek()?.time_us ?? 0;
    try {
      this.#devices = new Map(
        this.#build(this.#source.meta.config, this.#world).map((device) => [device.name, device]),
      );
      this.#isBuilt = true;
    } catch (error) {
      this.#giveUp(`its devices cannot be built: ${messageOf(error)}`);
    }
  }

  #copy(row: JournalRow): void {
    const { seq: _, ...record } = recordOf(row);
    this.#world.record(record);
  }

  #feed(row: JournalRow): void {
    this.#inputSeq = row.seq;
    const device = this.#devices.get(row.device);
    if (device === undefined) {
      this.#diverge('impossible', this.#cursor.next(), undefined, `the replay has no device ${row.device}`);
      return;
    }
    const input = deviceInput(device, recordOf(row));
    if (typeof input === 'string') {
      this.#diverge('impossible', this.#cursor.next(), undefined, input);
      return;
    }
    this.#clock.time = () => row.time_us;
    try {
      device.input(input);
    } catch (error) {
      if (!this.#isBlind) this.#diverge('error', row, undefined, messageOf(error));
    }
    this.#isBlind = false;
  }

  /** The replay's tap. */
  #compare(replayed: JournalRecord): void {
    if (this.result !== undefined || this.#isBlind || this.#isBehindRecording()) return;
    const recorded = this.#cursor.next();
    const row = rowOf(replayed);
    if (recorded === undefined) this.#diverge('surplus', undefined, replayed);
    else if (canonical(row) !== canonical(recorded)) this.#diverge('different', recorded, replayed);
    else this.#count(recorded);
    if (!this.#isCopying) this.#copyWhileAround();
  }

  /** Records from around the devices may stand within an input: they take their numbers before the device's next record does. */
  #copyWhileAround(): void {
    this.#isCopying = true;
    for (let row = this.#cursor.peek(); row !== undefined && isFromAround(row); row = this.#cursor.peek()) {
      if (this.result !== undefined) break;
      this.#copy(row);
    }
    this.#isCopying = false;
  }

  /** True, and blind from here to the next input, where the rest of this input was lost or never written. */
  #isBehindRecording(): boolean {
    const row = this.#cursor.peek();
    const isCut = row === undefined && (!this.#source.closed || this.#cursor.fault !== undefined);
    if (isCut || row?.kind === 'gap') this.#isBlind = true;
    return this.#isBlind;
  }

  #count({ seq, kind }: JournalRow): void {
    this.#seq = seq;
    if (isDerived(kind)) this.#derived += 1;
    else if (kind === 'input') this.#inputs += 1;
  }

  #answer(device: string, actor: string, question: string): JournalData | undefined {
    if (this.result !== undefined || this.#isBlind || this.#isBehindRecording()) return undefined;
    const row = this.#cursor.peek();
    // A surplus question: told when its answer is recorded.
    if (row === undefined) return undefined;
    if (row.kind === 'answer' && row.device === device && row.actor === actor && row.name === question) {
      return decodeData(row.text) ?? null;
    }
    const { seq, time_us, cause } = row;
    this.#cursor.next();
    this.#diverge('different', row, { seq, time_us, cause, device, actor, kind: 'answer', name: question, data: null });
    return undefined;
  }

  #diverge(
    what: DivergenceWhat,
    recorded: JournalRow | undefined,
    replayed: JournalRecord | undefined,
    detail?: string,
  ): void {
    if (this.result !== undefined) return;
    const divergence: Divergence = {
      what,
      seq: recorded?.seq ?? replayed?.seq ?? 0,
      recorded: recorded && recordOf(recorded),
      replayed,
      detail,
      inputSeq: this.#inputSeq,
      altered: this.#cursor.altered,
      context: this.#cursor.context.map(recordOf),
    };
    this.result = { equal: false, divergence };
  }

  #divergeAltered(seq: number): void {
    const row = this.#cursor.context.find((candidate) => candidate.seq === seq);
    this.#diverge('altered', row, undefined);
  }

  #giveUp(notReplayable: string): void {
    this.result = { equal: undefined, notReplayable };
  }

  #finish(): void {
    if (this.#cursor.fault !== undefined) {
      this.#giveUp(`${this.#cursor.fault}; what is before that replays equal`);
      return;
    }
    if (this.#inputs === 0 && !this.#isBuilt) {
      this.#giveUp('it holds no input');
      return;
    }
    this.result = {
      equal: true,
      inputs: this.#inputs,
      derived: this.#derived,
      gaps: this.#gaps,
      skipped: this.#skipped,
      lastSeq: this.#seq,
      cut: !this.#source.closed,
    };
  }
}

/** Whether a record is not a device's own: it is not recomputed, only numbered. */
function isFromAround({ kind, device }: JournalRow): boolean {
  return kind === 'config' || (device === '' && kind !== 'gap' && kind !== 'input');
}

/** Snapshots of the first moment that there is one of. */
function firstGroup(snapshots: Iterable<JournalSnapshot>): JournalSnapshot[] {
  const group: JournalSnapshot[] = [];
  for (const snapshot of snapshots) {
    if (group.length > 0 && snapshot.seq !== group[0].seq) break;
    group.push(snapshot);
  }
  return group;
}
