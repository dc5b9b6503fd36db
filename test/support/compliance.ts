/**
 * The compliance suite that every layer passes (docs/ARCHITECTURE.md, layers). Call it at the top of a layer's test file:
 *
 * ```ts
 * layerCompliance('driver', (host) => new DriverLayer(host, '2007'), [
 *   { port: 'lower', frame: someBytes },
 *   { port: 'service', message: { kind: 'listen', port: 80 } },
 *   { event: 'link', data: { up: false } },
 *   (outputs) => ({ port: 'lower', frame: answerTo(outputs) }), // made from what the layer did so far
 *   { wait_us: 1_000_000 },
 * ], { framePorts: ['upper', 'lower'] });
 * ```
 *
 * `makeLayer` must give an equal layer each time. The layer is started before the first stimulus. It is held to this:
 * - starts and stops; after `stop()` no timer of its own is armed and frames end as drops, not as errors;
 * - every drop is counted in `drops` under the reason that the host was told; with `accounts`, every frame that goes in comes out or
 *   is dropped in the same step;
 * - no frame that leaves is longer than `maxOutput_bytes` (ports in `framePorts` only);
 * - a flood leaves at most `savedMax_bytes` of state behind;
 * - the same stimuli give the same outputs;
 * - `save()` after every event, timers included, restored into a fresh layer, gives the same later outputs and the same later `save()`;
 *   what was saved is structured data without functions and without any secret of the vault;
 * - garbage on any frame port never throws.
 */
import { describe, expect, it } from 'vitest';
import type { ChecksumVerdict, Frame } from '../../src/actors/frame.ts';
import type { LayerHost } from '../../src/actors/host.ts';
import type { Layer, SavedLayer } from '../../src/actors/layer.ts';
import { SeededRandom } from '../../src/actors/random.ts';
import type { JournalData } from '../../src/actors/tap.ts';
import { type Output, type SavedHost, TestHost } from './test-host.ts';

/** Something that happens to the layer. */
export type Stimulus =
  | { readonly port: string; readonly frame: Uint8Array; readonly checksum?: ChecksumVerdict }
  | { readonly port: string; readonly message: unknown }
  | { readonly event: string; readonly data?: JournalData }
  | { readonly wait_us: number };

/** A stimulus that answers what the layer did so far. */
export type LateStimulus = Stimulus | ((outputs: readonly Output[]) => Stimulus);

export interface ComplianceOptions {
  /** Ports that carry frames; default: those of the frame stimuli. */
  readonly framePorts?: readonly string[];
  /** Longest frame that may leave; default one Ethernet frame with tag. */
  readonly maxOutput_bytes?: number;
  /** State that a flood may leave behind; default {@link SAVED_MAX_BYTES}. */
  readonly savedMax_bytes?: number;
  /** The flood's frames; default: all frame stimuli over and over. */
  readonly flood?: (index: number) => Stimulus;
  /** Every frame comes out or is dropped in the same step; default false, because some layers keep frames for a while. */
  readonly accounts?: boolean;
  /** Time that orderly stopping may take before no timer is left; default 0. */
  readonly settle_us?: number;
}

type MakeLayer = (host: LayerHost) => Layer;

const MAX_OUTPUT_BYTES = 1518;
const SAVED_MAX_BYTES = 1_000_000;
const FLOOD_FRAMES = 3000;
const GARBAGE_FRAMES = 400;
const GARBAGE_MAX_BYTES = 120;

interface Step {
  readonly stimulus: Stimulus;
  readonly outputs: string;
  readonly layer: SavedLayer;
  readonly host: SavedHost;
}

