import { cpus, loadavg, platform, release, totalmem } from 'node:os';

/** What a number means nothing without. */
export interface MachineFacts {
  readonly cores: number;
  readonly cpu: string;
  readonly memory_GB: number;
  readonly system: string;
  readonly node: string;
  /** Processes that wanted a core in the last minute, when the run began. */
  readonly load: number;
}

const BYTES_PER_GB = 1e9;

export function machineFacts(): MachineFacts {
  const cores = cpus();
  return {
    cores: cores.length,
    cpu: cores[0]?.model.trim() ?? 'unknown',
    memory_GB: Math.round(totalmem() / BYTES_PER_GB),
    system: `${platform()} ${release()}`,
    node: process.version,
    load: loadavg()[0] as number,
  };
}

/** One line. A busy machine says so: its numbers are too low. */
export function factsText({ cores, cpu, memory_GB, system, node, load }: MachineFacts): string {
  const busy = load > cores / 2 ? ' (busy: numbers are too low)' : '';
  return `${cores} cores ${cpu}, ${memory_GB} GB, ${system}, node ${node}, load ${load.toFixed(2)}${busy}`;
}
