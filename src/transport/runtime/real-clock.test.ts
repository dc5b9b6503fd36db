import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TimerTable } from '../../actors/timer-table.ts';
import { RealClock } from './real-clock.ts';

/** Node's timers, worked by hand. */
class HandTimers {
  now_ns = 5_000_000_000n;
  armed: { call: () => void; delay_ms: number; unref(): void }[] = [];
  immediates: (() => void)[] = [];
  unreferenced = 0;
  clock = new RealClock({
    nanoseconds: () => this.now_ns,
    setTimeout: (call, delay_ms) => {
      const unref = (): void => {
        this.unreferenced += 1;
      };
      const timer = { call, delay_ms, unref };
      this.armed.push(timer);
      return timer as never;
    },
    clearTimeout: (timer) => {
      this.armed = this.armed.filter((each) => each !== (timer as never));
    },
    setImmediate: (call) => this.immediates.push(call),
  });

  pass(ms: number): void {
    this.now_ns += BigInt(Math.round(ms * 1e6));
  }

  fire(): void {
    const [timer] = this.armed;
    timer!.call();
  }
}

describe('RealClock', () => {
  it('has one timeout armed, for the earliest call, rounded up, and unreferenced', () => {
    const timers = new HandTimers();
    const { clock } = timers;
    const now_us = clock.now_us();
    expect(now_us).toBe(5_000_000);
    clock.at(now_us + 9_000, () => {});
    clock.at(now_us + 2_100, () => {});
    clock.at(now_us + 5_000, () => {});
    expect(timers.armed.map(({ delay_ms }) => delay_ms)).toEqual([3]);
    expect(timers.unreferenced).toBe(2);
  });

  it('runs due calls in order of time, then of scheduling, and arms the next', () => {
    const timers = new HandTimers();
    const { clock } = timers;
    const ran: string[] = [];
    const start_us = clock.now_us();
    for (const [name, delay_us] of [
      ['c', 2000],
      ['a', 1000],
      ['b', 1000],
      ['late', 50_000],
    ] as const) {
      clock.at(start_us + delay_us, () => ran.push(name));
    }
    timers.pass(2);
    timers.fire();
    expect(ran).toEqual(['a', 'b', 'c']);
    expect(timers.armed.map(({ delay_ms }) => delay_ms)).toEqual([48]);
  });

  it('runs what is due from setImmediate, never from within at()', () => {
    const timers = new HandTimers();
    const ran: string[] = [];
    timers.clock.at(0, () => ran.push('now'));
    timers.clock.at(0, () => ran.push('too'));
    expect([ran, timers.immediates.length, timers.armed.length]).toEqual([[], 1, 0]);
    timers.immediates.shift()?.();
    expect(ran).toEqual(['now', 'too']);
  });

  it('leaves a cancelled call out and arms nothing for it', () => {
    const timers = new HandTimers();
    const ran: string[] = [];
    timers.clock.at(timers.clock.now_us() + 1000, () => ran.push('cancelled')).cancelled = true;
    timers.clock.at(timers.clock.now_us() + 3000, () => ran.push('kept'));
    timers.pass(1);
    timers.fire();
    expect(ran).toEqual([]);
    timers.pass(2);
    timers.fire();
    expect([ran, timers.armed.length]).toEqual([['kept'], 0]);
  });

  it('gives sockets their turn while calls make calls, and survives one that throws', () => {
    const timers = new HandTimers();
    let calls = 0;
    const again = (): void => {
      calls += 1;
      timers.clock.at(0, again);
    };
    again();
    timers.immediates.shift()?.();
    expect(calls).toBe(1 + 256);
    expect(timers.immediates.length).toBe(1);
    const other = new HandTimers();
    let after = false;
    other.clock.at(0, () => {
      throw new Error('broken call');
    });
    other.clock.at(1, () => {
      after = true;
    });
    expect(() => other.immediates.shift()?.()).toThrow('broken call');
    other.immediates.shift()?.();
    expect(after).toBe(true);
  });

  it('waits for a time beyond what setTimeout takes', () => {
    const timers = new HandTimers();
    timers.clock.at(timers.clock.now_us() + 40 * 86_400e6, () => {});
    expect(timers.armed[0]?.delay_ms).toBe(2 ** 31 - 1);
    timers.pass(2 ** 31);
    timers.fire();
    expect(timers.armed[0]?.delay_ms).toBeGreaterThan(1_000_000_000);
  });

  it("drives a device's timers in true time", async () => {
    const clock = new RealClock();
    const fired: string[] = [];
    const table = new TimerTable(clock, (layer, name) => {
      fired.push(`${layer}.${name}`);
      table.fired(layer, name);
    });
    const start_us = clock.now_us();
    table.set('tcp', 'late', start_us + 25_000);
    table.set('tcp', 'soon', start_us + 5_000);
    table.set('tcp', 'pushed', start_us + 1_000);
    table.set('tcp', 'pushed', start_us + 15_000);
    await sleep(12);
    expect(fired).toEqual(['tcp.soon']);
    await sleep(60);
    expect(fired).toEqual(['tcp.soon', 'tcp.pushed', 'tcp.late']);
  });
});
