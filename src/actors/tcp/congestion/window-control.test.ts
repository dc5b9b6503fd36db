import { describe, expect, it } from 'vitest';
import { type AckReport, initialWindow } from './congestion.ts';
import { WindowControl } from './window-control.ts';

const MSS = 1_000;
const RTT_US = 100_000;

/** An ACK of one segment while the window is in full use. */
const ack = (fields: Partial<AckReport> = {}): AckReport => ({
  now_us: 0,
  una: 0,
  nxt: 0,
  delivered: MSS,
  lost: 0,
  advanced: true,
  pipe: 0,
  rtt_us: RTT_US,
  srtt_us: RTT_US,
  minRtt_us: RTT_US,
  limited: true,
  episode: 'open',
  sample: undefined,
  ...fields,
});
const lossAt = (flight: number) => ({ now_us: 0, flight, pipeBefore: flight, pipe: flight - 3 * MSS });

/** Grown in slow start to `segments`, then cut by a loss that is repaired. */
function cut(name: 'cubic' | 'newreno', segments: number): WindowControl {
  const control = new WindowControl(name, MSS);
  while (control.cwnd < segments * MSS) control.acked(ack());
  control.reduce('loss', lossAt(control.cwnd));
  control.recovered();
  return control;
}

/** One round trip of ACKs for the whole window. */
function round(control: WindowControl, now_us: number, fields: Partial<AckReport> = {}): void {
  const segments = Math.floor(control.cwnd / MSS);
  for (let i = 0; i < segments; i++) control.acked(ack({ now_us, ...fields }));
}

describe('congestion control by a window', () => {
  it('begins with ten segments, fewer of large ones (RFC 6928)', () => {
    expect([536, 1_448, 3_000, 9_000].map(initialWindow)).toEqual([5_360, 14_480, 14_600, 18_000]);
  });

  it('of NewReno halves, and grows by one segment in a round trip', () => {
    const control = cut('newreno', 40);
    expect(control.cwnd).toBe(20_000);
    round(control, 0);
    expect(control.cwnd).toBe(21_000);
  });

  it('of CUBIC cuts to 0.7, comes back to where it lost at K seconds, then probes beyond', () => {
    const control = cut('cubic', 100);
    expect(control.cwnd).toBe(70_000);
    const k_us = Math.cbrt(30 / 0.4) * 1e6;
    let now_us = 0;
    for (; now_us < k_us; now_us += RTT_US) round(control, now_us);
    expect(control.cwnd / 100_000).toBeCloseTo(1, 1);
    for (; now_us < k_us + 3e6; now_us += RTT_US) round(control, now_us);
    expect(control.cwnd).toBeGreaterThan(105_000);
  });

  it('of CUBIC grows like Reno where Reno would be faster, and by one segment from where it lost', () => {
    const control = cut('cubic', 20);
    const short = { srtt_us: 1_000 };
    for (let now_us = 0, i = 0; i < 10; i++, now_us += 1_000) round(control, now_us, short);
    // 14 segments and ten times 0.53, not the cubic's next to nothing in 10 ms.
    expect(control.cwnd / MSS).toBeGreaterThan(18.5);
    expect(control.cwnd / MSS).toBeLessThan(20);
    for (let now_us = 10_000, i = 0; i < 10; i++, now_us += 1_000) round(control, now_us, short);
    expect(control.cwnd / MSS).toBeGreaterThan(26);
  });

  it('of CUBIC leaves room when it loses below its last maximum (fast convergence)', () => {
    const plain = cut('cubic', 100);
    const again = cut('cubic', 100);
    again.reduce('loss', lossAt(70_000));
    again.recovered();
    expect((plain.save().growth as number[])[0]).toBe(100);
    expect((again.save().growth as number[])[0]).toBeCloseTo(59.5);
  });

  it('does not grow when the window is not what limits the sender, nor does that time count for CUBIC', () => {
    const control = cut('cubic', 100);
    const twin = cut('cubic', 100);
    round(control, 0);
    round(twin, 0);
    const before = control.cwnd;
    for (let now_us = RTT_US; now_us <= 10e6; now_us += RTT_US) control.acked(ack({ now_us, limited: false }));
    expect(control.cwnd).toBe(before);
    round(control, 10e6 + RTT_US);
    round(twin, RTT_US);
    expect(control.cwnd).toBe(twin.cwnd);
  });

  it('starts after a timeout from one segment, with half or 0.7 as the threshold, but at least two segments', () => {
    const control = new WindowControl('cubic', MSS);
    control.timedOut({ now_us: 0, flight: 10_000, pipeBefore: 10_000, pipe: 0 }, false);
    expect([control.cwnd, control.ssthresh]).toEqual([1_000, 7_000]);
    control.timedOut({ now_us: 0, flight: 1_000, pipeBefore: 1_000, pipe: 0 }, true);
    expect([control.cwnd, control.ssthresh]).toEqual([1_000, 7_000]);
    control.timedOut({ now_us: 0, flight: 1_000, pipeBefore: 1_000, pipe: 0 }, false);
    expect([control.cwnd, control.ssthresh]).toEqual([1_000, 2_000]);
  });

  it('is as before when the reduction was for nothing', () => {
    const control = cut('cubic', 100);
    for (let now_us = 0; now_us < 1e6; now_us += RTT_US) round(control, now_us);
    const { cwnd, ssthresh } = control;
    const { growth } = control.save();
    control.reduce('loss', lossAt(cwnd));
    control.acked(ack({ pipe: 60_000, episode: 'recovery' }));
    control.undo();
    expect([control.cwnd, control.ssthresh, control.save().growth]).toEqual([cwnd, ssthresh, growth]);
  });

  it('is saved and restored with all it knows', () => {
    for (const name of ['cubic', 'newreno'] as const) {
      const control = new WindowControl(name, MSS);
      const check = (): void => {
        const other = new WindowControl(name, MSS);
        other.restore(structuredClone(control.save()));
        expect(other.save()).toEqual(control.save());
        expect([other.cwnd, other.ssthresh]).toEqual([control.cwnd, control.ssthresh]);
      };
      check();
      control.acked(ack());
      check();
      control.reduce('loss', lossAt(control.cwnd));
      control.sent(MSS);
      control.acked(ack({ pipe: 5_000 }));
      check();
      control.recovered();
      round(control, 1_000);
      check();
    }
  });
});

