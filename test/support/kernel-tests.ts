/**
 * Tests with processes and hosts of their own in network namespaces. They run one after the other, and no other tests meanwhile: they
 * measure true time beside the kernel, and each alone keeps the machine busy.
 */
export const KERNEL_TESTS: readonly string[] = [
  'src/transport/netlab/netlab.test.ts',
  'src/transport/os/ports.test.ts',
  'src/transport/runtime/up.test.ts',
  'test/bench.test.ts',
  'test/demo.test.ts',
  'test/embodiments-with-kernel-hosts.test.ts',
  'test/ip6-kernel.test.ts',
  'test/super-segments.test.ts',
  'test/tcp-kernel.test.ts',
  'test/tunnel-session.test.ts',
  'test/tunnel-traffic.test.ts',
];
