import { type OutSegment, packetFromSegment, segmentFromPacket, type TcpTuple } from '../../src/actors/tcp/segment.ts';
import { EMPTY } from '../../src/wire/bytes.ts';
import { seqAdd } from '../../src/wire/seq.ts';
import { Flag, NO_TCP_OPTIONS, segmentLength } from '../../src/wire/tcp.ts';

const WINDOW = 0xffff;
const FIRST_NUMBER = 1000;

/** The other end of a TCP connection, as little of it as a benchmark needs: no options, no timers, everything arrives. */
export class HandTcp {
  readonly #tuple: TcpTuple;
  readonly #mss: number;
  #next = FIRST_NUMBER;
  #expected = 0;

  /** `tuple` as this end sees it. */
  constructor(tuple: TcpTuple, mss: number) {
    this.#tuple = tuple;
    this.#mss = mss;
  }

  syn(): Uint8Array {
    return this.#packet(Flag.SYN, EMPTY);
  }

  synAck(): Uint8Array {
    return this.#packet(Flag.SYN | Flag.ACK, EMPTY);
  }

  ack(): Uint8Array {
    return this.#packet(Flag.ACK, EMPTY);
  }

  data(payload: Uint8Array): Uint8Array {
    return this.#packet(Flag.ACK | Flag.PSH, payload);
  }

  /** Takes a packet of the end under test: its flags and how many payload bytes it brought. */
  takes(packet: Uint8Array): { readonly flags: number; readonly payload_bytes: number } {
    const read = segmentFromPacket(packet);
    if (!read.ok) throw new Error(`no TCP segment: ${read.reason}`);
    const { seq, flags, payload } = read.segment;
    const length = segmentLength(flags, payload.length);
    if (length > 0) this.#expected = seqAdd(seq, length);
    return { flags, payload_bytes: payload.length };
  }

  #packet(flags: number, payload: Uint8Array): Uint8Array {
    const options = (flags & Flag.SYN) !== 0 ? { mss: this.#mss } : NO_TCP_OPTIONS;
    const segment: OutSegment = { seq: this.#next, ack: this.#expected, flags, window: WINDOW, options, payload };
    this.#next = seqAdd(this.#next, segmentLength(flags, payload.length));
    return packetFromSegment(segment, this.#tuple);
  }
}
