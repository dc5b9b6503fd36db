import { seqDiff, seqGe, seqGt, seqLe, seqLt } from '../../wire/seq.ts';
import type { SackBlock } from '../../wire/tcp.ts';
import { lean } from './lean.ts';
import { OUT_OF_ORDER_BYTES, OUT_OF_ORDER_SEGMENTS, SACK_RANGES } from './limits.ts';

interface Piece {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/**
 * What arrived ahead of a gap, bounded in bytes and pieces, in order and without overlap: the bytes that came first stay.
 * Also the ranges to report as SACK blocks, the newest first (RFC 2018 section 4).
 */
export class Reassembly {
  #pieces: Piece[] = [];
  #bytes = 0;
  #ranges: SackBlock[] = [];

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether something is held behind `seq`. */
  reaches(seq: number): boolean {
    const last = this.#pieces.at(-1);
    return last !== undefined && seqGt(endOf(last), seq);
  }

  /** Takes in what is new of a segment beyond the gap; false when there is no room for all of it. */
  insert(seq: number, bytes: Uint8Array): boolean {
    const end = (seq + bytes.length) >>> 0;
    let at = this.#pieceBehind(seq);
    let from = seq;
    while (seqLt(from, end)) {
      const next = this.#pieces[at];
      const to = next === undefined || seqGe(next.seq, end) ? end : next.seq;
      if (seqGt(to, from)) {
        if (!this.#hasRoom(seqDiff(to, from))) return false;
        const part = lean(bytes.subarray(seqDiff(from, seq), seqDiff(to, seq)));
        this.#pieces.splice(at++, 0, { seq: from, bytes: part });
        this.#bytes += part.length;
      }
      from = next === undefined ? end : endOf(next);
      at += 1;
    }
    this.#report(seq, end);
    return true;
  }

  /** The next bytes in sequence when the gap before them is closed; what lies before `nxt` is thrown away. */
  take(nxt: number): Uint8Array | undefined {
    for (let first = this.#pieces[0]; first !== undefined && seqLe(first.seq, nxt); first = this.#pieces[0]) {
      this.#pieces.shift();
      this.#bytes -= first.bytes.length;
      const known = seqDiff(nxt, first.seq);
      if (known < first.bytes.length) return known === 0 ? first.bytes : first.bytes.subarray(known);
    }
    return undefined;
  }

  /** At most `limit` ranges ahead of `nxt`, the one that changed last first. */
  blocks(nxt: number, limit: number): SackBlock[] {
    this.#ranges = this.#ranges.filter((range) => seqGt(range.left, nxt));
    return this.#ranges.slice(0, limit);
  }

  clear(): void {
    this.#pieces = [];
    this.#ranges = [];
    this.#bytes = 0;
  }

  save() {
    return {
      pieces: this.#pieces.map(({ seq, bytes }) => ({ seq, bytes: bytes.slice() })),
      ranges: this.#ranges.map((range) => ({ ...range })),
    };
  }

  restore(saved: ReturnType<Reassembly['save']>): void {
    this.#pieces = [...saved.pieces];
    this.#ranges = [...saved.ranges];
    this.#bytes = saved.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= OUT_OF_ORDER_BYTES && this.#pieces.length < OUT_OF_ORDER_SEGMENTS;
  }

  /** Index of the first piece that ends behind `seq`. */
  #pieceBehind(seq: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seqGt(endOf(this.#pieces[middle]), seq)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Merges a range with those it touches and puts it first. */
  #report(seq: number, end: number): void {
    let left = seq;
    let right = end;
    const apart = this.#ranges.filter((range) => {
      if (seqLt(range.right, left) || seqGt(range.left, right)) return true;
      if (seqLt(range.left, left)) left = range.left;
      if (seqGt(range.right, right)) right = range.right;
      return false;
    });
    this.#ranges = [{ left, right }, ...apart.slice(0, SACK_RANGES - 1)];
  }
}

function endOf(piece: Piece): number {
  return (piece.seq + piece.bytes.length) >>> 0;
}
