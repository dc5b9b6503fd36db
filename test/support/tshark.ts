import { type HostName, must } from '../../src/transport/netlab/index.ts';

/** Checksums are looked at, and the sequence numbers of the TCP shape. */
const CHECKS = [
  'ip.check_checksum:TRUE',
  'tcp.check_checksum:TRUE',
  'udp.check_checksum:TRUE',
  'tcp.analyze_sequence_numbers:TRUE',
];
const PREFERENCES = CHECKS.flatMap((check) => ['-o', check]);

/** What a stateful middlebox would hold against a packet, as display filters. */
export const FAULTS = {
  malformed: '_ws.malformed || _ws.expert.severity == error',
  badChecksum:
    'ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0',
  /** Beyond the window that the other side offered, or a byte that was never sent is acknowledged. */
  outOfWindow: 'tcp.analysis.window_full || tcp.analysis.ack_lost_segment || tcp.analysis.zero_window',
  retransmitted:
    'tcp.analysis.retransmission || tcp.analysis.spurious_retransmission || tcp.analysis.fast_retransmission',
  gap: 'tcp.analysis.lost_segment || tcp.analysis.out_of_order',
} as const;

/** Packets of a capture that fit a display filter, one line each as tshark words it. Inside a sandbox; `host` only lends its network. */
export async function packets(host: HostName, file: string, filter: string): Promise<string[]> {
  const text = await must(host, ['tshark', '-n', '-r', file, ...PREFERENCES, '-Y', filter], { timeout_ms: 120_000 });
  return text.split('\n').filter(Boolean);
}

/** Faults of the packets that fit `filter`, by kind; a few lines of each. */
export async function faults(
  host: HostName,
  file: string,
  filter: string,
): Promise<Record<keyof typeof FAULTS, string[]>> {
  const found: Partial<Record<keyof typeof FAULTS, string[]>> = {};
  for (const [kind, fault] of Object.entries(FAULTS) as [keyof typeof FAULTS, string][]) {
    found[kind] = (await packets(host, file, `(${filter}) && (${fault})`)).slice(0, 5);
  }
  return found as Record<keyof typeof FAULTS, string[]>;
}
