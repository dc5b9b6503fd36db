import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';

/** SHA-256 of the DER certificate, 64 hex digits. */
export function fingerprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex');
}

/** Pin of a certificate's public key. */
export function pinOf(certificate: X509Certificate): string {
  return spkiPin(certificate.publicKey);
}

/** SHA-256 of the subject public key info, written `sha256/BASE64` as in RFC 7469. */
export function spkiPin(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`;
}
