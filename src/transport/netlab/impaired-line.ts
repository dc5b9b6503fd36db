import { icmpErrorAbout } from '../../actors/icmp-error.ts';
import { icmp6ErrorAbout } from '../../actors/icmp6-error.ts';
import { ETHERNET_HEADER_BYTES, EtherType } from '../../wire/ethernet.ts';
import { IcmpType, UnreachableCode } from '../../wire/icmp.ts';
import { Icmp6Type } from '../../wire/icmp6.ts';
import { type IpAddress, isIp6, parseIp } from '../../wire/ip-address.ts';
import { parseIp4Packet } from '../../wire/ipv4.ts';
import { parseIp6Packet } from '../../wire/ipv6.ts';
import { DelayLine } from './delay-line.ts';
import { fateSource, type ImpairmentOptions } from './fate.ts';
import { mark } from './mark.ts';

/** Frames of one direction. */
export interface LineCounters {
  arrived: number;
  /** Lost by chance, by the bottleneck's full queue, because they were too long, because the line itself was full. */
  lost: number;
  queueDrops: number;
  tooLong: number;
  overflow: number;
  duplicated: number;
  corrupted: number;
  marked: number;
  left: number;
}

const DIRECTIONS = ['near-to-far', 'far-to-near'] as const;
const MS_US = 1_000;
const BITS = 8;
const ETHERTYPE_AT = 12;
const MAC_BYTES = 6;
/** A bottleneck's queue where none is said: 100 ms at 100 Mbit/s would be ten times as much. */
const QUEUE_BYTES = 125_000;

/** One direction of a bad line, as plain computation: frames come in with a time, and go out with another. Microseconds. */
export class ImpairedLine {
  readonly counters: LineCounters = {
    arrived: 0,
    lost: 0,
    queueDrops: 0,
    tooLong: 0,
    overflow: 0,
    duplicated: 0,
    corrupted: 0,
    marked: 0,
    left: 0,
  };
  #options: ImpairmentOptions;
  readonly #direction: number;
  readonly #line = new DelayLine<Uint8Array>();
  #fate: ReturnType<typeof fateSource>;
  /** When the bottleneck has sent everything that waits in its queue. */
  #idleAt_us = 0;
  /** When the last frame without its own delay left: jitter lets none overtake. */
  #last_us = 0;

  constructor(options: ImpairmentOptions, direction: number) {
    this.#direction = direction;
    this.#options = this.#ofThisDirection(options);
    this.#fate = fateSource(options, direction);
  }

  get options(): ImpairmentOptions {
    return this.#options;
  }

  /** From now on; the sequence of fates begins anew where a seed is given, and goes on where none is. */
  change(options: ImpairmentOptions): void {
    this.#options = this.#ofThisDirection(options);
    if (options.seed !== undefined) this.#fate = fateSource(options, this.#direction);
  }

  /** When the next frame leaves; undefined for none. */
  get next_us(): number | undefined {
    return this.#line.next;
  }

