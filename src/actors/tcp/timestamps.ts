import { seqAdd, seqDiff, seqGt, seqLe, seqLt } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import { MAX_RTT_US, TIMESTAMP_TICK_US, TIMESTAMP_VALID_US } from './limits.ts';
import type { InSegment } from './segment.ts';

/** The timestamps option of one connection (RFC 7323): round trips, and protection against wrapped sequence numbers. */
export class Timestamps {
  /** Both sides have offered it. */
  on = false;
  /** Our clock does not begin at 0, so that it tells nothing about the machine. */
  #offset = 0;
  #recent = 0;
  #recentAt_us = 0;

  /** The initial sequence number decides where our clock stands. */
  begin(iss: number): void {
    this.#offset = iss;
  }

  agree(value: number, now_us: number): void {
    this.on = true;
    this.#recent = value;
    this.#recentAt_us = now_us;
  }

  option(now_us: number): { value: number; echo: number } {
    return { value: this.#clock(now_us), echo: this.#recent };
  }

  /** Our timestamp in a segment that goes out now; -1 without the option. */
  stamp(now_us: number): number {
    return this.on ? this.#clock(now_us) : -1;
  }

  /** PAWS (section 5.3): whether the segment is not an old duplicate. One without the option is refused, too. */
  accepts(segment: InSegment, now_us: number): boolean {
    const { timestamps } = segment.options;
    if (timestamps === undefined) return false;
    return !seqLt(timestamps.value, this.#recent) || now_us - this.#recentAt_us > TIMESTAMP_VALID_US;
  }

  /** Keeps the value to echo (section 4.3); `lastAck` is the ACK field of the last segment we sent. */
  update(segment: InSegment, lastAck: number, now_us: number): void {
    const { timestamps } = segment.options;
    if (timestamps === undefined || !seqLe(segment.seq, lastAck)) return;
    this.#recent = timestamps.value;
    this.#recentAt_us = now_us;
  }

  /** Round trip by the echo of a segment; 0 for none. */
  rtt_us(segment: InSegment, now_us: number): number {
    const { timestamps } = segment.options;
    if (timestamps === undefined || timestamps.echo === 0) return 0;
    const ticks = seqDiff(this.#clock(now_us), timestamps.echo);
    const rtt_us = Math.max(1, ticks) * TIMESTAMP_TICK_US;
    return ticks < 0 || rtt_us > MAX_RTT_US ? 0 : rtt_us;
  }

  /** How far the clock of a SYN for the same addresses and ports is ahead of this connection's (RFC 6191); 0 where it can't be told. */
  ageOf(syn: InSegment): number {
    const { timestamps } = syn.options;
    return this.on && timestamps !== undefined ? seqDiff(timestamps.value, this.#recent) : 0;
  }

  /** Whether nothing came for so long that all later timestamps are above those of this connection. */
  quietSince(now_us: number, quiet_us: number): boolean {
    return this.on && now_us - this.#recentAt_us >= quiet_us;
  }

  save(): readonly [boolean, number, number, number] {
    return [this.on, this.#offset, this.#recent, this.#recentAt_us];
  }

  restore(saved: readonly [boolean, number, number, number]): void {
    [this.on, this.#offset, this.#recent, this.#recentAt_us] = saved;
  }

  #clock(now_us: number): number {
    return timestampClock(now_us, this.#offset);
  }
}

/** The clock of a connection whose initial sequence number is `offset`. */
export function timestampClock(now_us: number, offset: number): number {
  return seqAdd(Math.floor(now_us / TIMESTAMP_TICK_US) % 2 ** 32, offset);
}

/** Whether a segment is the SYN of a connection that is newer than the one in TIME-WAIT that expects `nxt` (RFC 9293 MAY-2, RFC 6191). */
export function isSuccessor(segment: InSegment, nxt: number, timestamps: Timestamps): boolean {
  const isSyn = (segment.flags & (Flag.SYN | Flag.ACK | Flag.RST)) === Flag.SYN;
  const age = timestamps.ageOf(segment);
  return isSyn && (age === 0 ? seqGt(segment.seq, nxt) : age > 0);
}
