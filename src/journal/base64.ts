/** Base64 (RFC 4648 section 4) without Node's Buffer, quick on the short byte arrays that journal records hold. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CODE_OF_SEXTET = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const PADDING = '='.charCodeAt(0);
/** Bytes of text written in one piece; longer input is cut at a multiple of 3 bytes. */
const SCRATCH_BYTES = 4 * 4096;
const PIECE_BYTES = (SCRATCH_BYTES / 4) * 3;

const scratch = new Uint8Array(SCRATCH_BYTES);
const latin1 = new TextDecoder('latin1');

export function toBase64(bytes: Uint8Array): string {
  if (bytes.length <= PIECE_BYTES) return pieceToBase64(bytes);
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) text += pieceToBase64(bytes.subarray(at, at + PIECE_BYTES));
  return text;
}

/** The bytes that base64 text stands for; undefined for other text. */
export function fromBase64(text: string): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

function pieceToBase64(bytes: Uint8Array): string {
  const wholeEnd = bytes.length - (bytes.length % 3);
  let out = 0;
  for (let at = 0; at < wholeEnd; at += 3) {
    const bits = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    scratch[out++] = CODE_OF_SEXTET[bits >> 18];
    scratch[out++] = CODE_OF_SEXTET[(bits >> 12) & 63];
    scratch[out++] = CODE_OF_SEXTET[(bits >> 6) & 63];
    scratch[out++] = CODE_OF_SEXTET[bits & 63];
  }
  if (wholeEnd < bytes.length) out = putRest(bytes, wholeEnd, out);
  return latin1.decode(scratch.subarray(0, out));
}

function putRest(bytes: Uint8Array, at: number, out: number): number {
  const isTwo = at + 2 === bytes.length;
  const bits = (bytes[at] << 16) | (isTwo ? bytes[at + 1] << 8 : 0);
  scratch[out] = CODE_OF_SEXTET[bits >> 18];
  scratch[out + 1] = CODE_OF_SEXTET[(bits >> 12) & 63];
  scratch[out + 2] = isTwo ? CODE_OF_SEXTET[(bits >> 6) & 63] : PADDING;
  scratch[out + 3] = PADDING;
  return out + 4;
}
