/**
 * Streams between the kernel's TCP and ours on a TAP, both ways, with SHA-256: with offload, with cutting here, and without
 * super-segments. The kernel's interface takes nothing off its hands, so that a capture there has every frame as on a wire.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BESIDE_KERNEL, besideKernel, ownTransfer } from '../../src/transport/netlab/beside-kernel.ts';
import { capture } from '../../src/transport/netlab/capture.ts';
import { must, offloads } from '../../src/transport/netlab/hosts.ts';
import { report } from '../support/scenario.ts';
import { packets } from '../support/tshark.ts';

const BYTES = 200_000_000;
const FEWER_BYTES = 30_000_000;
const CAPTURED_BYTES = 5_000_000;
const CASES = [
  { name: 'offload', offload: true, bytes: BYTES },
  { name: 'cut here', offload: false, bytes: BYTES },
  { name: 'no super-segments', offload: false, superSegments: false, bytes: FEWER_BYTES },
  { name: 'offload, IPv6', offload: true, ip6: true, bytes: FEWER_BYTES },
  { name: 'cut here, IPv6', offload: false, ip6: true, bytes: FEWER_BYTES },
] as const;
const { left, bridge } = BESIDE_KERNEL;

await besideKernel('cubic');
for (const { name, ...options } of CASES) {
  for (const direction of ['in', 'out'] as const) {
    const result = await ownTransfer({ ...options, direction, hash: true });
    report('transfer', { name, direction, bytes: options.bytes, ...result });
  }
}
for (const [host, device] of [
  [left.host, left.interface],
  [bridge, left.port],
] as const)
  await offloads(host, device, 'off');
for (const { name, ...options } of CASES) await captured(name, options);

/** What a receiver without any offload sees. */
async function captured(
  name: string,
  options: { offload: boolean; superSegments?: boolean; ip6?: boolean },
): Promise<void> {
  const file = join(tmpdir(), `glassgate-${process.pid}.pcapng`);
  const running = await capture(left.host, left.interface, file);
  const result = await ownTransfer({ ...options, direction: 'out', bytes: CAPTURED_BYTES, hash: true });
  await running.stop();
  const { own } = BESIDE_KERNEL;
  const ours = options.ip6 ? `ipv6.src == ${own.ip6}` : `ip.src == ${own.ip}`;
  const carrying = `tcp.len > 0 && ${ours}`;
  const count = async (filter: string): Promise<number> => (await packets(left.host, file, filter)).length;
  report('captured', {
    name,
    ...result,
    frames: await count(carrying),
    good: await count(`${carrying} && tcp.checksum.status == 1 && !(ip.checksum.status == 0)`),
    bad: await count(`${ours} && (tcp.checksum.status == 0 || ip.checksum.status == 0)`),
    tooLong: await count('frame.len > 1514'),
    full: await count(`${carrying} && tcp.len == ${options.ip6 ? 1428 : 1448}`),
  });
  await must(left.host, ['rm', file]);
}
