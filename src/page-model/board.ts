import { membersOf } from '../actors/frame-data.ts';
import type { JournalRecord } from '../actors/tap.ts';
import type { HelloMessage, NamedSource, RecordsMessage, SourcedRecord, StateMessage } from './messages.ts';
import type { DeviceView, LayerView, MachineState } from './view.ts';

/** Records that the page remembers; the oldest go first. */
export const BOARD_RECORDS = 6_000;
/** Transitions remembered of one machine instance. */
export const TRANSITIONS_SHOWN = 100;
/** Machine instances whose transitions are remembered; those of the one that was quiet for longest go first. */
const INSTANCES_REMEMBERED = 2_000;

/** One machine instance: where it lives, and the state it is in. */
export interface Place {
  readonly source: number;
  readonly device: string;
  readonly label: string;
  readonly instance: string;
}

export interface TakenTransition {
  readonly seq: number;
  readonly time_us: number;
  readonly event: string;
  readonly from: string;
  readonly to: string;
}

/** Present state of all sources, folded from snapshots and records as they come, and the recent past. */
export class Board {
  sources: readonly NamedSource[] = [];
  /** All remembered records in the order they came. */
  records: readonly SourcedRecord[] = [];
  /** Records that the server could not send. */
  lost = 0;
  readonly #taken = new Map<string, TakenTransition[]>();

  hello({ sources }: HelloMessage): void {
    this.sources = sources;
    this.records = [];
    this.lost = 0;
    this.#taken.clear();
  }

  state({ sources }: StateMessage): void {
    this.sources = sources;
  }

  gap(lost: number): void {
    this.lost += lost;
  }

  /** Takes records in their order; older ones than the present state (`history`) only tell about the past. */
  take({ source, history, records }: RecordsMessage): void {
    const sourced = records.map((record) => ({ source, record }));
    this.records = [...this.records, ...sourced].slice(-BOARD_RECORDS);
    for (const record of records) {
      if (record.kind === 'gap') this.gap(Number(membersOf(record.data).lost ?? 0));
      if (record.kind !== 'transition') continue;
      this.#remember(source, record);
      if (!history) this.sources = this.sources.map((each, at) => (at === source ? applied(each, record) : each));
    }
  }

  /** The last transitions of a machine instance, the newest first. */
  transitions(place: Place): readonly TakenTransition[] {
    return [...(this.#taken.get(keyOf(place.source, place.device, actorOf(place))) ?? [])].reverse();
  }

  #remember(source: number, { seq, time_us, device, actor, name, data }: JournalRecord): void {
    const { from, to } = membersOf(data);
    const key = keyOf(source, device, actor);
    const taken = this.#taken.get(key) ?? [];
    taken.push({ seq, time_us, event: name, from: String(from), to: String(to) });
    if (taken.length > TRANSITIONS_SHOWN) taken.shift();
    // Set anew, so that the map's order is that of the last transition.
    this.#taken.delete(key);
    this.#taken.set(key, taken);
    if (this.#taken.size > INSTANCES_REMEMBERED) this.#taken.delete(this.#taken.keys().next().value as string);
  }
}

/** `2006/leg-1`, or `2006` for the machine without an instance name. */
export function actorOf({ label, instance }: Pick<Place, 'label' | 'instance'>): string {
  return instance === '' ? label : `${label}/${instance}`;
}

/** Label of the layer and name of the instance of `2006/leg-1`. */
export function placeOf(actor: string): Pick<Place, 'label' | 'instance'> {
  const slash = actor.indexOf('/');
  return slash < 0
    ? { label: actor, instance: '' }
    : { label: actor.slice(0, slash), instance: actor.slice(slash + 1) };
}

/** The machine at a place; undefined when it is gone. */
export function machineAt(
  sources: readonly NamedSource[],
  { source, device, label, instance }: Place,
): MachineState | undefined {
  return sources[source]?.view.devices
    .find(({ name }) => name === device)
    ?.layers.find((layer) => layer.label === label)
    ?.machines.find((machine) => machine.instance === instance);
}

function keyOf(source: number, device: string, actor: string): string {
  return `${source} ${device} ${actor}`;
}

function applied(source: NamedSource, { device, actor, data }: JournalRecord): NamedSource {
  const { machine, to } = membersOf(data);
  const { label, instance } = placeOf(actor);
  const next: MachineState = { instance, machine: String(machine), state: String(to) };
  const inLayer = (layer: LayerView): LayerView =>
    layer.label === label ? { ...layer, machines: withMachine(layer.machines, next) } : layer;
  const inDevice = (each: DeviceView): DeviceView =>
    each.name === device ? { ...each, layers: each.layers.map(inLayer) } : each;
  return { ...source, view: { ...source.view, devices: source.view.devices.map(inDevice) } };
}

function withMachine(machines: readonly MachineState[], next: MachineState): MachineState[] {
  const isKnown = machines.some(({ instance }) => instance === next.instance);
  return isKnown ? machines.map((each) => (each.instance === next.instance ? next : each)) : [...machines, next];
}
