import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

const STDOUT_FD = 1;
/** A run with a name filter skips everything else; nobody wants to read that. */
const NAMED_SKIPS = 100;

/**
 * Names every skipped test (its title or its suite's says why), and ends every run with one plain line, `N passed, N failed` (and `, N skipped`), that needs no
 * knowledge of vitest to read.
 */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const names: string[] = [];
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      // A module that could not be loaded has no tests to fail.
      if (module.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state !== 'pending') counts[state] += 1;
        if (state === 'skipped') names.push(`skipped: ${module.relativeModuleId} > ${test.fullName}`);
      }
    }
    // On exit, because the global tear-down prints and judges after the reporters.
    process.once('exit', (code) => {
      if (code !== 0 && counts.failed === 0) counts.failed = 1;
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
      if (names.length <= NAMED_SKIPS) for (const name of names) writeSync(STDOUT_FD, `${name}\n`);
      writeSync(STDOUT_FD, `${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
    });
  }
}
