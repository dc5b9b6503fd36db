import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { EcnChoice } from '../../../src/actors/tcp/ecn.ts';
import { capture } from '../../../src/transport/netlab/index.ts';
import { packets } from '../../support/tshark.ts';
import type { Cases } from './cases.ts';
import { FAR, type Family, type KernelSettings, type Lab, type Pair, type Role } from './lab.ts';
import { arrived, bothClosed, inBothRoles, MB, NAMES, ourConnection, pause, ROLES } from './steps.ts';

const SEED = 20_240_603;
const OURS: readonly EcnChoice[] = ['on', 'accept', 'off'];
const KERNEL = [1, 2, 0] as const;
/** As `tcp_ecn` of the kernel means it. */
const KERNEL_NAMES = { 1: 'asks', 2: 'takes', 0: 'refuses' } as const;
const TRIES = 500;
const TRY_MS = 10;

/** Round trip 10 ms, 100 Mbit/s: 125 000 bytes are under way, and marks come long before the queue is full. */
const MARKING_LINE = { rate_bps: 100_000_000, queueBytes: 500_000, markBytes: 60_000, delay_ms: 5, seed: SEED };
const BYTES = 5 * MB;
/** A bit for each control flag, in the TCP header's order. */
const SYN = 0x02;
const ECE = 0x40;
const CWR = 0x80;

/** What came to both ends, and what they say of it, while the connection still stands. */
interface Seen {
  /** At ours. */
  readonly stats: Readonly<Record<string, number>>;
  readonly cwnd: number;
  /** By `ss` at the kernel. */
  readonly kernel: string;
  /** By the kernel's counters, since before. */
  readonly gained: (key: string) => number;
  /** Marked by the line, to the kernel and to ours. */
  readonly marked: readonly [number, number];
  readonly queueDrops: number;
}

/** Each sender sends, and everything is looked at before the last FIN. Hashes are compared on the way. */
async function exchange(lab: Lab, pair: Pair, senders: readonly Role[], bytes: number): Promise<Seen> {
  const [before, linesBefore] = [await lab.kernelCounters(), await lab.line.counters()];
  const sends = (role: Role): number => (senders.includes(role) ? bytes : 0);
  lab.far.order({ order: 'send', id: pair.far, bytes: sends('far'), seed: 3, close: true });
  lab.ours.order({ order: 'send', id: pair.ours, bytes: sends('ours'), seed: 4 });
  await arrived(lab, pair, 'far', sends('far'));
  const ours = await allAcknowledged(lab, pair, sends('ours'));
  const [after, lines] = [await lab.kernelCounters(), await lab.line.counters()];
  const kernel = await lab.socket(pair.port);
  lab.ours.order({ order: 'close', id: pair.ours });
  await arrived(lab, pair, 'ours', sends('ours'));
  await bothClosed(lab, pair);
  const grown = (at: 0 | 1, key: 'marked' | 'queueDrops'): number =>
    (lines[at]?.[key] ?? 0) - (linesBefore[at]?.[key] ?? 0);
  return {
    stats: ours.stats,
    cwnd: ours.path.cwnd,
    kernel,
    gained: (key) => (after[key] ?? 0) - (before[key] ?? 0),
    marked: [grown(0, 'marked'), grown(1, 'marked')],
    queueDrops: grown(0, 'queueDrops') + grown(1, 'queueDrops'),
  };
}

async function allAcknowledged(lab: Lab, pair: Pair, bytes: number) {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const own = await ourConnection(lab, pair);
    if (own?.stats.bytesOut === bytes) return own;
    await pause(TRY_MS);
  }
  throw new Error(`not all of ${bytes} bytes of ours were acknowledged`);
}

/** Both ends use it, or neither: the line marks what may be marked, and nothing else. */
async function negotiated(lab: Lab, opener: Role, ours: EcnChoice, kernel: 0 | 1 | 2): Promise<void> {
  await lab.line.change({ markRatio: 0.1, delay_ms: 1, seed: SEED });
  await lab.configure({ ecn: ours });
  await lab.kernel({ ecn: kernel });
  const isAgreed = opener === 'ours' ? ours === 'on' && kernel !== 0 : kernel === 1 && ours !== 'off';
  const pair = await lab.open(opener, { ours: 'manual' });
  const seen = await exchange(lab, pair, ROLES, 300_000);
  const what = `${NAMES[opener]} opens, ours ${ours}, the kernel ${KERNEL_NAMES[kernel]}`;
  deepEqual(
    {
      atKernel: /\secn\s/.test(seen.kernel),
      sawMarkable: /\secnseen\s/.test(seen.kernel),
      toKernel: seen.marked[0] > 0,
      toOurs: seen.marked[1] > 0,
    },
    { atKernel: isAgreed, sawMarkable: isAgreed, toKernel: isAgreed, toOurs: isAgreed },
    what,
  );
  // Every mark arrives, and no packet's header is broken by it.
  deepEqual([seen.gained('IpExtInCEPkts'), seen.stats.marksSeen], seen.marked, what);
  deepEqual([seen.gained('IpInHdrErrors'), seen.gained('TcpInErrs'), seen.gained('TcpRetransSegs')], [0, 0, 0], what);
  equal(seen.stats.retransmissions, 0, what);
}

const NEGOTIATIONS: Cases = Object.assign(
  {},
  ...OURS.map((ours) =>
    inBothRoles(
      (opener) => `SHLD-8: ${opener} opens, ours has ECN ${ours}, with a kernel that asks, takes and refuses`,
      async (lab, opener) => {
        for (const kernel of KERNEL) await negotiated(lab, opener, ours, kernel);
        return undefined;
      },
    ),
  ),
);

