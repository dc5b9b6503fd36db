import type { SeededRandom } from '../../../src/actors/random.ts';
import type { Segment } from '../../../src/actors/tcp/segment.ts';
import { EMPTY } from '../../../src/wire/bytes.ts';
import { seqAdd, seqDiff } from '../../../src/wire/seq.ts';
import { Flag, type SackBlock, type TcpOptions } from '../../../src/wire/tcp.ts';
import { type FuzzEnd, LIE, STREAM_BYTES } from './end.ts';
import { pick, skewed } from './knobs.ts';

/** Where a lie goes, who is thought to have sent it, and a true segment to begin with. */
export interface Target {
  readonly random: SeededRandom;
  readonly to: FuzzEnd;
  readonly from: FuzzEnd;
  readonly base: Segment;
}

const NOT_OPEN = ['CLOSED', 'LISTEN', 'SYN-SENT'];
const LARGEST_PAYLOAD_BYTES = 65_495;

/** A segment that a faulty network or a blind attacker could send and that must do no harm to what is delivered. */
export function harmlessLie(target: Target): Segment | undefined {
  const { random, to } = target;
  const isOpen = !NOT_OPEN.includes(to.connection.state) && !to.connection.decision.held && to.model.acked > 0;
  if (!isOpen) return target.base;
  return pick(random, HARMLESS)(target);
}

/** A segment of somebody who knows the numbers: anything may be wrong with it, but its bytes name their place. */
export function hostileLie(target: Target): Segment | undefined {
  const { random, to } = target;
  if (random.below(4) === 0) return harmlessLie(target);
  let lie = target.base;
  for (let count = 1 + random.below(3); count > 0; count--) lie = pick(random, HOSTILE)(target, lie);
  // A forged SYN would make another stream of it, of which the model knows nothing.
  const isOpen = !NOT_OPEN.includes(to.connection.state) && !to.connection.decision.held;
  if (!isOpen && (lie.flags & Flag.SYN) !== 0 && lie.seq !== to.options.isns[1 - to.options.index]) return undefined;
  return { ...lie, payload: misplaced(to, lie) };
}

type Harmless = (target: Target) => Segment | undefined;

const HARMLESS: readonly Harmless[] = [
  ({ base }) => base,
  recut,
  recut,
  outside,
  reset,
  strangeSyn,
  ackOfNothing,
  sackOfNothing,
  otherWindow,
  strangeOptions,
  ({ base }) => ({ ...base, flags: base.flags & ~Flag.ACK & ~Flag.RST }),
  ({ base }) => ({ ...base, flags: base.flags ^ pick1(base.seq) }),
];

/** A bit without meaning for what is delivered. */
function pick1(of: number): number {
  return [Flag.PSH, Flag.URG, Flag.ECE, Flag.CWR][of & 3];
}

/** True bytes that the other side has sent, cut as it never did. */
function recut({ random, to, from, base }: Target): Segment | undefined {
  const bytes = Math.min(from.model.sentTo - 1, from.written);
  if (bytes <= 0 || (base.flags & (Flag.SYN | Flag.RST)) !== 0) return undefined;
  const near = Math.max(0, Math.min(bytes - 1, to.model.acked - 1 + skewed(random, 5_000) - skewed(random, 5_000)));
  const length = Math.min(bytes - near, 1 + skewed(random, LARGEST_PAYLOAD_BYTES));
  const seq = seqAdd(from.options.isns[from.options.index], 1 + near);
  const payload = from.own.subarray(near, near + length);
  return { ...base, seq, flags: (base.flags | Flag.ACK) & ~Flag.FIN, payload };
}

/** Nothing of it lies in any window: nothing of it counts. */
function outside({ random, to, base }: Target): Segment {
  const buffer = Math.max(65_535, to.options.connection.receiveBufferBytes ?? 1 << 20);
  const length = skewed(random, 3_000);
  const ahead = Math.min(2 ** 31 - 10_000, buffer * 2 + 40_000 + skewed(random, 2 ** 30));
  const behind = -(length + 3 + skewed(random, 2 ** 30));
  const by = random.below(2) === 0 ? ahead : behind;
  const payload = new Uint8Array(length).fill(random.below(256));
  return {
    ...base,
    seq: seqAdd(to.frontier, by),
    flags: random.below(256),
    ack: pick(random, [base.ack, random.uint32()]),
    payload,
  };
}

/** In the window but not the very next number (RFC 5961 section 3). */
function reset({ random, to, base }: Target): Segment {
  return {
    ...base,
    seq: seqAdd(to.frontier, 3 + skewed(random, 60_000)),
    flags: Flag.RST | (base.flags & Flag.ACK),
    payload: EMPTY,
  };
}

/** RFC 5961 section 4. */
function strangeSyn({ random, to, base }: Target): Segment | undefined {
  // There it means that the other end begins anew (RFC 9293 section 3.10.7.4, fourth step).
  if (to.connection.state === 'SYN-RECEIVED') return undefined;
  const seq = seqAdd(to.frontier, skewed(random, 60_000));
  return {
    ...base,
    seq,
    flags: Flag.SYN | (base.flags & Flag.ACK),
    options: { ...base.options, mss: random.below(65_536) },
    payload: EMPTY,
  };
}

