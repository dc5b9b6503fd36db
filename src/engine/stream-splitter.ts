import { concat, EMPTY, u16 } from '../wire/bytes.ts';
import { clearUnitLength, isClearUnitType } from '../wire/clear-unit.ts';
import { unitFault } from '../wire/unit.ts';

/** What the byte stream between SSL and its TCP holds, one after the other, told apart by the first byte. */
export type StreamPart =
  | { readonly kind: 'tls'; readonly bytes: Uint8Array }
  | { readonly kind: 'unit'; readonly bytes: Uint8Array };

const TLS_HEADER_BYTES = 5;
const TLS_CONTENT_FIRST = 0x14;
const TLS_CONTENT_LAST = 0x17;
/** RFC 8446 section 5.2: 2^14 of plaintext and at most 256 more. */
const TLS_RECORD_MAX_BYTES = 16_384 + 256;

/** Plain data of a splitter. */
export interface SavedSplitter {
  readonly rest: Uint8Array;
  readonly broken: boolean;
}

/**
 * Cuts a byte stream into whole TLS records and whole units (F14 records), however TCP delivered it. After something that is
 * neither it is broken for good: a byte stream has no way back.
 */
export class StreamSplitter {
  #rest: Uint8Array = EMPTY;
  #broken = false;

  get broken(): boolean {
    return this.#broken;
  }

  /** Whole parts that `bytes` completed. Never holds more than one part's bytes beyond what is returned. */
  push(bytes: Uint8Array): StreamPart[] {
    if (this.#broken) return [];
    const all = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    const parts: StreamPart[] = [];
    let at = 0;
    for (;;) {
      const length = this.#partLength(all, at);
      if (length === undefined || all.length - at < length) break;
      const part = all.subarray(at, at + length);
      parts.push(isTls(all[at] as number) ? { kind: 'tls', bytes: part } : { kind: 'unit', bytes: part });
      at += length;
    }
    this.#rest = at === all.length ? EMPTY : all.slice(at);
    return parts;
  }

  save(): SavedSplitter {
    return { rest: this.#rest.slice(), broken: this.#broken };
  }

  restore(saved: SavedSplitter): void {
    this.#rest = saved.rest;
    this.#broken = saved.broken;
  }

  /** Length of the part that begins at `at`, undefined while too little is there to know, or when the stream is broken. */
  #partLength(bytes: Uint8Array, at: number): number | undefined {
    const have = bytes.length - at;
    if (have < 1) return undefined;
    if (isTls(bytes[at] as number)) {
      if (have < TLS_HEADER_BYTES) return undefined;
      const length = u16(bytes, at + 3);
      return length <= TLS_RECORD_MAX_BYTES ? TLS_HEADER_BYTES + length : this.#breaks();
    }
    if (isClearUnitType(bytes[at] as number)) return this.#possible(clearUnitLength(bytes, at, bytes.length));
    const fault = unitFault(bytes, at, bytes.length);
    if (fault === undefined) return u16(bytes, at + 2);
    return fault === 'unit-truncated' ? undefined : this.#breaks();
  }

  #possible(length: number | undefined): number | undefined {
    return length === 0 ? this.#breaks() : length;
  }

  #breaks(): undefined {
    this.#broken = true;
    return undefined;
  }
}

function isTls(firstByte: number): boolean {
  return firstByte >= TLS_CONTENT_FIRST && firstByte <= TLS_CONTENT_LAST;
}
