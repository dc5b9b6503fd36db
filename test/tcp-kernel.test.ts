import { describeKernelCases } from './support/tcp-kernel.ts';

const LIMIT_MS = 120_000;

describeKernelCases('our TCP and the kernel’s: handshakes', 'handshakes', { limit_ms: LIMIT_MS });
describeKernelCases('our TCP and the kernel’s: transfers', 'transfers', { limit_ms: LIMIT_MS });
describeKernelCases('our TCP and the kernel’s: closing and resets', 'closing', { limit_ms: LIMIT_MS });
describeKernelCases('our TCP and the kernel’s: silence', 'silence', { limit_ms: LIMIT_MS });
describeKernelCases('our TCP and the kernel’s: bad lines', 'impaired', { limit_ms: LIMIT_MS });
describeKernelCases('our TCP and the kernel’s: marks instead of losses', 'ecn', { limit_ms: LIMIT_MS });
describeKernelCases('our TCP and the kernel’s: IPv6', 'ip6', { limit_ms: LIMIT_MS });
describeKernelCases('our TCP and the kernel’s: source routes', 'source-routes', { limit_ms: LIMIT_MS });
describeKernelCases('our TCP and the kernel’s: many connections', 'load', { limit_ms: LIMIT_MS });
