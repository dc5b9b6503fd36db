/** Parts of a TLS record header (RFC 8446 section 5.1): type 1, version 2, length 2. */
const HEADER_BYTES = 5;
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

/** Handshake messages that go in clear (RFC 8446 section 4). */
const HANDSHAKE_NAMES: Readonly<Record<number, string>> = { 1: 'ClientHello', 2: 'ServerHello' };

/** What TLS bytes of one flight hold: `ServerHello`, `4 encrypted`. Whole records; a rest that is none is left out. */
export function tlsFlight(bytes: Uint8Array): string[] {
  const names: string[] = [];
  let encrypted = 0;
  for (let at = 0; at + HEADER_BYTES <= bytes.length; at += HEADER_BYTES + lengthAt(bytes, at)) {
    const type = bytes[at];
    if (type === APPLICATION_DATA) encrypted += 1;
    else if (type === HANDSHAKE) names.push(HANDSHAKE_NAMES[bytes[at + HEADER_BYTES]] ?? 'handshake');
    else if (type === CHANGE_CIPHER_SPEC) names.push('ChangeCipherSpec');
    else if (type === ALERT) names.push('alert');
    else break;
  }
  return encrypted > 0 ? [...names, `${encrypted} encrypted`] : names;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return bytes[at + 3] * 256 + bytes[at + 4];
}
