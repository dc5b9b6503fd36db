import { type IpAddress, isIp6 } from '../../wire/ip-address.ts';
import { routeBytes } from '../../wire/ip-options.ts';
import { IP6_MIN_MTU_BYTES } from '../../wire/ipv6.ts';
import { seqAdd, seqGe } from '../../wire/seq.ts';
import type { ConnectionCore } from './core.ts';
import { BASE_MSS_BYTES, MIN_PATH_MTU_BYTES, MTU_RAISE_US, MTU_SEARCH_STEP_BYTES, TIMESTAMPS_BYTES } from './limits.ts';
import type { Recovery } from './recovery.ts';
import { headersBytes } from './segment.ts';
import { NONE, type SendNumbers } from './send-numbers.ts';

/**
 * How a sender finds the size of packets that its path takes, beside what ICMP tells (RFC 4821, RFC 8899). `off`: not at all.
 * `black-hole`: once full segments vanish, or ICMP has told of a narrow place. `always`: from a small size up, on each connection.
 */
export const MTU_PROBINGS = ['off', 'black-hole', 'always'] as const;
export type MtuProbing = (typeof MTU_PROBINGS)[number];

/** Full segments that follow a probe, so that its loss is seen by what arrives behind it and not by a timeout. */
const SEGMENTS_BEHIND = 4;
/** Nothing was reduced, or a search is under way. */
const NEVER = 0;

/** Payload of a full segment, TCP options not taken off, on a path whose MTU somebody on the way has told (RFC 1191, RFC 8201). */
export function mssOfPath(mtu: number, local: IpAddress): number {
  const smallest = isIp6(local) ? IP6_MIN_MTU_BYTES : MIN_PATH_MTU_BYTES;
  return Math.max(smallest, mtu) - headersBytes(local);
}

/**
 * The search of one connection for the largest payload that its path takes; the present one is in `mss` of the send numbers. A path that
 * swallows large packets without a word (a black hole) is found by timeouts. Larger sizes are tried with single segments of new data.
 */
export class PathMtu {
  readonly #core: ConnectionCore;
  readonly #n: SendNumbers;
  readonly #recovery: Recovery;
  readonly #mode: MtuProbing;
  /** What the other side and our interface take: to come back to when a reduction is old. */
  #top: number;
  /** Largest size that is known to get through, and the largest that may. */
  #low: number;
  #high: number;
  #probeSize = 0;
  /** When the search begins anew from the top. */
  #raise_us = NEVER;

  /** `numbers` hold what the handshake agreed on. */
  constructor(core: ConnectionCore, numbers: SendNumbers, recovery: Recovery) {
    this.#core = core;
    this.#n = numbers;
    this.#recovery = recovery;
    this.#mode = core.options.mtuProbing ?? 'black-hole';
    this.#top = this.#low = this.#high = numbers.mss;
  }

  /** A connection begins that does not trust its path with full segments. */
  beginSmall(): void {
    this.#low = this.#n.mss = Math.min(this.#top, this.#base);
  }

  /** ICMP says that the path takes no more than `size`. */
  told(size: number): void {
    this.#high = Math.min(this.#high, Math.max(size, this.#low));
    if (size >= this.#n.mss) return;
    this.#high = size;
    this.#reduce(size);
  }

  /** A segment of `length` bytes went out again and again without an answer (RFC 4821 section 7.7). */
  vanished(length: number): void {
    const { mss } = this.#n;
    if (this.#mode === 'off' || length < mss || mss <= this.#floor) return;
    this.#reduce(mss > this.#base ? this.#base : Math.max(this.#floor, mss >> 1));
  }

  /** Size of the probe that goes out next, where `unsent` bytes wait and the other side has room for `room`; 0 for none. */
  probe(unsent: number, room: number): number {
    if (this.#mode === 'off' || this.#n.mtuProbe !== NONE || !this.#isQuiet()) return 0;
    if (this.#isDue()) this.#high = this.#top;
    if (this.#high - this.#low < MTU_SEARCH_STEP_BYTES) return 0;
    const { pipe } = this.#recovery;
    const { cwnd } = this.#recovery.congestion;
    const size = Math.ceil((this.#low + this.#high) / 2);
    // An ACK makes room for a segment: to wait for the rest of a probe would stop the clock.
    const fits = cwnd - pipe >= this.#n.mss && Math.min(unsent, room, cwnd) >= size + SEGMENTS_BEHIND * this.#n.mss;
    if (!fits) return 0;
    this.#n.mtuProbe = this.#n.nxt;
    this.#probeSize = size;
    return size;
  }

  /** UNA has moved. */
  progress(): void {
    const { mtuProbe, una } = this.#n;
    // Where nothing is searched, a path that is still narrow says so again (RFC 1191 section 6.3).
    if (this.#mode === 'off' && this.#isDue()) this.#resize(this.#top);
    if (mtuProbe === NONE || !seqGe(una, seqAdd(mtuProbe, this.#probeSize))) return;
    this.#n.mtuProbe = NONE;
    this.#low = this.#probeSize;
    this.#settle();
    this.#resize(this.#low);
  }

  /** The probe has to be sent again: it was too large, most likely, and its loss is no congestion. */
  lost(): void {
    this.#n.mtuProbe = NONE;
    this.#high = Math.max(this.#low, this.#probeSize - 1);
    this.#settle();
    this.#recovery.excuse();
  }

  /** IP headers have grown by so many bytes, or shrunk: the same packets carry less, or more. */
  headersGrew(bytes: number): void {
    this.#n.mtuProbe = NONE;
    this.#top -= bytes;
    this.#low -= bytes;
    this.#high -= bytes;
  }

  save(): readonly number[] {
    return [this.#top, this.#low, this.#high, this.#probeSize, this.#raise_us];
  }

  restore(saved: readonly number[]): void {
    const [top, low, high, probeSize, raise_us] = saved as [number, number, number, number, number];
    this.#top = top;
    this.#low = low;
    this.#high = high;
    this.#probeSize = probeSize;
    this.#raise_us = raise_us;
  }

  /** No smaller one is ever tried. */
  get #floor(): number {
    const { options, settings } = this.#core;
    return mssOfPath(0, options.local) - TIMESTAMPS_BYTES - routeBytes(settings.route);
  }

  /** What nearly every path takes (RFC 8899 section 5.1.2), though no less than the floor. */
  get #base(): number {
    return Math.max(this.#floor, BASE_MSS_BYTES);
  }

  /** Nothing else is wrong with the path. */
  #isQuiet(): boolean {
    const { episode, duplicateAcks, una } = this.#n;
    const isWhole = episode === 'open' && duplicateAcks === 0 && this.#recovery.board.sackedCount === 0;
    return isWhole && !this.#core.urgent.sending(una);
  }

  #reduce(size: number): void {
    this.#low = size;
    this.#n.mtuProbe = NONE;
    this.#raise_us = this.#core.host.now_us() + MTU_RAISE_US;
    this.#resize(size);
  }

  /** Whether a reduction is old enough to be doubted; once. */
  #isDue(): boolean {
    if (this.#raise_us === NEVER || this.#core.host.now_us() < this.#raise_us) return false;
    this.#raise_us = NEVER;
    return true;
  }

  #settle(): void {
    if (this.#high - this.#low < MTU_SEARCH_STEP_BYTES) this.#raise_us = this.#core.host.now_us() + MTU_RAISE_US;
  }

  #resize(mss: number): void {
    if (mss === this.#n.mss) return;
    this.#n.mss = mss;
    this.#recovery.setMss(mss, false);
  }
}
