import type { OwnHostPlan, OwnHostReport } from './beside-kernel-process.ts';
import { address, bridge, cable, createHost, type HostName, must, sysctl } from './hosts.ts';
import { jsonProgram } from './json-program.ts';
import { programBeside } from './program.ts';
import { TRANSFER_PROGRAM, type TransferEnd } from './transfer.ts';

const PROGRAM = programBeside(import.meta.url, 'beside-kernel-process');
const PORT = 5001;
const MTU = 1500;
/** 64 KB segments need a window of many of them: what the kernel tunes itself up to. */
const BUFFER_BYTES = 6_000_000;

/** Two hosts with the kernel's TCP and one with ours behind one bridge. */
export const BESIDE_KERNEL = {
  bridge: 'switch',
  left: { host: 'left', interface: 'eth0', ip: '10.9.0.1', ip6: 'fd09::1', port: 'left0' },
  right: { host: 'right', interface: 'eth0', ip: '10.9.0.2', ip6: 'fd09::2', port: 'right0' },
  own: { tap: 'own0', ip: '10.9.0.3', ip6: 'fd09::3', mac: '02:00:00:00:09:03' },
} as const;

const { left, right, own } = BESIDE_KERNEL;

/** Builds it; inside a sandbox only. The kernels use `congestion`: a machine's default may be any. */
export async function besideKernel(congestion: string): Promise<void> {
  const hub: HostName = BESIDE_KERNEL.bridge;
  for (const host of [hub, left.host, right.host]) await createHost(host);
  for (const { host, interface: name, ip, ip6, port } of [left, right]) {
    await cable(host, name, hub, port);
    await address(host, name, `${ip}/24`);
    await sysctl(host, { [`net.ipv6.conf.${name}.disable_ipv6`]: '0' });
    await must(host, ['ip', 'address', 'add', `${ip6}/64`, 'dev', name, 'nodad']);
    await must(host, ['ip', 'route', 'change', '10.9.0.0/24', 'dev', name, 'congctl', congestion]);
    // Better than the route that came with the address, which cannot be changed.
    await must(host, ['ip', 'route', 'add', 'fd09::/64', 'dev', name, 'metric', '1', 'congctl', congestion]);
  }
  await must(hub, ['ip', 'tuntap', 'add', 'dev', own.tap, 'mode', 'tap']);
  await must(hub, ['ip', 'link', 'set', own.tap, 'up']);
  await bridge(hub, 'hub', [left.port, right.port, own.tap]);
}

/** What a stream between the left host's kernel and our TCP is to be like. */
export interface OwnTransferOptions {
  /** `in`: from the kernel to us. */
  readonly direction: 'in' | 'out';
  readonly bytes: number;
  readonly offload: boolean;
  readonly superSegments?: boolean;
  readonly ip6?: boolean;
  /** SHA-256 at both ends. */
  readonly hash: boolean;
  readonly congestion?: OwnHostPlan['congestion'];
}

/** What became of it. */
export interface OwnTransfer {
  /** What arrived, as the receiver tells it. */
  readonly received: TransferEnd;
  /** SHA-256 of what was sent. */
  readonly sentSha256?: string;
  readonly own: OwnHostReport;
}

/** One stream between the left host's kernel and our TCP. Throws when it does not come to its end. */
export async function ownTransfer(options: OwnTransferOptions): Promise<OwnTransfer> {
  const isIn = options.direction === 'in';
  const { superSegments = true, ip6 = false, ...wanted } = options;
  const [ours6, to] = ip6 ? [{ address6: own.ip6 }, left.ip6] : [{}, left.ip];
  const fixed = { tap: own.tap, mtu: MTU, address: own.ip, mac: own.mac, port: PORT, bufferBytes: BUFFER_BYTES };
  const plan: OwnHostPlan = { ...fixed, ...wanted, ...ours6, superSegments, ...(!isIn && { to }) };
  const plain = options.hash ? [] : ['plain'];
  const ours = () => jsonProgram(BESIDE_KERNEL.bridge, PROGRAM, [JSON.stringify(plan)]);
  const kernels = (...args: string[]) => jsonProgram(left.host, TRANSFER_PROGRAM, [...args, ...plain]);
  const [first, started] = isIn ? [ours(), 'ready'] : [kernels('serve', String(PORT)), 'listening'];
  await first.heard(started);
  const second = isIn ? kernels('send', ip6 ? own.ip6 : own.ip, String(PORT), String(options.bytes)) : ours();
  const [mine, other] = isIn ? [first, second] : [second, first];
  try {
    const report = await mine.heard<OwnHostReport>('transfer');
    const end = await other.heard<TransferEnd>(isIn ? 'sent' : 'received');
    const ourEnd = { bytes: report.bytes, sha256: report.sha256 ?? '', time_ms: report.time_ms };
    return { received: isIn ? ourEnd : end, sentSha256: isIn ? end.sha256 : report.sha256, own: report };
  } finally {
    await Promise.all([mine.process.stop('SIGKILL'), other.process.stop('SIGKILL')]);
  }
}

/** One stream from the left kernel to the right one, without sums. */
export async function kernelTransfer(bytes: number): Promise<TransferEnd> {
  const server = jsonProgram(right.host, TRANSFER_PROGRAM, ['serve', String(PORT), 'plain']);
  await server.heard('listening');
  const sender = jsonProgram(left.host, TRANSFER_PROGRAM, ['send', right.ip, String(PORT), String(bytes), 'plain']);
  try {
    return await server.heard<TransferEnd>('received');
  } finally {
    await Promise.all([server.process.stop('SIGKILL'), sender.process.stop('SIGKILL')]);
  }
}
