import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ScaleReport } from './tcp-scale.ts';

/** Runs {@link ScaleReport}'s program in a process of its own and expects that every connection lives and does nothing. */
export function scaleRun(connections: number): ScaleReport {
  const program = join(import.meta.dirname, 'tcp-scale.ts');
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc', '--max-semi-space-size=8'];
  const report = JSON.parse(
    execFileSync(process.execPath, [...flags, program, String(connections)], { encoding: 'utf8' }),
  );
  console.log(JSON.stringify(report));
  expect(report).toMatchObject({
    established: [connections, connections],
    leastBytes: 1024,
    armedTimers: 0,
    alive: 100,
  });
  return report;
}
