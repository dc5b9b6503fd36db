import { defineConfig } from 'vitest/config';
import { KERNEL_TESTS } from './test/support/kernel-tests.ts';

/** Time one test may take, in milliseconds; tests that need more say so themselves. */
const TEST_TIMEOUT_MS = 30_000;
/** `npm run test:long` runs soak, mutation and seed sweeps: minutes, not seconds. */
const LONG_TEST_TIMEOUT_MS = 1_800_000;

/** Everything that is not long: what needs nothing but a processor in parallel, apart from it what runs beside the kernel. */
const PROJECTS = [
  {
    extends: true as const,
    test: {
      name: 'alone',
      include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
      exclude: ['node_modules/**', 'test/long/**', ...KERNEL_TESTS],
      sequence: { groupOrder: 1 },
    },
  },
  {
    extends: true as const,
    test: {
      name: 'beside the kernel',
      include: [...KERNEL_TESTS],
      fileParallelism: false,
      sequence: { groupOrder: 0 },
    },
  },
];

export default defineConfig(({ mode }) => {
  const long = mode === 'long';
  return {
    test: {
      ...(long ? { include: ['test/long/**/*.test.ts'], exclude: ['node_modules/**'] } : { projects: PROJECTS }),
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
