import { describe, expect, it } from 'vitest';
import {
  ACK,
  type Arriving,
  type Expected,
  expected,
  FIN,
  RST,
  SYN,
  type Tcb,
} from '../../../test/support/tcp-oracle.ts';
import { pattern, segment } from '../../../test/support/tcp-pair.ts';
import { type Setting, STATES, StateBench, type StateName } from '../../../test/support/tcp-states.ts';
import { flagNames } from '../../wire/tcp.ts';

/** All 64 combinations of the six old control bits; the four that decide alone, where the setting is a variant. */
const ALL_FLAGS = Array.from({ length: 64 }, (_, flags) => flags);
const DECIDING_FLAGS = ALL_FLAGS.filter((flags) => (flags & ~(FIN | SYN | RST | ACK)) === 0);
const TEXT_BYTES = 100;

const PLAIN: Setting = { name: 'plain', iss: 1_000, irs: 5_000, receiveBufferBytes: 20_000 };
const VARIANTS: readonly Setting[] = [
  { ...PLAIN, name: 'our window is shut', receiveBufferBytes: 3_000, shut: true },
  { ...PLAIN, name: 'windows of 2^30 bytes', scale: 14, receiveBufferBytes: 2 ** 30 },
  { ...PLAIN, name: 'window scale 7', scale: 7, receiveBufferBytes: 2 ** 20 },
  { ...PLAIN, name: 'both numbers wrap in the window', iss: 2 ** 32 - 101, irs: 2 ** 32 - 51 },
  {
    ...PLAIN,
    name: 'numbers wrap in windows of 2^30 bytes',
    iss: 2 ** 32 - 1,
    irs: 2 ** 32 - 2,
    scale: 14,
    receiveBufferBytes: 2 ** 30,
  },
  { ...PLAIN, name: 'numbers cross 2^31', iss: 2 ** 31 - 101, irs: 2 ** 31 - 51 },
  { ...PLAIN, name: 'a wrap while the window is shut', irs: 2 ** 32 - 2_001, receiveBufferBytes: 3_000, shut: true },
];

/** Where a segment may lie: its first number. */
function placesOf({ irs, rcvNxt, rcvWnd }: Tcb): Readonly<Record<string, number>> {
  return {
    'far left': rcvNxt - 2_000,
    'all of it left': rcvNxt - TEXT_BYTES - 1,
    'left, up to RCV.NXT': rcvNxt - TEXT_BYTES,
    'one before RCV.NXT': rcvNxt - 1,
    'initial number': irs,
    'over the left edge': rcvNxt - TEXT_BYTES / 2,
    'at RCV.NXT': rcvNxt,
    'one ahead': rcvNxt + 1,
    ahead: rcvNxt + 500,
    'up to the right edge': rcvNxt + rcvWnd - TEXT_BYTES,
    'over the right edge': rcvNxt + rcvWnd - TEXT_BYTES / 2,
    'last in window': rcvNxt + rcvWnd - 1,
    right: rcvNxt + rcvWnd,
    'far right': rcvNxt + rcvWnd + 100_000,
  };
}

/** What an ACK field may say. */
function acksOf({ iss, una, nxt, maxWnd }: Tcb): Readonly<Record<string, number>> {
  return {
    'all that was sent': nxt,
    'all but one': nxt - 1,
    'nothing new': una,
    'one old': una - 1,
    'oldest that is believed': una - maxWnd,
    'too old': una - maxWnd - 1,
    'never sent': nxt + 1,
    'far ahead': nxt + 2 ** 31 - 1,
    'initial number': iss,
  };
}

interface Case {
  readonly name: string;
  readonly segment: Arriving;
  readonly expected: Expected;
}

/** Every kind of segment for a state, with what the oracle says of it. */
function casesOf(tcb: Tcb, allFlags: readonly number[]): Case[] {
  const cases: Case[] = [];
  for (const flags of allFlags) {
    const acks = (flags & ACK) === 0 ? { 'no ACK': 0 } : acksOf(tcb);
    for (const [place, seq] of Object.entries(placesOf(tcb))) {
      for (const [acked, ack] of Object.entries(acks)) {
        for (const length of [0, TEXT_BYTES]) {
          const arriving = { flags, seq: seq >>> 0, ack: ack >>> 0, length };
          const name = `${flagNames(flags)}, ${place}, ${acked}, ${length} bytes`;
          cases.push({ name, segment: arriving, expected: expected(tcb, arriving) });
        }
      }
    }
  }
  return cases;
}

/** What our TCP did, in the words of the oracle. */
function outcome(
  setting: Setting,
  state: StateName,
  { flags, seq, ack, length }: Arriving,
): Omit<Expected, 'rule'> & { answers: number } {
  const { end, tcb } = benchOf(setting, state);
  const sent = end.sent.length;
  const events = end.events.length;
  const received = end.receivedBytes;
  const arriving = segment(flags, seq, ack, {}, pattern(length));
  if (!end.connection.yieldTo(arriving)) end.arrive(arriving);
  const after = tcb();
  const [answer, ...more] = end.sent.slice(sent);
  const closed = end.events.slice(events).find((event) => event.kind === 'closed');
  return {
    ...(answer && { answer: { flags: answer.flags, seq: answer.seq, ack: answer.ack } }),
    answers: more.length + (answer === undefined ? 0 : 1),
    state: after.state,
    delivered: end.receivedBytes - received,
    una: after.una,
    rcvNxt: after.rcvNxt,
    ...(closed?.kind === 'closed' && { closed: closed.reason }),
  };
}

function benchOf(setting: Setting, state: StateName): { end: StateBench['end']; tcb: () => Tcb } {
  const bench = new StateBench(setting, state);
  return { end: bench.end, tcb: () => bench.tcb() };
}

/** One line for each case of a rule that went another way. */
function wrong(setting: Setting, state: StateName, cases: readonly Case[]): string[] {
  return cases.flatMap(({ name, segment: arriving, expected: { rule: _, ...wanted } }) => {
    const came = outcome(setting, state, arriving);
    const { answers, ...rest } = came;
    // A connection that is over has no numbers any more.
    const isOver = wanted.state === 'CLOSED' && rest.state === 'CLOSED';
    const same =
      (['delivered', 'closed'] as const).every((key) => rest[key] === wanted[key]) &&
      rest.state === wanted.state &&
      (isOver || (rest.una === wanted.una && rest.rcvNxt === wanted.rcvNxt));
    const sameAnswer =
      JSON.stringify(rest.answer) === JSON.stringify(wanted.answer) &&
      answers === (wanted.answer === undefined ? 0 : 1);
    return same && sameAnswer ? [] : [`${name}: ${JSON.stringify(came)} instead of ${JSON.stringify(wanted)}`];
  });
}

const SHOWN = 5;

function testsOf(setting: Setting, flags: readonly number[]): void {
  for (const state of STATES) {
    const tcb = new StateBench(setting, state).tcb();
    const byRule = Map.groupBy(casesOf(tcb, flags), (each) => each.expected.rule);
    for (const [rule, cases] of byRule) {
      it(`${state}: ${rule}`, () => {
        const found = wrong(setting, state, cases);
        expect({ of: cases.length, wrong: found.length, first: found.slice(0, SHOWN) }).toEqual({
          of: cases.length,
          wrong: 0,
          first: [],
        });
      });
    }
  }
}

describe('every segment in every state', () => {
  testsOf(PLAIN, ALL_FLAGS);
});

describe.each(VARIANTS)('every segment in every state, $name', (setting) => {
  testsOf(setting, DECIDING_FLAGS);
});