  /** Takes a frame, whose bytes are the line's from now on; what a router sends back to its sender because of it, if anything. */
  arrive(frame: Uint8Array, now_us: number): Uint8Array | undefined {
    const { counters } = this;
    const options = this.#options;
    counters.arrived += 1;
    const fate = this.#fate(options);
    if (frame.length - ETHERNET_HEADER_BYTES > (options.mtu ?? Number.POSITIVE_INFINITY)) {
      counters.tooLong += 1;
      return tooLong(frame, options);
    }
    if (fate.delays_ms.length === 0) {
      counters.lost += 1;
      return undefined;
    }
    const passed_us = this.#bottleneck(frame.length, now_us);
    if (passed_us === undefined) return undefined;
    if ((fate.marks || this.#isLong(passed_us - now_us)) && mark(frame)) counters.marked += 1;
    if (fate.corrupt !== undefined) this.#corrupt(frame, fate.corrupt);
    if (fate.delays_ms.length > 1) counters.duplicated += 1;
    for (const delay_ms of fate.delays_ms) this.#send(frame, passed_us, delay_ms, fate.jitter);
    return undefined;
  }

  /** Frames that have left by now. */
  due(now_us: number): Uint8Array[] {
    const frames = this.#line.due(now_us);
    this.counters.left += frames.length;
    return frames;
  }

  #ofThisDirection(options: ImpairmentOptions): ImpairmentOptions {
    const { direction = DIRECTIONS[this.#direction] } = options;
    return direction === DIRECTIONS[this.#direction] ? options : {};
  }

  /** When the frame has passed the bottleneck; undefined when its queue is full. */
  #bottleneck(bytes: number, now_us: number): number | undefined {
    const { rate_bps, queueBytes = QUEUE_BYTES } = this.#options;
    if (rate_bps === undefined) return now_us;
    const start_us = Math.max(now_us, this.#idleAt_us);
    if (bytesIn(start_us - now_us, rate_bps) + bytes > queueBytes) {
      this.counters.queueDrops += 1;
      return undefined;
    }
    this.#idleAt_us = start_us + (bytes * BITS * MS_US * MS_US) / rate_bps;
    return this.#idleAt_us;
  }

  /** Whether the queue is so long, of which the end passes the bottleneck after such a time, that packets are marked. */
  #isLong(passes_us: number): boolean {
    const { rate_bps, markBytes } = this.#options;
    return rate_bps !== undefined && markBytes !== undefined && bytesIn(passes_us, rate_bps) > markBytes;
  }

  /** Only what has a checksum: a wrong ARP packet would be believed. */
  #corrupt(frame: Uint8Array, where: number): void {
    if (etherTypeOf(frame) === EtherType.ARP) return;
    const bit = Math.floor(where * (frame.length - ETHERNET_HEADER_BYTES) * BITS);
    const at = ETHERNET_HEADER_BYTES + Math.floor(bit / BITS);
    frame[at] = (frame[at] ?? 0) ^ (1 << (bit % BITS));
    this.counters.corrupted += 1;
  }

  #send(frame: Uint8Array, passed_us: number, delay_ms: number, jitter: number): void {
    const { delay_ms: usual_ms = 0, jitter_ms = 0 } = this.#options;
    let at_us = passed_us + (delay_ms + jitter * jitter_ms) * MS_US;
    if (delay_ms === usual_ms) {
      at_us = Math.max(at_us, this.#last_us);
      this.#last_us = at_us;
    }
    if (!this.#line.push(frame, at_us)) this.counters.overflow += 1;
  }
}

function bytesIn(time_us: number, rate_bps: number): number {
  return (time_us * rate_bps) / (BITS * MS_US * MS_US);
}

function etherTypeOf(frame: Uint8Array): number {
  return ((frame[ETHERTYPE_AT] ?? 0) << BITS) | (frame[ETHERTYPE_AT + 1] ?? 0);
}

/** Fragmentation needed (RFC 1191, RFC 8201), in a frame to whoever sent `frame`; none where the line has no router of its family that tells. */
function tooLong(frame: Uint8Array, { mtu = 0, mtuRouter }: ImpairmentOptions): Uint8Array | undefined {
  const router = mtuRouter === undefined ? undefined : parseIp(mtuRouter);
  const packet = router === undefined ? undefined : tooLongPacket(frame, router, mtu);
  if (packet === undefined) return undefined;
  const answer = new Uint8Array(ETHERNET_HEADER_BYTES + packet.length);
  answer.set(frame.subarray(MAC_BYTES, 2 * MAC_BYTES));
  answer.set(frame.subarray(0, MAC_BYTES), MAC_BYTES);
  answer.set(frame.subarray(ETHERTYPE_AT, ETHERNET_HEADER_BYTES), ETHERTYPE_AT);
  answer.set(packet, ETHERNET_HEADER_BYTES);
  return answer;
}

function tooLongPacket(frame: Uint8Array, router: IpAddress, mtu: number): Uint8Array | undefined {
  const family = etherTypeOf(frame);
  if (!isIp6(router)) {
    const ip = family === EtherType.IP4 ? parseIp4Packet(frame, ETHERNET_HEADER_BYTES, frame.length) : undefined;
    const error = { type: IcmpType.UNREACHABLE, code: UnreachableCode.FRAGMENTATION_NEEDED, mtu };
    return ip?.ok ? icmpErrorAbout(frame, ip, router, error) : undefined;
  }
  const ip6 = family === EtherType.IP6 ? parseIp6Packet(frame, ETHERNET_HEADER_BYTES, frame.length) : undefined;
  return ip6?.ok
    ? icmp6ErrorAbout(frame, ip6, router, { type: Icmp6Type.PACKET_TOO_BIG, code: 0, word: mtu })
    : undefined;
}
