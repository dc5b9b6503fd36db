import { defineConfig } from 'vitest/config';

/** Time one test may take, in milliseconds; tests that need more say so themselves. */
const TEST_TIMEOUT_MS = 30_000;
/** `npm run test:long` runs soak, mutation and seed sweeps: minutes, not seconds. */
const LONG_TEST_TIMEOUT_MS = 1_800_000;

export default defineConfig(({ mode }) => {
  const long = mode === 'long';
  return {
    test: {
      include: long ? ['test/long/**/*.test.ts'] : ['src/**/*.test.ts', 'test/**/*.test.ts'],
      exclude: long ? ['node_modules/**'] : ['node_modules/**', 'test/long/**'],
      pool: 'forks',
      execArgv: ['--disable-warning=ExperimentalWarning'],
      globalSetup: ['test/support/global-setup.ts'],
      setupFiles: ['test/support/coverage.ts'],
      reporters: ['default', './test/support/plain-reporter.ts'],
      testTimeout: long ? LONG_TEST_TIMEOUT_MS : TEST_TIMEOUT_MS,
      hookTimeout: TEST_TIMEOUT_MS,
    },
  };
});
