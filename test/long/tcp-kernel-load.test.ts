import { describeKernelCases } from '../support/tcp-kernel.ts';

const LIMIT_MS = 1_500_000;

describeKernelCases('our TCP and the kernel’s: 10 000 connections, 1 GB', 'load-long', {
  limit_ms: LIMIT_MS,
  prints: true,
});
