import { type HostName, spawn } from './hosts.ts';
import { nodeCommand, programBeside } from './program.ts';

/** What a bad line does to frames, in each direction on its own. Ratios are 0 to 1. */
export interface ImpairmentOptions {
  lossRatio?: number;
  duplicateRatio?: number;
  /** These frames are held back by `reorderDelay_ms` more, so that later ones overtake them. */
  reorderRatio?: number;
  reorderDelay_ms?: number;
  delay_ms?: number;
  /** The same seed and the same frames give the same fate to each frame. Default 1. */
  seed?: number;
}

export interface Impairment {
  stop(): Promise<void>;
}

/** Joins two interfaces of a host by a process that loses, delays, doubles and reorders frames. Resolves when it forwards. */
export async function impair(
  host: HostName,
  near: string,
  far: string,
  options: ImpairmentOptions,
): Promise<Impairment> {
  const argv = nodeCommand(programBeside(import.meta.url, 'impair-process'), [near, far, JSON.stringify(options)]);
  const running = spawn(host, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    running.child.stdout?.once('data', () => resolve());
    void running.exit.then((code) => reject(new Error(`the impairment process ended with code ${code}`)));
  });
  return {
    async stop() {
      await running.stop();
    },
  };
}

/** What becomes of one frame: when its copies go out, in milliseconds from now. Empty: lost. */
export type Fate = number[];

/** Decides for one direction. Draws the same number of random values for every frame, so that fates don't shift. */
export function fateSource(options: ImpairmentOptions, direction: number): () => Fate {
  const random = mulberry32((options.seed ?? 1) * 2 + direction);
  const { lossRatio = 0, duplicateRatio = 0, reorderRatio = 0, reorderDelay_ms = 1, delay_ms = 0 } = options;
  return () => {
    const [loss, duplicate, reorder] = [random(), random(), random()];
    if (loss < lossRatio) return [];
    const at = reorder < reorderRatio ? delay_ms + reorderDelay_ms : delay_ms;
    return duplicate < duplicateRatio ? [at, at] : [at];
  };
}

/** A small seeded generator, 0 <= x < 1 (Tommy Ettinger's mulberry32, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