/** RFC 5961 section 5. */
function ackOfNothing({ random, to, base }: Target): Segment | undefined {
  // There it is answered by a RST with that number, as RFC 9293 section 3.10.7.4 has it: the same as a RST of the liar.
  if (to.connection.state === 'SYN-RECEIVED') return undefined;
  const ack = seqAdd(to.options.isns[to.options.index], to.model.sentTo + 1 + skewed(random, 2 ** 30));
  return { ...base, seq: to.frontier, ack, flags: Flag.ACK, payload: EMPTY };
}

/** Blocks of what is under way: the sender must not forget anything for it. */
function sackOfNothing({ random, to, base }: Target): Segment {
  return bareCopy(base, to, { ...base.options, sacks: someBlocks(random, to, to.model.sentTo) });
}

function someBlocks(random: SeededRandom, to: FuzzEnd, bound: number): SackBlock[] {
  const isn = to.options.isns[to.options.index];
  return Array.from({ length: 1 + random.below(4) }, () => {
    const left = random.below(bound + 1);
    return { left: seqAdd(isn, left), right: seqAdd(isn, left + skewed(random, Math.max(2, bound - left))) };
  });
}

function otherWindow({ random, to, base }: Target): Segment {
  return { ...bareCopy(base, to, base.options), window: pick(random, [0, 1, random.below(65_536), 65_535]) };
}

function bareCopy(base: Segment, to: FuzzEnd, options: TcpOptions): Segment {
  return { ...base, seq: to.frontier, flags: Flag.ACK, options, payload: EMPTY };
}

/** Options that have no meaning outside of a SYN, and timestamps that are missing or old. */
function strangeOptions({ random, base }: Target): Segment | undefined {
  if ((base.flags & Flag.SYN) !== 0) return base;
  const { timestamps } = base.options;
  const old =
    timestamps === undefined ? undefined : { ...timestamps, value: seqAdd(timestamps.value, -random.below(2 ** 20)) };
  const mangled = pick(random, [timestamps, timestamps, undefined, old]);
  return {
    ...base,
    options: {
      ...base.options,
      timestamps: mangled,
      mss: random.below(65_536),
      windowScale: random.below(256),
      sackPermitted: true,
    },
  };
}

type Hostile = (target: Target, lie: Segment) => Segment;

const HOSTILE: readonly Hostile[] = [
  ({ random }, lie) => ({ ...lie, seq: seqAdd(lie.seq, somewhere(random)) }),
  ({ random, to }, lie) => ({ ...lie, seq: seqAdd(to.frontier, skewed(random, 100_000) - skewed(random, 100_000)) }),
  ({ random }, lie) => ({ ...lie, ack: seqAdd(lie.ack, somewhere(random)) }),
  ({ random, to }, lie) => ({
    ...lie,
    ack: seqAdd(to.options.isns[to.options.index], random.below(to.model.sentTo + 2)),
  }),
  ({ random }, lie) => ({ ...lie, flags: lie.flags ^ (1 << random.below(8)) }),
  ({ random }, lie) => ({ ...lie, flags: random.below(256) }),
  ({ random }, lie) => ({ ...lie, flags: Flag.ACK | pick(random, [0, Flag.FIN, Flag.PSH]) }),
  ({ random }, lie) => ({ ...lie, window: pick(random, [0, 1, random.below(65_536), 65_535]) }),
  ({ random }, lie) => ({ ...lie, payload: new Uint8Array(skewed(random, LARGEST_PAYLOAD_BYTES)) }),
  ({ random, to }, lie) => ({ ...lie, options: mangled(random, to, lie.options) }),
];

function somewhere(random: SeededRandom): number {
  const near = skewed(random, 2 ** 31);
  return pick(random, [1, -1, near, -near, 2 ** 31, 2 ** 31 - 1, random.uint32()]);
}

function mangled(random: SeededRandom, to: FuzzEnd, options: TcpOptions): TcpOptions {
  const stamps = options.timestamps ?? { value: random.uint32(), echo: random.uint32() };
  return pick(random, [
    {},
    { ...options, timestamps: { ...stamps, value: seqAdd(stamps.value, somewhere(random)) } },
    { ...options, timestamps: { ...stamps, echo: seqAdd(stamps.echo, somewhere(random)) } },
    { ...options, sacks: someBlocks(random, to, to.model.sentTo + 10) },
    { ...options, sacks: [{ left: random.uint32(), right: random.uint32() }] },
    { ...options, mss: random.below(65_536), windowScale: random.below(256), sackPermitted: random.below(2) === 0 },
  ]);
}

/** Wrong bytes, but those that are wrong for this very place: so it can be told whether they are delivered elsewhere. */
function misplaced(to: FuzzEnd, { seq, flags, payload }: Segment): Uint8Array {
  const shift = (flags & Flag.SYN) !== 0 ? 0 : 1;
  const first = seqDiff(seq, to.options.isns[1 - to.options.index]) - shift;
  const bytes = new Uint8Array(payload.length);
  for (let at = 0; at < bytes.length; at++) {
    const place = first + at;
    bytes[at] = place < 0 ? 0 : to.theirs[place % STREAM_BYTES] ^ LIE;
  }
  return bytes;
}
