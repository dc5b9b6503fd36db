/**
 * The replay window of RFC 6479: a ring of words that slides without shifting bits. One word more than the window
 * needs, so that the word being cleared for new numbers never holds one that is still inside.
 */

/** How many numbers back from the highest one are told apart. */
export const REPLAY_WINDOW_NUMBERS = 8192;

const BITS_PER_WORD = 32;
const RING_WORDS = REPLAY_WINDOW_NUMBERS / BITS_PER_WORD + 1;

/** What the window thinks of a number. Only 'fresh' may be opened. */
export type WindowVerdict = 'fresh' | 'old' | 'seen' | 'zero';

/** Plain data of a window. */
export interface SavedReplayWindow {
  readonly version: 1;
  /** The highest number marked, 0 when none was. */
  readonly highest: number;
  readonly words: readonly number[];
}

/** Which numbers of one key have been seen. Numbers are non-negative integers below 2^48. */
export class ReplayWindow {
  #highest = 0;
  readonly #ring = new Uint32Array(RING_WORDS);

  /** The highest number marked so far, 0 when none was. */
  get highest(): number {
    return this.#highest;
  }

  /** Judges a number without remembering it. */
  check(seq: number): WindowVerdict {
    if (seq === 0) return 'zero';
    if (seq > this.#highest) return 'fresh';
    if (this.#highest - seq >= REPLAY_WINDOW_NUMBERS) return 'old';
    return (this.#ring[wordOf(seq) % RING_WORDS] & bitOf(seq)) === 0 ? 'fresh' : 'seen';
  }

  /** Remembers a number whose record has opened. Numbers that are not fresh change nothing. */
  mark(seq: number): void {
    if (this.check(seq) !== 'fresh') return;
    if (seq > this.#highest) this.#slideTo(seq);
    this.#ring[wordOf(seq) % RING_WORDS] |= bitOf(seq);
  }

  /** Plain data that `restore` takes. */
  save(): SavedReplayWindow {
    return { version: 1, highest: this.#highest, words: [...this.#ring] };
  }

  /** Takes over what `save` gave. */
  restore(saved: SavedReplayWindow): void {
    if (saved.version !== 1 || saved.words.length !== RING_WORDS) throw new Error('not a saved replay window');
    this.#highest = saved.highest;
    this.#ring.set(saved.words);
  }

  #slideTo(seq: number): void {
    const from = wordOf(this.#highest);
    const steps = Math.min(wordOf(seq) - from, RING_WORDS);
    for (let step = 1; step <= steps; step += 1) this.#ring[(from + step) % RING_WORDS] = 0;
    this.#highest = seq;
  }
}

function wordOf(seq: number): number {
  return Math.floor(seq / BITS_PER_WORD);
}

function bitOf(seq: number): number {
  return 1 << (seq % BITS_PER_WORD);
}
