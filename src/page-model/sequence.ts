import { membersOf } from '../actors/frame-data.ts';
import type { JournalRecord } from '../actors/tap.ts';
import { type Arrow, type Lane, Lanes, type Stage } from './lanes.ts';
import type { NamedSource, SourcedRecord } from './messages.ts';
import { type StoryRule, storyRule, type Target, type Tone } from './story.ts';

/** One line of a sequence diagram. */
export interface SequenceRow {
  /** Unique and lasting. */
  readonly key: string;
  readonly time_us: number;
  readonly text: string;
  readonly tone: Tone | 'event';
  readonly from: Lane;
  /** Absent for a step within one layer. */
  readonly to?: Lane;
  /** When a message was seen to arrive, microseconds. */
  readonly arrived_us?: number;
  /** `missing`: it should have been seen to arrive, and was not. */
  readonly arrival: 'seen' | 'missing' | 'unknown';
  /** Machine instance that it belongs to. */
  readonly actor: string;
  readonly source: number;
  readonly device: string;
  readonly seq: number;
  /** `leg: IDLE → HELLO-SENT`; empty where no state is known. */
  readonly detail: string;
}

export interface Sequence {
  /** From left to right; the two gateways face each other. */
  readonly lanes: readonly Lane[];
  readonly rows: readonly SequenceRow[];
}

/** `story`: the steps of a session's life. `all`: every event that a machine got, from the layer that caused it. */
export type SequenceDetail = 'story' | 'all';

type Draft = { -readonly [K in keyof SequenceRow]: SequenceRow[K] } & { expects?: string };

/** What is remembered of a machine instance. */
interface Instance {
  machine: string;
  from: string;
  to: string;
}

/** The sequence diagram of all records of gateways, in the order of time. */
export function sequenceOf(
  sources: readonly NamedSource[],
  records: readonly SourcedRecord[],
  detail: SequenceDetail,
): Sequence {
  const ordered = [...records].sort(
    (a, b) => a.record.time_us - b.record.time_us || (a.source === b.source ? a.record.seq - b.record.seq : 0),
  );
  const teller = new Teller(new Lanes(sources, ordered), detail);
  for (const { source, record } of ordered) teller.take(source, record);
  return { lanes: teller.lanes.used(), rows: teller.rows };
}

class Teller {
  readonly rows: Draft[] = [];
  readonly lanes: Lanes;
  readonly #detail: SequenceDetail;
  readonly #instances = new Map<string, Instance>();
  /** Actor by source and record number, to follow causes. */
  readonly #actors = new Map<string, string>();

  constructor(lanes: Lanes, detail: SequenceDetail) {
    this.lanes = lanes;
    this.#detail = detail;
  }

  take(source: number, record: JournalRecord): void {
    const stage = this.lanes.stage(source, record.device, record.actor);
    if (stage === undefined) return;
    this.#actors.set(`${source} ${record.seq}`, record.actor);
    if (record.kind === 'input') {
      if (record.name === 'tls') this.#tls(stage, record);
    } else if (record.kind === 'transition' || record.kind === 'command') {
      const instance = this.#instance(stage, record);
      if (this.#detail === 'all') this.#event(stage, record, instance);
      else if (instance !== undefined) this.#story(stage, record, instance);
    }
  }

  /** The machine instance of a record, brought up to date by it. A command belongs to the transition before it. */
  #instance({ source }: Stage, { device, actor, kind, data }: JournalRecord): Instance | undefined {
    const key = `${source} ${device} ${actor}`;
    if (kind === 'transition') {
      const { machine, from, to } = membersOf(data);
      this.#instances.set(key, { machine: String(machine), from: String(from), to: String(to) });
    }
    return this.#instances.get(key);
  }