/** A queue marks instead of being filled: the sender gives way, and nothing is lost or sent twice. */
async function reduced(lab: Lab, sender: Role, reno: boolean, family: Family): Promise<Record<string, unknown>> {
  const settings: KernelSettings = { ecn: 1, congestion: reno ? 'reno' : 'cubic' };
  await lab.line.change(MARKING_LINE);
  await lab.configure({ ecn: 'on', congestion: reno ? 'newreno' : 'cubic' });
  await lab.kernel(settings);
  const pair = await lab.open(sender, { ours: 'manual' }, family);
  const seen = await exchange(lab, pair, [sender], BYTES);
  const marks = seen.marked[sender === 'ours' ? 0 : 1];
  equal(marks > 0, true, 'the line has marked something');
  deepEqual([seen.queueDrops, seen.stats.retransmissions, seen.gained('TcpRetransSegs')], [0, 0, 0]);
  if (sender === 'ours') {
    // The kernel counts marks of IPv6 elsewhere.
    if (family === 4) equal(seen.gained('IpExtInCEPkts'), marks);
    equal((seen.stats.marksAnswered ?? 0) > 0, true, 'ours has reduced its window');
    equal(seen.cwnd < MARKING_LINE.queueBytes, true, `${seen.cwnd} bytes under way`);
    return { marks, answered: seen.stats.marksAnswered, cwnd: seen.cwnd };
  }
  equal(seen.stats.marksSeen, marks);
  const told = seen.gained('TcpExtTCPDeliveredCE');
  equal(told >= marks, true, `the kernel was told of ${told}`);
  const [, cwnd, ssthresh] = /\scwnd:(\d+) ssthresh:(\d+)/.exec(seen.kernel) ?? [];
  equal(ssthresh !== undefined, true, `the kernel has reduced its window: ${seen.kernel}`);
  return { marks, told, cwnd: Number(cwnd), ssthresh: Number(ssthresh) };
}

const REDUCTIONS: Cases = {
  ...inBothRoles(
    (sender) => `marks reduce the window of CUBIC of ${sender}, nothing is repeated`,
    (lab, sender) => reduced(lab, sender, false, 4),
  ),
  // The kernel's Reno has a threshold only when it has reduced.
  ...inBothRoles(
    (sender) => `marks reduce the window of Reno of ${sender}, nothing is repeated`,
    (lab, sender) => reduced(lab, sender, true, 4),
  ),
  ...inBothRoles(
    (sender) => `marks reduce the window of CUBIC of ${sender} over IPv6, nothing is repeated`,
    (lab, sender) => reduced(lab, sender, false, 6),
  ),
};

/** One mark on the wire: ACKs echo it until the sender says that it has heard, and no longer. */
async function echoed(lab: Lab, sender: Role): Promise<Record<string, unknown>> {
  const file = join(mkdtempSync('/tmp/glassgate-'), 'far.pcapng');
  await lab.line.change({ ...MARKING_LINE, markBytes: 100_000 });
  await lab.configure({ ecn: 'on' });
  await lab.kernel({ ecn: 1 });
  const running = await capture(FAR.host, 'eth0', file);
  const pair = await lab.open(sender, { ours: 'manual' });
  const { marked } = await exchange(lab, pair, [sender], BYTES);
  await running.stop();
  const source = (role: Role): string => `ip.src == ${role === 'ours' ? '10.77.0.1' : FAR.ip}`;
  const plain = `tcp && !(tcp.flags & ${SYN})`;
  const receiver: Role = sender === 'ours' ? 'far' : 'ours';
  const count = async (filter: string): Promise<number> => (await packets(FAR.host, file, filter)).length;
  const [echoes, silent, answers] = [
    await count(`${plain} && ${source(receiver)} && tcp.flags & ${ECE}`),
    await count(`${plain} && ${source(receiver)} && !(tcp.flags & ${ECE})`),
    await count(`${plain} && ${source(sender)} && tcp.len > 0 && tcp.flags & ${CWR}`),
  ];
  const stray = await count(`${plain} && ${source(sender)} && tcp.len == 0 && tcp.flags & ${CWR}`);
  const marks = marked[sender === 'ours' ? 0 : 1];
  equal(marks > 0 && echoes > 0 && silent > 0, true, `${marks} marks, ${echoes} ACKs echo, ${silent} do not`);
  // Once in a round trip, however many were marked in it; on data alone.
  equal(answers > 0 && answers <= marks, true, `${answers} answers to ${marks} marks`);
  equal(stray, 0, 'CWR without data');
  return { marks, echoes, silent, answers };
}

const ECHOES: Cases = inBothRoles(
  (sender, receiver) => `${receiver} echoes marks until ${sender} has answered, an observer sees`,
  echoed,
);

/** By chance, with losses besides. */
const BAD_LINE = { rate_bps: 100_000_000, delay_ms: 5, seed: SEED, markRatio: 0.005, lossRatio: 0.005 };

const MIXED: Cases = inBothRoles(
  (sender) => `${sender} sends 1 MB over a line that marks and loses (seed ${SEED})`,
  async (lab, sender) => {
    await lab.line.change(BAD_LINE);
    await lab.configure({ ecn: 'on' });
    await lab.kernel({ ecn: 1 });
    const pair = await lab.open(sender, { ours: 'manual' });
    const { marked, stats, gained } = await exchange(lab, pair, [sender], MB);
    const arrivedMarks = sender === 'ours' ? gained('IpExtInCEPkts') : stats.marksSeen;
    equal(arrivedMarks, marked[sender === 'ours' ? 0 : 1]);
    equal(gained('TcpInErrs'), 0);
    return { marked, retransmitted: sender === 'ours' ? stats.retransmissions : gained('TcpRetransSegs') };
  },
);

export const ECN: Cases = { ...NEGOTIATIONS, ...REDUCTIONS, ...ECHOES, ...MIXED };
