import type { AckReport } from './congestion.ts';

/**
 * Proportional rate reduction (RFC 9937): while losses are repaired, what goes out follows what arrives, so that the window comes
 * down to its new size in the course of a round trip, and never by a silence or a burst.
 */
export class ProportionalReduction {
  /** Bytes in the network when it began (RecoverFS). */
  readonly #from: number;
  #delivered = 0;
  #out = 0;

  constructor(from: number) {
    this.#from = from;
  }

  sent(bytes: number): void {
    this.#out += bytes;
  }

  /** The window, in bytes, after an ACK that has brought something. */
  window({ delivered, lost, advanced, pipe }: AckReport, ssthresh: number, mss: number): number {
    this.#delivered += delivered;
    let room: number;
    if (pipe > ssthresh) {
      room = Math.ceil((this.#delivered * ssthresh) / Math.max(1, this.#from)) - this.#out;
    } else {
      room = Math.max(this.#delivered - this.#out, delivered);
      // An ACK that moves on and tells of no further loss: what is repaired arrives, so a little more than it may go.
      if (advanced && lost === 0) room += mss;
      room = Math.min(ssthresh - pipe, room);
    }
    // The first repetition goes out at once, whatever the proportion says.
    if (this.#out === 0) room = Math.max(room, mss);
    return pipe + Math.max(0, room);
  }

  save(): readonly number[] {
    return [this.#from, this.#delivered, this.#out];
  }

  static from(saved: readonly number[]): ProportionalReduction {
    const [from, delivered, out] = saved as [number, number, number];
    const reduction = new ProportionalReduction(from);
    reduction.#delivered = delivered;
    reduction.#out = out;
    return reduction;
  }
}
