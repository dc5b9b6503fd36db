import { seqGe, seqGt, seqLe, seqLt, seqMax } from '../../wire/seq.ts';
import type { InSegment } from './segment.ts';
import { NONE } from './send-numbers.ts';

/**
 * Whether the repetitions since a reduction of the window were for nothing, so that the reduction was, too: by the timestamp that
 * the other side echoes (Eifel, RFC 3522) or by its reports of what it got twice (DSACK, RFC 3708).
 */
export class UndoWatch {
  /** SND.UNA when the window was reduced; NONE when there is nothing that could be undone. */
  #from = NONE;
  /** Repetitions that were not reported as needless. */
  #repetitions = 0;
  #repeated = false;
  /** Our timestamp on the oldest repetition that may be under way; NONE for none. */
  #stamp = NONE;
  /** Highest end of a repetition; NONE before the first. */
  #end = NONE;

  get watches(): boolean {
    return this.#from !== NONE;
  }

  /** The window is reduced because of a loss. */
  begin(una: number): void {
    this.#from = una;
    // What was repeated before, and is under way, would look like an original.
    if (this.#end !== NONE && seqGt(this.#end, una)) return;
    this.#repetitions = 0;
    this.#repeated = false;
  }

  end(): void {
    this.#from = NONE;
  }

  /** A segment up to `end` went out again; `stamp` is the timestamp that it carries, NONE without the option. */
  sentAgain(end: number, stamp: number, una: number): void {
    const isAlone = this.#end === NONE || seqLe(this.#end, una);
    if (isAlone) this.#stamp = stamp;
    if (isAlone && this.#from === NONE) this.#repetitions = 0;
    this.#end = isAlone ? end : seqMax(this.#end, end);
    this.#repeated = true;
    this.#repetitions += 1;
  }

  /** The other side got bytes from `left` on twice. */
  gotTwice(left: number): void {
    if (this.#from !== NONE && seqGe(left, this.#from)) this.#repetitions = Math.max(0, this.#repetitions - 1);
  }

  /** All repetitions arrived beside what they were to replace. */
  get allForNothing(): boolean {
    return this.#from !== NONE && this.#repeated && this.#repetitions === 0;
  }

  /** The segment was sent in answer to something older than the first repetition. */
  answersOriginal({ options }: InSegment): boolean {
    if (this.#from === NONE || !this.#repeated || this.#stamp === NONE || options.timestamps === undefined)
      return false;
    return seqLt(options.timestamps.echo, this.#stamp);
  }

  save(): readonly [number, number, boolean, number, number] {
    return [this.#from, this.#repetitions, this.#repeated, this.#stamp, this.#end];
  }

  restore(saved: readonly [number, number, boolean, number, number]): void {
    [this.#from, this.#repetitions, this.#repeated, this.#stamp, this.#end] = saved;
  }
}
