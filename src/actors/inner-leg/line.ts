import type { LinkFields } from '../../wire/build.ts';
import { buildInnerFrame, type InnerEnds } from '../../wire/inner-frame.ts';
import { type InnerMessage, innerUnitLength } from '../../wire/inner-leg.ts';
import { seqAdd, seqIn } from '../../wire/seq.ts';

export interface SavedInnerLine {
  readonly link: LinkFields;
  readonly seq: number;
  readonly ack: number;
}

/** F21, F22 and F23 of one session's frames. */
export class InnerLine {
  readonly ends: InnerEnds;
  /** MAC addresses of what goes out; the terminal's or server's true ones. */
  link: LinkFields;
  readonly #first: number;
  #seq: number;
  /** In all frames: a TCP that answers one by RST does so with this number. */
  #ack: number;

  constructor(ends: InnerEnds, { link, seq, ack }: SavedInnerLine) {
    this.ends = ends;
    this.link = link;
    this.#first = seq;
    this.#seq = seq;
    this.#ack = ack;
  }

  get ack(): number {
    return this.#ack;
  }

  /** Whether a frame with this number went out. */
  hasSent(seq: number): boolean {
    return seqIn(seq, this.#first, seqAdd(this.#seq, -this.#first));
  }

  frame(message: InnerMessage): Uint8Array {
    const frame = buildInnerFrame(this.link, this.ends, { seq: this.#seq, ack: this.#ack }, message);
    this.#seq = seqAdd(this.#seq, innerUnitLength(message));
    return frame;
  }

  save(): SavedInnerLine {
    return { link: this.link, seq: this.#seq, ack: this.#ack };
  }

  restore(saved: SavedInnerLine): void {
    this.link = saved.link;
    this.#seq = saved.seq;
    this.#ack = saved.ack;
  }
}
