import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { matchPeer } from '../../actors/ssl/tls-peer.ts';
import type { PeerExpectation, TlsSecured } from '../../actors/ssl/tls-provider.ts';
import { fingerprintOf, pinOf } from './certificate-facts.ts';
import { classifyFailure, type Failure } from './failures.ts';

const REQUIRED_PROTOCOL = 'TLSv1.3';
/** SAN only, whole names only: a subject's common name or a wildcard proves nothing here. */
const EXACT_SAN = { subject: 'never', wildcards: false, partialWildcards: false } as const;

/**
 * The last word on a finished handshake, on both sides: `authorized` is asked again although node:tls was told to reject,
 * then the peer's name or key pin.
 */
export function checkPeer(socket: TLSSocket, expected: PeerExpectation): TlsSecured | Failure {
  if (!socket.authorized) return classifyFailure(new Error('not authorized'), verifyCodeOf(socket) ?? 'UNSPECIFIED');
  const protocol = socket.getProtocol() ?? '';
  if (protocol !== REQUIRED_PROTOCOL) return { reason: 'protocol-version', detail: protocol };
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  if (certificate === undefined) return { reason: 'no-certificate', detail: 'none shown' };
  const pin = pinOf(certificate);
  const hasName = (name: string) => certificate.checkHost(name, EXACT_SAN) !== undefined;
  const match = matchPeer(expected, { hasName, pin });
  if (match === undefined) return { reason: 'wrong-peer', detail: certificate.subjectAltName ?? 'no alternative name' };
  return {
    kind: 'secured',
    ...match,
    protocol,
    cipher: socket.getCipher().standardName,
    fingerprint: fingerprintOf(certificate),
    pin,
  };
}

/** node:tls keeps the verification code there; its type says Error. */
export function verifyCodeOf(socket: TLSSocket): string | undefined {
  const code: unknown = socket.authorizationError;
  return typeof code === 'string' ? code : undefined;
}
