import type { TlsFailure } from '../../actors/ssl/tls-provider.ts';

export interface Failure {
  readonly reason: TlsFailure;
  readonly detail: string;
}

/** Codes of OpenSSL's certificate verification (X509_V_ERR_*, without the prefix) and of node:tls, where the meaning is certain. */
const REASONS: Readonly<Record<string, TlsFailure>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not-yet-valid',
  CERT_REVOKED: 'revoked',
  UNABLE_TO_GET_CRL: 'revocation-unknown',
  UNABLE_TO_GET_CRL_ISSUER: 'revocation-unknown',
  CRL_SIGNATURE_FAILURE: 'revocation-unknown',
  CRL_NOT_YET_VALID: 'revocation-unknown',
  CRL_HAS_EXPIRED: 'revocation-unknown',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'no-certificate',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'protocol-version',
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: 'protocol-version',
  ERR_SSL_WRONG_SSL_VERSION: 'protocol-version',
  ERR_SSL_VERSION_TOO_LOW: 'protocol-version',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'protocol-version',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'timeout',
  ECONNRESET: 'closed-early',
  ERR_STREAM_PREMATURE_CLOSE: 'closed-early',
};

/** Verification codes that all mean: this chain does not lead to a configured CA, or the certificate is not for this use. */
const UNTRUSTED = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
]);

/** Turns an error of node:tls, or a verification code given alone, into the contract's reason. */
export function classifyFailure(error: Error & { code?: string }, verifyCode?: string): Failure {
  const code = verifyCode ?? error.code ?? '';
  const detail = verifyCode ?? `${code} ${error.message}`.trim();
  const known = REASONS[code];
  if (known !== undefined) return { reason: known, detail };
  if (verifyCode !== undefined || UNTRUSTED.has(code)) return { reason: 'untrusted', detail };
  if (/^ERR_SSL_.*ALERT_/.test(code)) return { reason: 'alert', detail };
  if (code.startsWith('ERR_SSL_')) return { reason: 'malformed', detail };
  return { reason: 'internal', detail };
}
