import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DIALLED, record, tls, UdpPair } from '../../../test/support/udp-pair.ts';
import { concat } from '../../wire/bytes.ts';
import { SeededRandom } from '../random.ts';

const SECOND_US = 1_000_000;

interface Network {
  readonly seed: number;
  readonly loss: number;
  readonly reorder: number;
  readonly duplicate: number;
}

const network = fc.record({
  seed: fc.nat(),
  loss: fc.constantFrom(0, 0.05, 0.2),
  reorder: fc.constantFrom(0, 0.3),
  duplicate: fc.constantFrom(0, 0.3),
});

function throughThe(pair: UdpPair, { seed, loss, reorder, duplicate }: Network): UdpPair {
  const random = new SeededRandom(seed, 'network');
  pair.fate = () => {
    if (random.fraction() < loss) return [];
    const delay = () => (random.fraction() < reorder ? random.below(80_000) : 5_000);
    return random.fraction() < duplicate ? [delay(), delay()] : [delay()];
  };
  return pair;
}

/** All of it, or its beginning where an end has given up. */
function expectStream(received: readonly Uint8Array[], sent: readonly Uint8Array[], gaveUp: boolean): void {
  const expected = concat(...sent);
  const got = concat(...received);
  expect(got).toEqual(gaveUp ? expected.subarray(0, got.length) : expected);
}

it('through loss, reordering and duplication: every TLS record once and in order, no record invented, changed or repeated', () => {
  fc.assert(
    fc.property(network, (net) => {
      const pair = throughThe(new UdpPair(), net)
        .connect()
        .advance(10 * SECOND_US);
      if (pair.near.state !== 'OPEN.OPENING') return;
      const there = [1, 2, 3, 4, 5].map((seed) => tls(seed, 700 * seed));
      const back = [6, 7, 8].map((seed) => tls(seed, 900 * seed));
      const records = [1, 2, 3, 4, 5, 6].map((seed) => record(seed));
      for (const bytes of there) pair.near.asks({ kind: 'write', connection: DIALLED, bytes });
      pair.advance(3 * SECOND_US);
      for (const [index, bytes] of back.entries()) {
        pair.far.asks({ kind: 'write', connection: 'accepted-1', bytes });
        pair.near.asks({
          kind: 'write',
          connection: DIALLED,
          bytes: concat(...records.slice(2 * index, 2 * index + 2)),
        });
      }
      pair.advance(30 * SECOND_US);
      pair.near.asks({ kind: 'close', connection: DIALLED });
      pair.far.asks({ kind: 'close', connection: 'accepted-1' });
      pair.advance(120 * SECOND_US);
      const gaveUp = [...pair.near.toldKinds(), ...pair.far.toldKinds()].includes('closed timed-out');
      expectStream(pair.far.received('tls'), there, gaveUp);
      expectStream(pair.near.received('tls'), back, gaveUp);
      if (net.loss === 0) expect(gaveUp).toBe(false);
      const seen = pair.far.received('record').map(([, , , , seed]) => seed);
      const sent = records.map(([, , , , seed]) => seed);
      expect(sent).toEqual(expect.arrayContaining(seen));
      if (net.loss === 0) expect(new Set(seen)).toEqual(new Set(sent));
      if (net.duplicate === 0) expect(new Set(seen).size).toBe(seen.length);
      expect(pair.far.toldKinds().filter((kind) => kind === 'accepted')).toEqual(['accepted']);
      for (const { host, layer } of [pair.near, pair.far]) {
        expect(layer.machines()).toEqual([]);
        expect(host.timers()).toEqual([]);
      }
    }),
    { numRuns: 100 },
  );
}, 60_000);