export function layerCompliance(
  name: string,
  makeLayer: MakeLayer,
  stimuli: readonly LateStimulus[],
  options: ComplianceOptions = {},
): void {
  const framePorts = options.framePorts ?? [...new Set(stimuli.flatMap((s) => ('frame' in s ? [s.port] : [])))];

  describe(`compliance of ${name}`, () => {
    it('takes all stimuli, counts its drops, respects the MTU', () => {
      const { host, layer } = fresh(makeLayer);
      host.start();
      for (const stimulus of stimuli) checkedStep(host, stimulus, options);
      expect(countsOf(host)).toEqual(Object.fromEntries(layer.drops));
      for (const frame of framePorts.flatMap((port) => host.sentOn<Frame>(port))) {
        expect(frame.bytes.length).toBeLessThanOrEqual(options.maxOutput_bytes ?? MAX_OUTPUT_BYTES);
      }
    });

    it('stops: no timer is left, and what comes later is no error', () => {
      const { host } = fresh(makeLayer);
      host.start();
      for (const stimulus of stimuli) apply(host, stimulus);
      host.stop();
      host.advance(options.settle_us ?? 0);
      expect(host.timers()).toEqual([]);
      for (const stimulus of stimuli) if ('frame' in stimulus) apply(host, stimulus);
      host.stop();
    });

    it('does the same for the same stimuli', () => {
      const first = record(makeLayer, stimuli).map(({ outputs }) => outputs);
      expect(record(makeLayer, stimuli).map(({ outputs }) => outputs)).toEqual(first);
    });

    it('goes on alike from every saved state', () => {
      const steps = record(makeLayer, stimuli);
      for (let at = 0; at < steps.length - 1; at++) goesOn(makeLayer, steps, at);
    });

    it('saves plain data without a secret', () => {
      const { host, layer } = fresh(makeLayer);
      host.start();
      for (const stimulus of stimuli) {
        apply(host, stimulus);
        const saved = layer.save();
        expect(text(structuredClone(saved))).toBe(text(saved));
        const hex = text(saved);
        for (const secret of host.secrets) expect(hex).not.toContain(hexOf(secret));
      }
    });

    it('keeps bounded state in a flood', () => {
      const frames = stimuli.filter((s): s is Stimulus => 'frame' in s);
      const flood =
        options.flood ?? (frames.length > 0 ? (index: number) => frames[index % frames.length] as Stimulus : undefined);
      const { host, layer } = fresh(makeLayer);
      host.start();
      for (let index = 0; flood !== undefined && index < FLOOD_FRAMES; index++) {
        apply(host, flood(index));
        host.outputs.length = 0;
      }
      expect(sizeOf(layer.save())).toBeLessThanOrEqual(options.savedMax_bytes ?? SAVED_MAX_BYTES);
    });

    it('never throws for garbage', () => {
      const { host, layer } = fresh(makeLayer);
      host.start();
      const samples = stimuli.flatMap((s) => ('frame' in s ? [s.frame] : []));
      const random = new SeededRandom(7, name);
      for (let round = 0; round < GARBAGE_FRAMES; round++) {
        if (round === GARBAGE_FRAMES / 2) for (const stimulus of stimuli) apply(host, stimulus);
        for (const port of framePorts) host.injectBytes(port, garbage(random, samples));
        host.outputs.length = 0;
      }
      host.advance(1_000_000);
      expect(() => structuredClone(layer.save())).not.toThrow();
    });
  });
}

function fresh(makeLayer: MakeLayer): { host: TestHost; layer: Layer } {
  const host = new TestHost();
  return { host, layer: host.attach(makeLayer(host)) };
}

function apply(host: TestHost, late: LateStimulus): Stimulus {
  const stimulus = typeof late === 'function' ? late(host.outputs) : late;
  if ('frame' in stimulus) host.injectBytes(stimulus.port, stimulus.frame, stimulus.checksum);
  else if ('message' in stimulus) host.inject(stimulus.port, withFrame(host, stimulus.message));
  else if ('event' in stimulus) host.event(stimulus.event, stimulus.data);
  else host.advance(stimulus.wait_us);
  return stimulus;
}

