import { describe, expect, it } from 'vitest';
import { expected, expectedWithout } from '../../../test/support/tcp-oracle.ts';
import { ACK, type Arriving, type Expected, FIN, RST, SYN, type Tcb } from '../../../test/support/tcp-oracle-words.ts';
import { pattern, segment } from '../../../test/support/tcp-pair.ts';
import { type Setting, STATES, StateBench, type StateName, stampOf } from '../../../test/support/tcp-states.ts';
import { ScriptEndpoint } from '../../lab/tcp-script/endpoint.ts';
import { DEFAULT_SETTINGS } from '../../lab/tcp-script/settings.ts';
import { PEER_PORT, type WireSegment } from '../../lab/tcp-script/wire-segment.ts';
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
  { ...PLAIN, name: 'timestamps', stamp: 'fresh' },
  { ...PLAIN, name: 'old timestamps', stamp: 'old' },
  { ...PLAIN, name: 'missing timestamps', stamp: 'missing' },
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

/** The ones at the edges of what is believed: enough for a variant. */
const EDGE_ACKS: ReadonlySet<string> = new Set([
  'all that was sent',
  'nothing new',
  'oldest that is believed',
  'too old',
  'never sent',
]);

interface Case {
  readonly name: string;
  readonly segment: Arriving;
  readonly expected: Expected;
}

/** Every kind of segment for a state, with what the oracle says of it. */
function casesOf(tcb: Tcb, allFlags: readonly number[], stamp: Setting['stamp']): Case[] {
  const cases: Case[] = [];
  const isVariant = allFlags !== ALL_FLAGS;
  for (const flags of allFlags) {
    const acks = (flags & ACK) === 0 ? { 'no ACK': 0 } : acksOf(tcb);
    for (const [place, seq] of Object.entries(placesOf(tcb))) {
      for (const [acked, ack] of Object.entries(acks)) {
        if (isVariant && (flags & ACK) !== 0 && !EDGE_ACKS.has(acked)) continue;
        for (const length of [0, TEXT_BYTES]) {
          const arriving = { flags, seq: seq >>> 0, ack: ack >>> 0, length, ...(stamp && { stamp }) };
          const name = `${flagNames(flags)}, ${place}, ${acked}, ${length} bytes`;
          cases.push({ name, segment: arriving, expected: expected(tcb, arriving) });
        }
      }
    }
  }
  return cases;
}

/** What our TCP did, in the words of the oracle. */
function outcome(setting: Setting, state: StateName, { flags, seq, ack, length }: Arriving): Outcome {
  const bench = new StateBench(setting, state);
  const { end } = bench;
  const { sent, events, receivedBytes } = end;
  const [sentBefore, eventsBefore] = [sent.length, events.length];
  const arriving = segment(flags, seq, ack, stampOf(setting.stamp), pattern(length));
  if (!end.connection.yieldTo(arriving)) end.arrive(arriving);
  const after = bench.tcb();
  return {
    answers: sent.slice(sentBefore).map((each) => ({ flags: each.flags, seq: each.seq, ack: each.ack })),
    state: after.state,
    delivered: end.receivedBytes - receivedBytes,
    told: end.kinds.slice(eventsBefore).filter((kind) => TOLD.has(kind.split(' ')[0] as string)),
    // A connection that is over has no numbers any more.
    numbers: after.state === 'CLOSED' ? [] : [after.una, after.rcvNxt],
  };
}

interface Outcome {
  readonly answers: readonly object[];
  readonly state: string;
  readonly delivered: number;
  readonly told: readonly string[];
  readonly numbers: readonly number[];
}

const TOLD: ReadonlySet<string> = new Set(['connected', 'remote-closed', 'closed']);

function wantedOf({ answer, state, delivered, told, una, rcvNxt }: Expected): Outcome {
  const numbers = state === 'CLOSED' ? [] : [una, rcvNxt];
  return { answers: answer === undefined ? [] : [answer], state, delivered, told, numbers };
}

/** One line for each case that went another way. */
function wrong(setting: Setting, state: StateName, cases: readonly Case[]): string[] {
  return cases.flatMap(({ name, segment: arriving, expected: verdict }) => {
    const came = JSON.stringify(outcome(setting, state, arriving));
    const wanted = JSON.stringify(wantedOf(verdict));
    return came === wanted ? [] : [`${name}: ${came} instead of ${wanted}: ${verdict.rule}`];
  });
}

/** Fails with the first few of what went wrong. */
function expectNone(found: readonly string[]): void {
  expect({ count: found.length, first: found.slice(0, SHOWN) }).toEqual({ count: 0, first: [] });
}
const SHOWN = 5;

const casesIn = (setting: Setting, state: StateName, flags: readonly number[]): Case[] =>
  casesOf(new StateBench(setting, state).tcb(), flags, setting.stamp);

describe.each(STATES)('every segment in %s', (state) => {
  const byRule = Map.groupBy(casesIn(PLAIN, state, ALL_FLAGS), (each) => each.expected.rule);
  it.each([...byRule])('%s', (_, cases) => expectNone(wrong(PLAIN, state, cases)));
});

describe.each(VARIANTS)('$name: every segment', (setting) => {
  it.each(STATES)('in %s', (state) => expectNone(wrong(setting, state, casesIn(setting, state, DECIDING_FLAGS))));
});

describe.each(['CLOSED', 'LISTEN'])('every segment in %s', (state) => {
  const listens = state === 'LISTEN';
  const cases = ALL_FLAGS.flatMap((flags) =>
    [0, 2 ** 32 - 50].flatMap((seq) =>
      [0, TEXT_BYTES].map((length) => {
        const arriving = { flags, seq, ack: (flags & ACK) === 0 ? 0 : 77, length };
        return { arriving, expected: expectedWithout(listens, DEFAULT_SETTINGS.isn, arriving) };
      }),
    ),
  );
  it.each([...Map.groupBy(cases, (each) => each.expected.rule)])('%s', (_, ofRule) => {
    for (const { arriving, expected: verdict } of ofRule) {
      const answers: object[] = [];
      const segmentSent = ({ flags, seq, ack }: WireSegment): number => answers.push({ flags, seq, ack });
      const nothing = (): void => {};
      const listener = {
        segment: segmentSent,
        event: nothing,
        opened: nothing,
        transition: nothing,
        dropped: nothing,
        noted: nothing,
      };
      const endpoint = new ScriptEndpoint(DEFAULT_SETTINGS, listener);
      if (listens) endpoint.listen(true);
      const { length, ...head } = arriving;
      endpoint.arrive(
        { ...head, window: 1_000, urgent: 0, options: {}, ecn: 0, port: PEER_PORT, payload: pattern(length) },
        'good',
      );
      const { answer, state: next } = verdict;
      expect([arriving, answers, endpoint.state]).toEqual([arriving, answer === undefined ? [] : [answer], next]);
    }
  });
});