describe('proportional rate reduction', () => {
  it('brings the window down in the course of a round trip, without a silence or a burst', () => {
    const control = new WindowControl('newreno', MSS);
    while (control.cwnd < 40 * MSS) control.acked(ack());
    // 40 segments under way, the first one lost, one SACK for each of the others.
    let pipe = 40 * MSS;
    control.reduce('loss', { now_us: 0, flight: 40 * MSS, pipeBefore: pipe, pipe: pipe - 4 * MSS });
    pipe -= 3 * MSS;
    const sentAt: number[] = [];
    for (let i = 0; i < 39; i++) {
      pipe -= MSS;
      control.acked(ack({ pipe, advanced: false, episode: 'recovery', lost: 0 }));
      while (pipe + MSS <= control.cwnd) {
        pipe += MSS;
        control.sent(MSS);
        sentAt.push(i);
      }
    }
    // One for every two that arrive, and the four that are lost.
    expect(sentAt.length).toBeGreaterThanOrEqual(19);
    expect(sentAt.length).toBeLessThanOrEqual(24);
    expect(sentAt[0]).toBe(0);
    for (let i = 1; i < sentAt.length; i++) expect((sentAt[i] ?? 0) - (sentAt[i - 1] ?? 0)).toBeLessThanOrEqual(3);
    expect(control.cwnd).toBeLessThanOrEqual(20 * MSS);
    control.recovered();
    expect(control.cwnd).toBe(20 * MSS);
  });

  it('sends no more than arrives when much is lost, and one more for each ACK that moves on', () => {
    const control = new WindowControl('newreno', MSS);
    while (control.cwnd < 40 * MSS) control.acked(ack());
    control.reduce('loss', { now_us: 0, flight: 40 * MSS, pipeBefore: 40 * MSS, pipe: 5 * MSS });
    control.acked(ack({ pipe: 5 * MSS, advanced: false, lost: 30 * MSS }));
    expect(control.cwnd).toBe(6 * MSS);
    control.sent(MSS);
    control.acked(ack({ pipe: 5 * MSS, advanced: true, lost: 0 }));
    expect(control.cwnd).toBe(7 * MSS);
  });
});

describe('HyStart++', () => {
  /** Slow start over rounds with these round trips; the window after each. */
  const windows = (rtts_us: readonly number[]): number[] => {
    const control = new WindowControl('cubic', MSS);
    let nxt = 0;
    return rtts_us.map((rtt_us) => {
      const una = nxt;
      nxt += control.cwnd;
      const segments = control.cwnd / MSS;
      for (let i = 0; i < Math.floor(segments); i++) control.acked(ack({ una: una + i, nxt, rtt_us }));
      return Math.round(control.cwnd / MSS);
    });
  };

  it('doubles while round trips stay as they are', () => {
    expect(windows([50_000, 50_500, 51_000, 50_000])).toEqual([20, 40, 80, 160]);
  });

  it('grows four times slower when they get an eighth longer, and is over after five such rounds', () => {
    const grown = windows([50_000, 50_000, 57_000, 57_000, 57_000, 57_000, 57_000, 57_000, 57_000]);
    expect(grown[2]).toBeLessThan(80);
    expect(grown[3]! / grown[2]!).toBeCloseTo(1.25, 1);
    // Over: growth is CUBIC's.
    expect(grown[8]! / grown[7]!).toBeLessThan(1.05);
  });

  it('goes on doubling when it was a passing delay', () => {
    const grown = windows([50_000, 50_000, 57_000, 50_000, 50_000]);
    expect(grown[4]! / grown[3]!).toBeGreaterThan(1.9);
  });
});
