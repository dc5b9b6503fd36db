import { describe, expect, it } from 'vitest';
import { fuzzRun } from '../../../test/support/tcp-fuzz/run.ts';
import type { CongestionControl } from './congestion/congestion.ts';
import { Pacer } from './pacer.ts';

const QUANTUM_BYTES = 3_000;
const pacerAt = (pacingRate: number) => new Pacer({ pacingRate, quantum: QUANTUM_BYTES } as CongestionControl);

describe('pacing', () => {
  it('lets a quantum go, and the next one when the first has gone at the rate', () => {
    const pacer = pacerAt(1_000_000);
    expect(pacer.allows(10_000_000)).toBe(true);
    pacer.sent(QUANTUM_BYTES, 10_000_000);
    expect(pacer.allows(10_000_000)).toBe(false);
    // A timer's lateness of 2 ms is made up for.
    expect(pacer.wait_us(10_000_000)).toBe(1_000);
    expect(pacer.allows(10_001_000)).toBe(true);
  });

  it('waits a second at most, however low the rate', () => {
    const pacer = pacerAt(1);
    pacer.allows(10_000_000);
    pacer.sent(QUANTUM_BYTES, 10_000_000);
    expect(pacer.wait_us(10_000_000)).toBe(1_000_000);
    expect(pacer.allows(11_000_000)).toBe(true);
  });

  it('comes to an end after the clock has jumped by hours while BBR measured', () => {
    expect(fuzzRun({ seed: 100_670, hostile: false, steps: 1_500 }).fault).toBeUndefined();
  });
});