  #story(stage: Stage, record: JournalRecord, { machine, from, to }: Instance): void {
    const kind = record.kind as 'transition' | 'command';
    const rule = storyRule({ machine, kind, name: record.name, layerKind: stage.lane.kind, from, to });
    if (rule === undefined) return;
    const detail = from === to ? `${machine}: ${to}` : `${machine}: ${from} → ${to}`;
    if (rule.tell === 'arrived') this.#arrived(stage, record, rule, detail);
    else if (rule.tell === 'step') this.#add(stage, record, { text: rule.text, tone: rule.tone, detail });
    else if (rule.tell === 'came') this.#came(stage, record, rule, detail);
    else this.#sent(stage, record, rule, detail);
  }

  #sent(stage: Stage, record: JournalRecord, rule: StoryRule & { tell: 'sent' }, detail: string): void {
    const to = this.#target(stage, rule.target);
    const isSeen = to !== undefined && rule.expects !== undefined && !to.isFar;
    this.#add(stage, record, {
      text: rule.text,
      tone: rule.tone,
      detail,
      ...(to && { to }),
      ...(rule.expects !== undefined && { expects: rule.expects }),
      arrival: isSeen ? 'missing' : 'unknown',
    });
  }

  /** A message from a neighbour; without that neighbour it is a step. */
  #came(stage: Stage, record: JournalRecord, rule: StoryRule & { tell: 'came' }, detail: string): void {
    const lane = this.lanes.ofKinds(stage, rule.origin);
    const at = lane === undefined ? stage : { ...stage, lane };
    this.#add(at, record, { text: rule.text, tone: rule.tone, detail, ...(lane && { to: stage.lane }) });
  }

  /** Where a message goes; a layer that is not there is stood in for by the far end's layer of the sender's kind. */
  #target(stage: Stage, target: Target): Lane | undefined {
    if (target === 'far') return this.lanes.far(stage);
    if ('far' in target) return this.lanes.far(stage, target.far);
    const near = this.lanes.ofKinds(stage, target.here);
    return near === stage.lane ? undefined : (near ?? this.lanes.far(stage));
  }

  #arrived(stage: Stage, record: JournalRecord, rule: StoryRule & { tell: 'arrived' }, detail: string): void {
    if (rule.answers !== undefined) this.#markArrived(stage, rule.answers, record.time_us, 'from');
    if (this.#markArrived(stage, rule.name, record.time_us, 'to')) return;
    const far = this.lanes.far(stage);
    this.#add({ ...stage, lane: far }, record, {
      text: rule.text,
      tone: rule.tone,
      detail,
      to: stage.lane,
      arrival: 'seen',
      arrived_us: record.time_us,
    });
  }

  /** Finds the newest message of that name that has this stage's lane at its `end` and has not arrived; whether there was one. */
  #markArrived(stage: Stage, name: string, time_us: number, end: keyof Arrow): boolean {
    const row = this.rows.findLast(
      (each) => each.expects === name && each[end] === stage.lane && each.arrived_us === undefined,
    );
    if (row === undefined) return false;
    row.arrival = 'seen';
    // An answer shows that it arrived, not when.
    if (end === 'to') row.arrived_us = time_us;
    return true;
  }

  #tls(stage: Stage, record: JournalRecord): void {
    const { kind, flight, length, reason } = membersOf(record.data);
    if (kind === 'failed') this.#add(stage, record, { text: `TLS failed: ${String(reason)}`, tone: 'end', detail: '' });
    if (kind !== 'output' || !Array.isArray(flight) || flight.every((name) => /encrypted$/.test(String(name)))) return;
    this.#add(stage, record, {
      text: flight.join(', '),
      tone: 'tls',
      detail: `${String(length)} bytes of TLS`,
      to: this.lanes.far(stage),
    });
  }

  /** Everything: an event that a machine got, drawn from the layer whose record caused it. */
  #event(stage: Stage, record: JournalRecord, instance: Instance | undefined): void {
    if (record.kind !== 'transition' || instance === undefined) return;
    const causer = this.#actors.get(`${stage.source} ${record.cause}`);
    const cause = causer === undefined ? undefined : this.lanes.stage(stage.source, record.device, causer);
    const { machine, from, to } = instance;
    const detail = from === to ? `${machine}: ${to}` : `${machine}: ${from} → ${to}`;
    const isMessage = cause !== undefined && cause.lane !== stage.lane;
    const at = isMessage ? cause : stage;
    this.#add(at, record, { text: record.name, tone: 'event', detail, ...(isMessage && { to: stage.lane }) });
  }

  #add(stage: Stage, record: JournalRecord, row: Pick<Draft, 'text' | 'tone' | 'detail'> & Partial<Draft>): void {
    const { device, actor, seq, time_us } = record;
    this.lanes.use(stage.lane);
    if (row.to !== undefined) this.lanes.use(row.to);
    const key = `${stage.source} ${time_us} ${seq}`;
    this.rows.push({
      key,
      time_us,
      from: stage.lane,
      arrival: 'unknown',
      actor,
      source: stage.source,
      device,
      seq,
      ...row,
    });
  }
}
