import { sha256 } from '@noble/hashes/sha2.js';
import { concat } from '../../wire/bytes.ts';
import { textBytes } from './tls-model-records.ts';
import { matchPeer } from './tls-peer.ts';
import type { PeerExpectation, TlsFailure, TlsSecured } from './tls-provider.ts';

/** A certificate as far as a lab needs one: who, from whom, and what is wrong with it. */
export interface ModelCertificate {
  /** Names in the SAN. */
  readonly names: readonly string[];
  /** Name of the CA. */
  readonly issuer: string;
  readonly validity: 'valid' | 'expired' | 'not-yet-valid';
  /** Two certificates with the same key name have the same pin. */
  readonly key: string;
}

export interface ModelTrust {
  /** Names of the CAs. */
  readonly authorities: readonly string[];
  /** Keys (`ModelCertificate.key`) whose certificates are revoked. */
  readonly revokedKeys: readonly string[];
}

/** Length of a Certificate message's body with a leaf and its CA, both P-256, as OpenSSL sends it. */
const CERTIFICATE_BODY_BYTES = 823;

/** Body of a Certificate message; an undefined certificate is an empty list. */
export function writeModelCertificate(certificate: ModelCertificate | undefined): Uint8Array {
  if (certificate === undefined) return new Uint8Array(4);
  const text = textBytes(JSON.stringify(certificate));
  return concat(text, new Uint8Array(Math.max(0, CERTIFICATE_BODY_BYTES - text.length)));
}

/** `none` for an empty list, undefined for what the model never writes. */
export function readModelCertificate(body: Uint8Array): ModelCertificate | 'none' | undefined {
  if (body.every((byte) => byte === 0)) return 'none';
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body).replace(/\0+$/, ''));
  } catch {
    return undefined;
  }
  return isModelCertificate(value) ? value : undefined;
}

/** `sha256/BASE64`-shaped, made of the key's name. */
export function modelPin(key: string): string {
  return `sha256/${base64(sha256(textBytes(`model key ${key}`)))}`;
}

/** What this side thinks of the other's certificate: as the `openssl` provider judges, in the same order. */
export function judgeModelCertificate(
  shown: ModelCertificate | 'none',
  trust: ModelTrust,
  expected: PeerExpectation,
): TlsSecured | { reason: TlsFailure; detail: string } {
  if (shown === 'none') return { reason: 'no-certificate', detail: 'model' };
  if (!trust.authorities.includes(shown.issuer))
    return { reason: 'untrusted', detail: `model: issuer ${shown.issuer}` };
  if (shown.validity !== 'valid') return { reason: shown.validity, detail: 'model' };
  if (trust.revokedKeys.includes(shown.key)) return { reason: 'revoked', detail: `model: key ${shown.key}` };
  const pin = modelPin(shown.key);
  const hasName = (name: string) => shown.names.some((own) => own.toLowerCase() === name.toLowerCase());
  const match = matchPeer(expected, { hasName, pin });
  if (match === undefined) return { reason: 'wrong-peer', detail: `model: ${shown.names.join(', ')}` };
  return {
    kind: 'secured',
    ...match,
    protocol: 'TLSv1.3',
    cipher: 'MODEL_WITHOUT_SECURITY',
    fingerprint: hex(sha256(writeModelCertificate(shown))),
    pin,
  };
}

function isModelCertificate(value: unknown): value is ModelCertificate {
  if (typeof value !== 'object' || value === null) return false;
  const { names, issuer, validity, key } = value as Record<string, unknown>;
  const namesFit = Array.isArray(names) && names.every((name) => typeof name === 'string');
  const validityFits = validity === 'valid' || validity === 'expired' || validity === 'not-yet-valid';
  return namesFit && validityFits && typeof issuer === 'string' && typeof key === 'string';
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
