/**
 * A host with our own TCP on a TAP; prints JSON lines. One argument, JSON, see {@link OwnHostPlan}: tells `ready`, when it has connected
 * or was connected to, and at last of the transfer: bytes, time, SHA-256 where wanted, what it cost, and the interface's counters.
 */
import { createHash } from 'node:crypto';
import type { JournalRecord } from '../../actors/tap.ts';
import type { CongestionName } from '../../actors/tcp/congestion/congestion.ts';
import { pattern } from '../../actors/test-application/pattern.ts';
import { parseIp4, parseMac } from '../../wire/address.ts';
import { parseIp, parseIp6 } from '../../wire/ip-address.ts';
import { openTap } from '../os/index.ts';
import { ownHost } from '../runtime/own-host.ts';

/** What the process is to do. It listens on `port`, or with `to` connects there and sends `bytes`. */
export interface OwnHostPlan {
  /** Name of the TAP to make. */
  readonly tap: string;
  readonly mtu: number;
  /** `10.9.0.3`, in a /24. */
  readonly address: string;
  /** `fd09::3`, in a /64; left out: no IPv6. */
  readonly address6?: string;
  readonly mac: string;
  readonly port: number;
  readonly to?: string;
  readonly bytes: number;
  /** TAP with virtio headers, so that the kernel cuts and sums. */
  readonly offload: boolean;
  readonly superSegments: boolean;
  readonly hash: boolean;
  readonly bufferBytes: number;
  readonly congestion?: CongestionName;
}

/** The last line. `sha256` is of what was received or sent; `cpu_us` counts from the first byte on. */
export interface OwnHostReport {
  readonly event: 'transfer';
  readonly bytes: number;
  readonly time_ms: number;
  readonly sha256?: string;
  readonly cpu_us: number;
  readonly reason: string;
}

const MS_US = 1000;
const SEED = 1;

const plan = JSON.parse(process.argv[2] ?? '{}') as OwnHostPlan;
const hash = plan.hash ? createHash('sha256') : undefined;
const port = openTap({ name: plan.tap, mtu: plan.mtu, vnetHeader: plan.offload, keepSuperFrames: plan.offload });
let before = process.cpuUsage();
let started = false;

function tell(event: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

const address6 = plan.address6 === undefined ? undefined : parseIp6(plan.address6);
const ip6 = address6 && { ip6: { addresses: [{ address: address6, prefix: 64 }], duplicateProbes: 0 } };

const host = ownHost({
  name: 'own',
  port,
  numeral: '21',
  interface: { mac: parseMac(plan.mac)!, address: parseIp4(plan.address)!, prefixLength: 24, ...ip6 },
  superSegments: plan.superSegments,
  services: plan.to === undefined ? [{ port: plan.port, bytes: 0, seed: SEED }] : [],
  onData: (_connection, _offset, bytes) => {
    if (!started) begin();
    hash?.update(bytes);
  },
  tcp: {
    ...(address6 && { otherAddresses: [address6] }),
    connections: {
      receiveBufferBytes: plan.bufferBytes,
      nagle: true,
      ...(plan.congestion !== undefined && { congestion: plan.congestion }),
    },
  },
  tap: { level: 'control', record },
});

function begin(): void {
  started = true;
  before = process.cpuUsage();
}

function record({ kind, name, data }: JournalRecord): void {
  if (kind !== 'note' || name !== 'transfer') return;
  const { bytes, time_us, reason } = data as { bytes: number; time_us: number; reason: string };
  const { user, system } = process.cpuUsage(before);
  // What was sent is known beforehand.
  if (plan.to !== undefined) hash?.update(pattern(SEED, 0, plan.bytes));
  const sha256 = hash?.digest('hex');
  tell('transfer', { bytes, time_ms: time_us / MS_US, reason, sha256, cpu_us: user + system, counters: port.counters });
}

tell('ready');
if (plan.to !== undefined) {
  begin();
  const order = { connection: 'push', destination: parseIp(plan.to)!, port: plan.port, bytes: plan.bytes, seed: SEED };
  host.input({ kind: 'event', layer: '2101', name: 'push', data: order });
}
