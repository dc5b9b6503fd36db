import type { JournalRecord } from '../actors/tap.ts';
import { frameText } from './frame-text.ts';
import type { Lab } from './lab.ts';
import { type StoryPlace, storyOf } from './story.ts';
import type { Sighting } from './taps.ts';

/** One step of a session's set-up, as somebody beside the cables and layers would note it. */
export interface Step {
  readonly time_us: number;
  /** Tap (spec 0.4) or device. */
  readonly place: string;
  readonly text: string;
}

/** Machines whose transitions are steps. */
const TOLD_MACHINES: ReadonlySet<string> = new Set(['ssl', 'tunnel', 'engine']);
const DONE: ReadonlySet<string> = new Set(['ARP', 'ICMP']);

/** Notes every step from now on; `stop` ends it. */
export class StepLog {
  readonly steps: Step[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(lab: Lab) {
    for (const story of storyOf(lab.plan)) this.#ends.push(lab.tap(story.place, (seen) => this.#frame(seen, story)));
    this.#ends.push(lab.watch((record) => this.#record(record)));
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #frame(seen: Sighting, { above, below, down, reading, controlOnly }: StoryPlace): void {
    const text = frameText(seen.bytes, reading);
    if (DONE.has(text.split(' ')[0]) || (controlOnly && !text.startsWith('CTRL'))) return;
    const [from, to] = seen.way === down ? [above, below] : [below, above];
    const fate = seen.fate === 'delivered' ? '' : ` (${seen.fate})`;
    this.steps.push({ time_us: seen.time_us, place: seen.place, text: `${from} -> ${to}: ${text}${fate}` });
  }

  #record({ kind, device, actor, data, name, time_us }: JournalRecord): void {
    if (kind === 'note' && (name === 'ssl-failed' || name.startsWith('tunnel-'))) {
      this.steps.push({ time_us, place: device, text: `${name} ${JSON.stringify(data)}` });
    }
    if (kind !== 'transition') return;
    const { machine, from, to } = data as { machine: string; from: string; to: string };
    if (!TOLD_MACHINES.has(machine) || from === to) return;
    this.steps.push({ time_us, place: device, text: `${actor.split('/')[0]} ${machine}: ${from} -> ${to}` });
  }
}
