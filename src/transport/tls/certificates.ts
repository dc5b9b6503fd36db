import { X509Certificate } from 'node:crypto';
import './reflect-metadata.ts';
import * as x509 from '@peculiar/x509';
import { isPeerName } from '../../actors/ssl/tls-peer.ts';
import { fingerprintOf, pinOf } from './certificate-facts.ts';

/** ECDSA on P-256 for the CA and all gateways: every TLS 1.3 implementation has it. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Ten years. */
const CA_DAYS = 3650;
/** What verifiers at large accept at most. */
export const CERTIFICATE_DAYS = 825;
/** A list is made anew at each revocation; without a CA at hand it must not stop a running network too soon. */
const CRL_DAYS = 825;
/** Clocks of two gateways may differ by so much. */
const CLOCK_SKEW_MS = 3_600_000;
const SERIAL_BYTES = 16;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const CRL_NUMBER = '2.5.29.20';

/** PEM texts of a certificate and its private key (PKCS #8). */
export interface KeyPairPem {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface RevokedSerial {
  /** Hex digits, as in `CertificateFacts.serial`. */
  readonly serial: string;
  readonly revokedAt: Date;
}

/** What `keys show` tells about a certificate. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** DNS names of the SAN: what a peer is recognised by. */
  readonly names: readonly string[];
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isCa: boolean;
  /** SHA-256 of the certificate, 64 hex digits. */
  readonly fingerprint: string;
  /** `sha256/BASE64` of the public key. */
  readonly pin: string;
}

export interface CrlFacts {
  readonly issuer: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly revoked: readonly RevokedSerial[];
}

/** A self-signed CA that may sign certificates and revocation lists, and no further CA. */
export async function createAuthority(name: string, now: Date): Promise<KeyPairPem> {
  const keys = await newKeys();
  const subject = new x509.Name([{ CN: [name] }]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject,
    issuer: subject,
    ...validity(now, CA_DAYS),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem('CERTIFICATE', certificate.rawData), privateKey: await exportKey(keys.privateKey) };
}

/** A gateway's certificate for both TLS roles; its SAN is the peer name. Throws on a name that is no DNS name. */
export async function issueCertificate(
  authority: KeyPairPem,
  name: string,
  now: Date,
  days: number = CERTIFICATE_DAYS,
): Promise<KeyPairPem> {
  if (!isPeerName(name))
    throw new Error(`"${name}" cannot name a peer: letters, digits, - and _ , parts joined by dots`);
  const keys = await newKeys();
  const ca = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: new x509.Name([{ CN: [name] }]),
    issuer: ca.subjectName,
    ...validity(now, days),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.privateKey),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH, CLIENT_AUTH]),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem('CERTIFICATE', certificate.rawData), privateKey: await exportKey(keys.privateKey) };
}

/** A revocation list (RFC 5280 section 5) of all `revoked`, as PEM; `number` grows with every list of a CA. */
export async function createCrl(
  authority: KeyPairPem,
  revoked: readonly RevokedSerial[],
  number: number,
  now: Date,
): Promise<string> {
  const ca = new x509.X509Certificate(authority.certificate);
  const { notBefore, notAfter } = validity(now, CRL_DAYS);
  const crl = await x509.X509CrlGenerator.create({
    issuer: ca.subjectName,
    thisUpdate: notBefore,
    nextUpdate: notAfter,
    entries: revoked.map(({ serial, revokedAt }) => ({ serialNumber: serial, revocationDate: revokedAt })),
    signingKey: await importKey(authority.privateKey),
    signingAlgorithm: ALGORITHM,
    extensions: [
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      new x509.Extension(CRL_NUMBER, false, derInteger(number)),
    ],
  });
  // The library's own label is not the one of RFC 7468, which OpenSSL wants.
  return pem('X509 CRL', crl.rawData);
}

/** Throws when `text` holds no certificate. */
export function describeCertificate(text: string): CertificateFacts {
  const certificate = new X509Certificate(text);
  const names = new x509.X509Certificate(text).getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    names: names.filter((name) => name.type === 'dns').map((name) => name.value),
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    isCa: certificate.ca,
    fingerprint: fingerprintOf(certificate),
    pin: pinOf(certificate),
  };
}

/** Throws when `text` holds no revocation list. */
export function describeCrl(text: string): CrlFacts {
  const crl = new x509.X509Crl(derOf(text));
  return {
    issuer: crl.issuer,
    thisUpdate: crl.thisUpdate,
    nextUpdate: crl.nextUpdate,
    revoked: crl.entries.map((entry) => ({ serial: entry.serialNumber, revokedAt: entry.revocationDate })),
  };
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', key));
}

function importKey(privateKey: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', derOf(privateKey), ALGORITHM, false, ['sign']);
}

/** Positive, without a leading zero byte, so that it is written alike everywhere. */
function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  };
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function derOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64'));
}

/** DER INTEGER of a non-negative safe integer below 2^47. */
function derInteger(value: number): ArrayBuffer {
  const hex = value.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const positive = Number.parseInt(even.slice(0, 2), 16) < 0x80 ? even : `00${even}`;
  const content = Buffer.from(positive, 'hex');
  return Uint8Array.from([2, content.length, ...content]).buffer;
}
