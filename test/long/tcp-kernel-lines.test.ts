import { describeKernelCases } from '../support/tcp-kernel.ts';

const LIMIT_MS = 1_500_000;

describeKernelCases('our TCP and the kernel’s: bad lines, 30 MB each', 'impaired-long', {
  limit_ms: LIMIT_MS,
  prints: true,
});
describeKernelCases('our TCP and the kernel’s: long silence', 'silence-long', { limit_ms: LIMIT_MS, prints: true });
