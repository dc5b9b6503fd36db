import type { JournalRecord } from '../actors/tap.ts';
import { frameText, type Reading } from './frame-text.ts';
import type { Lab } from './lab.ts';
import type { Sighting, TapName } from './taps.ts';

/** One step of a session's set-up, as somebody beside the cables and layers would note it. */
export interface Step {
  readonly time_us: number;
  /** Tap (spec 0.4) or device. */
  readonly place: string;
  readonly text: string;
}

/** Places whose frames tell the story of the set-up, each with who is on its two sides and how to read a session's packet there. */
const STORY: Readonly<
  Record<TapName, { readonly above: string; readonly below: string; readonly reading: Reading } | undefined>
> = {
  S30: { above: 'TCP 3003', below: 'driver 3006', reading: 'tcp' },
  M30: { above: 'driver 3006', below: 'engine 3014', reading: 'f13' },
  W5: { above: 'gateway 30', below: 'the wire', reading: 'f13' },
  W2: { above: 'gateway 20', below: 'the wire', reading: 'f13' },
  M20: { above: 'driver 2006', below: 'engine 2014', reading: 'f13' },
  S20: { above: 'TCP 2003', below: 'driver 2006', reading: 'tcp' },
};

/** Machines whose transitions are steps. */
const TOLD_MACHINES: ReadonlySet<string> = new Set(['ssl', 'tunnel', 'engine']);
const DONE: ReadonlySet<string> = new Set(['ARP', 'ICMP']);

/** Notes every step from now on; `stop` ends it. */
export class StepLog {
  readonly steps: Step[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(lab: Lab) {
    const trueTcp = lab.plan.f13 === 'tcp';
    for (const place of Object.keys(STORY)) {
      const isWire = place.startsWith('W');
      if (trueTcp && !isWire) continue;
      this.#ends.push(lab.tap(place, (seen) => this.#frame(seen, trueTcp)));
    }
    this.#ends.push(lab.watch((record) => this.#record(record)));
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #frame(seen: Sighting, trueTcp: boolean): void {
    const story = STORY[seen.place];
    if (story === undefined) return;
    const text = frameText(seen.bytes, trueTcp ? 'tcp' : story.reading);
    if (DONE.has(text.split(' ')[0]) || (seen.place.startsWith('M') && !text.startsWith('CTRL'))) return;
    const [from, to] = isDown(seen) ? [story.above, story.below] : [story.below, story.above];
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

/** From a gateway's software towards the wire. */
function isDown({ place, way }: Sighting): boolean {
  if (place === 'W2') return way === 'ba';
  return place === 'W5' ? way === 'ab' : way === 'down';
}