/** A service message may carry a frame (`{ kind: 'frame', frame: Uint8Array }`): it gets an id here. */
function withFrame(host: TestHost, message: unknown): unknown {
  const { frame } = message as { frame?: unknown };
  return frame instanceof Uint8Array ? { ...(message as object), frame: host.frame(frame) } : message;
}

function checkedStep(host: TestHost, stimulus: LateStimulus, { accounts = false }: ComplianceOptions): void {
  const from = host.outputs.length;
  const applied = apply(host, stimulus);
  if (!accounts || !('frame' in applied)) return;
  const after = host.outputs.slice(from);
  expect(
    after.some(({ kind }) => kind === 'send' || kind === 'drop'),
    'frame neither sent on nor dropped',
  ).toBe(true);
}

function countsOf(host: TestHost): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of host.dropReasons()) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

/** Runs all stimuli and saves after each, a wait being cut at every timer. */
function record(makeLayer: MakeLayer, stimuli: readonly LateStimulus[]): Step[] {
  const { host, layer } = fresh(makeLayer);
  host.start();
  const steps: Step[] = [];
  let seen = 0;
  const keep = (stimulus: Stimulus) => {
    const outputs = text(host.outputs.slice(seen));
    seen = host.outputs.length;
    steps.push({ stimulus, outputs, layer: structuredClone(layer.save()), host: host.save() });
  };
  keep({ wait_us: 0 });
  for (const late of stimuli) {
    const stimulus = typeof late === 'function' ? late(host.outputs) : late;
    if ('wait_us' in stimulus) waitInSteps(host, stimulus.wait_us, keep);
    else keep(apply(host, stimulus));
  }
  return steps;
}

function waitInSteps(host: TestHost, wait_us: number, keep: (stimulus: Stimulus) => void): void {
  const end_us = host.now_us() + wait_us;
  for (;;) {
    const deadlines = host.timers().map(([, deadline_us]) => deadline_us);
    const next_us = Math.min(end_us, ...deadlines);
    const stimulus = { wait_us: Math.max(0, next_us - host.now_us()) };
    host.advance(stimulus.wait_us);
    keep(stimulus);
    if (next_us === end_us) return;
  }
}

function goesOn(makeLayer: MakeLayer, steps: readonly Step[], at: number): void {
  const { host, layer } = fresh(makeLayer);
  const saved = steps[at] as Step;
  host.restore(saved.host);
  layer.restore(structuredClone(saved.layer));
  expect(text(layer.save()), `saved again right after restoring step ${at}`).toBe(text(saved.layer));
  for (const step of steps.slice(at + 1)) {
    const from = host.outputs.length;
    apply(host, step.stimulus);
    const where = `restored at step ${at}, then ${text(step.stimulus).slice(0, 200)}`;
    expect(text(host.outputs.slice(from)), where).toBe(step.outputs);
  }
  expect(text(layer.save()), `saved at the end, restored at step ${at}`).toBe(text((steps.at(-1) as Step).layer));
}

/** Random bytes, or a sample that was cut or had bits flipped. */
function garbage(random: SeededRandom, samples: readonly Uint8Array[]): Uint8Array {
  if (samples.length === 0 || random.below(3) === 0) return random.bytes(random.below(GARBAGE_MAX_BYTES));
  const bytes = (samples[random.below(samples.length)] as Uint8Array).slice();
  if (random.below(2) === 0) return bytes.subarray(0, random.below(bytes.length + 1));
  for (let flips = random.below(4); flips >= 0 && bytes.length > 0; flips--)
    bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  return bytes;
}

/** One text for equal data: byte arrays as hex, keys of objects in order. */
function text(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof Uint8Array) return hexOf(inner);
    if (inner instanceof Map) return [...inner];
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** Bytes that plain data takes, roughly. */
function sizeOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return entries.reduce(
    (sum, [key, inner]) => sum + (Array.isArray(value) ? 0 : String(key).length) + sizeOf(inner),
    0,
  );
}
