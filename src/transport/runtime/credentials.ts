import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { TunnelConfig } from '../../config/schema.ts';
import { type CrlFacts, describeCertificate, describeCrl } from '../tls/certificates.ts';
import type { TlsCredentials } from '../tls/openssl.ts';
import { readText } from './read-text.ts';
import { SetupError } from './setup-error.ts';

const OTHERS_MAY = 0o077;

export interface LoadedCredentials {
  readonly credentials: TlsCredentials;
  /** Last day of the own certificate. */
  readonly notAfter: Date;
  /** What works but should be put right. */
  readonly warnings: readonly string[];
}

/** Where one of the TLS files stands: the key of the configuration and the file. */
interface Place {
  readonly key: keyof TunnelConfig['tls'];
  readonly file: string;
  /** `g.yaml: tls.ca` */
  readonly where: string;
}

/**
 * Reads the gateway's certificate, key, CA and revocation list and checks that a handshake can succeed with them. Relative paths start at
 * `folder`. Throws SetupError: one message for the first thing that is wrong.
 */
export function loadCredentials(config: TunnelConfig, file: string, folder: string, now: Date): LoadedCredentials {
  const place = (key: keyof TunnelConfig['tls']): Place | undefined => {
    const path = config.tls[key];
    return path === undefined
      ? undefined
      : { key, file: isAbsolute(path) ? path : resolve(folder, path), where: `${file}: tls.${key}` };
  };
  const [caAt, certificateAt, keyAt] = [place('ca'), place('certificate'), place('key')] as [Place, Place, Place];
  const ca = certificateOf(caAt, 'make a CA with `glassgate keys init`, or copy its ca.cert.pem here');
  const certificate = certificateOf(
    certificateAt,
    `make one with \`glassgate keys issue ${config.name}\` where the CA is`,
  );
  const key = privateKeyOf(keyAt, `\`glassgate keys issue ${config.name}\` makes it together with the certificate`);
  checkAuthority(caAt, ca.parsed, now);
  checkOwn(certificateAt, certificate.parsed, config.name, now);
  if (!certificate.parsed.checkPrivateKey(key.parsed))
    throw new SetupError(
      'config',
      `${keyAt.where}: ${keyAt.file} is not the key of the certificate ${certificateAt.file}; both come from one \`glassgate keys issue\``,
    );
  if (!certificate.parsed.checkIssued(ca.parsed) || !certificate.parsed.verify(ca.parsed.publicKey))
    throw new SetupError(
      'config',
      `${certificateAt.where}: ${certificateAt.file} was not issued by the CA in ${caAt.file}; all gateways need certificates of one CA`,
    );
  const crlAt = place('crl');
  const crl = crlAt === undefined ? undefined : crlOf(crlAt, certificate.parsed, now);
  return {
    credentials: { certificate: certificate.text, privateKey: key.text, ca: ca.text, crl },
    notAfter: certificate.parsed.validToDate,
    warnings: openKey(keyAt),
  };
}

function certificateOf(at: Place, remedy: string): { text: string; parsed: X509Certificate } {
  const text = readText(at.file, at.where, remedy);
  try {
    return { text, parsed: new X509Certificate(text) };
  } catch {
    throw new SetupError(
      'config',
      `${at.where}: ${at.file} holds no certificate in PEM form; \`glassgate keys show\` tells what a file is`,
    );
  }
}

function privateKeyOf(at: Place, remedy: string): { text: string; parsed: KeyObject } {
  const text = readText(at.file, at.where, remedy);
  try {
    return { text, parsed: createPrivateKey(text) };
  } catch {
    // OpenSSL's own words are left out: they could quote the file.
    throw new SetupError(
      'config',
      `${at.where}: ${at.file} holds no private key in PEM form that opens without a password`,
    );
  }
}

function checkAuthority(at: Place, ca: X509Certificate, now: Date): void {
  if (!ca.ca)
    throw new SetupError(
      'config',
      `${at.where}: ${at.file} is not the certificate of a CA; it is ca.cert.pem in the folder of the CA`,
    );
  checkDates(at, ca, now, 'make a new CA and issue all certificates anew');
}

function checkOwn(at: Place, own: X509Certificate, name: string, now: Date): void {
  checkDates(at, own, now, `issue a new one with \`glassgate keys issue ${name} --force\``);
  const { names } = describeCertificate(own.toString());
  if (names.includes(name)) return;
  const whose = names.length === 0 ? 'nobody' : names.join(', ');
  throw new SetupError(
    'config',
    `${at.where}: ${at.file} is the certificate of ${whose}, but this gateway's name is ${name}; peers would refuse it`,
  );
}

function checkDates(at: Place, certificate: X509Certificate, now: Date, remedy: string): void {
  const { validFromDate, validToDate } = certificate;
  if (validToDate < now)
    throw new SetupError('config', `${at.where}: ${at.file} expired on ${day(validToDate)}; ${remedy}`);
  if (validFromDate > now)
    throw new SetupError(
      'config',
      `${at.where}: ${at.file} is valid from ${day(validFromDate)} on, and today is ${day(now)}; is the clock right?`,
    );
}

function crlOf(at: Place, own: X509Certificate, now: Date): string {
  const text = readText(at.file, at.where, 'copy the crl.pem of the CA here, or leave the key out');
  let crl: CrlFacts;
  try {
    crl = describeCrl(text);
  } catch {
    throw new SetupError('config', `${at.where}: ${at.file} holds no revocation list in PEM form`);
  }
  if (crl.nextUpdate !== undefined && crl.nextUpdate < now)
    throw new SetupError(
      'config',
      `${at.where}: ${at.file} expired on ${day(crl.nextUpdate)}, so no peer could be trusted; copy the CA's present list here`,
    );
  const serial = own.serialNumber.toLowerCase();
  if (crl.revoked.some((one) => one.serial.toLowerCase() === serial))
    throw new SetupError('config', `${at.where}: this gateway's own certificate is revoked; issue a new one`);
  return text;
}

function openKey(at: Place): string[] {
  const mode = statSync(at.file).mode & 0o777;
  return (mode & OTHERS_MAY) === 0
    ? []
    : [`${at.where}: ${at.file} may be read by others (mode ${mode.toString(8)}); chmod 600 it`];
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
