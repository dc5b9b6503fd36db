import { concat, u16 } from '../../wire/bytes.ts';
import type { SeededRandom } from '../random.ts';

/** ClientHello and ServerHello of the `model` provider: well-formed (RFC 8446 section 4.1), as long as OpenSSL's, with invented shares. */

export const MESSAGE = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  encryptedExtensions: 8,
  certificate: 11,
  certificateRequest: 13,
  certificateVerify: 15,
  finished: 20,
} as const;

export const RANDOM_BYTES = 32;
/** A client's hello of OpenSSL 3.5 with X25519MLKEM768, without the record header. */
const CLIENT_HELLO_BYTES = 1396;
const SESSION_ID_BYTES = 32;
const MLKEM_CLIENT_SHARE_BYTES = 1216;
const MLKEM_SERVER_SHARE_BYTES = 1120;
const X25519_SHARE_BYTES = 32;
const GROUP_X25519MLKEM768 = 0x11ec;
const GROUP_X25519 = 0x001d;
const GROUP_P256 = 0x0017;
const VERSION_13 = 0x0304;
const VERSION_12 = 0x0303;
const SUITES = [0x1302, 0x1303, 0x1301];
const SIGNATURES = [0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806];
const EXTENSION = {
  supportedGroups: 10,
  signatureAlgorithms: 13,
  padding: 21,
  supportedVersions: 43,
  pskKeyExchangeModes: 45,
  keyShare: 51,
} as const;

export interface ClientHello {
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly offers13: boolean;
}

/** type 1, length 3, body. */
export function handshakeMessage(type: number, body: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(type, body.length >> 16, (body.length >> 8) & 0xff, body.length & 0xff), body);
}

/** The one message that a record's content holds, or undefined: the model never puts two into one. */
export function readHandshakeMessage(content: Uint8Array): { type: number; body: Uint8Array } | undefined {
  if (content.length < 4) return undefined;
  const length = (content[1] << 16) | (content[2] << 8) | content[3];
  return length === content.length - 4 ? { type: content[0], body: content.subarray(4) } : undefined;
}

export function buildClientHello(random: Uint8Array, source: SeededRandom, offers13: boolean): Uint8Array {
  const start = concat(
    be16(VERSION_12),
    random,
    vector8(source.bytes(SESSION_ID_BYTES)),
    vector16(concat(...SUITES.map(be16))),
    vector8(Uint8Array.of(0)),
  );
  const extensions = [
    extension(
      EXTENSION.supportedGroups,
      vector16(concat(...[GROUP_X25519MLKEM768, GROUP_X25519, GROUP_P256].map(be16))),
    ),
    extension(EXTENSION.signatureAlgorithms, vector16(concat(...SIGNATURES.map(be16)))),
  ];
  if (!offers13) return handshakeMessage(MESSAGE.clientHello, concat(start, vector16(concat(...extensions))));
  const shares = concat(
    share(GROUP_X25519MLKEM768, source.bytes(MLKEM_CLIENT_SHARE_BYTES)),
    share(GROUP_X25519, source.bytes(X25519_SHARE_BYTES)),
  );
  extensions.push(
    extension(EXTENSION.supportedVersions, vector8(be16(VERSION_13))),
    extension(EXTENSION.pskKeyExchangeModes, vector8(Uint8Array.of(1))),
    extension(EXTENSION.keyShare, vector16(shares)),
  );
  const unpadded = concat(...extensions);
  // 4 bytes of message header, 2 of the extensions' length, 4 of the padding's own header.
  const padding = CLIENT_HELLO_BYTES - 4 - start.length - 2 - unpadded.length - 4;
  const padded = concat(unpadded, extension(EXTENSION.padding, new Uint8Array(padding)));
  return handshakeMessage(MESSAGE.clientHello, concat(start, vector16(padded)));
}

export function buildServerHello(random: Uint8Array, sessionId: Uint8Array, source: SeededRandom): Uint8Array {
  const extensions = concat(
    extension(EXTENSION.supportedVersions, be16(VERSION_13)),
    extension(EXTENSION.keyShare, share(GROUP_X25519MLKEM768, source.bytes(MLKEM_SERVER_SHARE_BYTES))),
  );
  const body = concat(
    be16(VERSION_12),
    random,
    vector8(sessionId),
    be16(SUITES[0]),
    Uint8Array.of(0),
    vector16(extensions),
  );
  return handshakeMessage(MESSAGE.serverHello, body);
}

/** Undefined for anything that is not a whole ClientHello. */
export function readClientHello(content: Uint8Array): ClientHello | undefined {
  const message = readHandshakeMessage(content);
  if (message?.type !== MESSAGE.clientHello || message.body.length < 2 + RANDOM_BYTES + 1) return undefined;
  const { body } = message;
  const sessionId = takeVector(body, 2 + RANDOM_BYTES, 1);
  const suites = sessionId && takeVector(body, sessionId.end, 2);
  const compressions = suites && takeVector(body, suites.end, 1);
  const extensions = compressions && takeVector(body, compressions.end, 2);
  if (extensions?.end !== body.length) return undefined;
  const versions = findExtension(extensions.bytes, EXTENSION.supportedVersions);
  return {
    random: body.slice(2, 2 + RANDOM_BYTES),
    sessionId: sessionId!.bytes.slice(),
    offers13: versions !== undefined && listHolds(versions, VERSION_13),
  };
}

/** The server's random, or undefined for anything that is not a ServerHello. */
export function readServerHello(content: Uint8Array): Uint8Array | undefined {
  const message = readHandshakeMessage(content);
  if (message?.type !== MESSAGE.serverHello || message.body.length < 2 + RANDOM_BYTES) return undefined;
  return message.body.slice(2, 2 + RANDOM_BYTES);
}

function takeVector(bytes: Uint8Array, at: number, lengthBytes: 1 | 2): { bytes: Uint8Array; end: number } | undefined {
  const start = at + lengthBytes;
  if (start > bytes.length) return undefined;
  const length = lengthBytes === 1 ? bytes[at] : u16(bytes, at);
  const end = start + length;
  return end > bytes.length ? undefined : { bytes: bytes.subarray(start, end), end };
}

function findExtension(extensions: Uint8Array, wanted: number): Uint8Array | undefined {
  for (let at = 0; at + 4 <= extensions.length; ) {
    const type = u16(extensions, at);
    const value = takeVector(extensions, at + 2, 2);
    if (value === undefined) return undefined;
    if (type === wanted) return value.bytes;
    at = value.end;
  }
  return undefined;
}

/** Whether a list of 16-bit values behind a one-byte length holds `value`. */
function listHolds(list: Uint8Array, value: number): boolean {
  for (let at = 1; at + 1 < list.length; at += 2) if (u16(list, at) === value) return true;
  return false;
}

function share(group: number, key: Uint8Array): Uint8Array {
  return concat(be16(group), vector16(key));
}

function extension(type: number, value: Uint8Array): Uint8Array {
  return concat(be16(type), vector16(value));
}

function vector8(bytes: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(bytes.length), bytes);
}

function vector16(bytes: Uint8Array): Uint8Array {
  return concat(be16(bytes.length), bytes);
}

function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
