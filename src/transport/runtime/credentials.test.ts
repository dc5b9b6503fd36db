import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TunnelConfig } from '../../config/schema.ts';
import {
  createAuthority,
  createCrl,
  describeCertificate,
  issueCertificate,
  type KeyPairPem,
} from '../tls/certificates.ts';
import { loadCredentials } from './credentials.ts';
import type { SetupError } from './setup-error.ts';

const NOW = new Date('2031-05-01T00:00:00Z');
const DAY_MS = 86_400_000;
const later = (days: number) => new Date(NOW.getTime() + days * DAY_MS);

let folder: string;
let ca: KeyPairPem;
const files: Record<string, string> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gg-credentials-'));
  ca = await createAuthority('CA', later(-10));
  const otherCa = await createAuthority('other CA', later(-10));
  const own = await issueCertificate(ca, 'gateway20', later(-9), 100);
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
  put('ca.pem', ca.certificate);
  put('own.pem', own.certificate);
  put('own.key', own.privateKey);
  const strange = await issueCertificate(otherCa, 'gateway20', later(-9), 100);
  put('strange.pem', strange.certificate);
  put('strange.key', strange.privateKey);
  const other = await issueCertificate(ca, 'gateway30', later(-9), 100);
  put('other.pem', other.certificate);
  put('other.key', other.privateKey);
  const expired = await issueCertificate(ca, 'gateway20', later(-9), 5);
  put('expired.pem', expired.certificate);
  put('expired.key', expired.privateKey);
  const future = await issueCertificate(ca, 'gateway20', later(5), 5);
  put('future.pem', future.certificate);
  put('future.key', future.privateKey);
  const { serial } = describeCertificate(own.certificate);
  put('good.crl', await createCrl(ca, [], 1, later(-5)));
  put('old.crl', await createCrl(ca, [], 1, later(-900)));
  put('self.crl', await createCrl(ca, [{ serial, revokedAt: later(-1) }], 2, later(-1)));
  put('words', 'not a certificate');
  writeFileSync(join(folder, 'open.key'), own.privateKey, { mode: 0o644 });
  chmodSync(join(folder, 'open.key'), 0o644);
  mkdirSync(join(folder, 'folder'));
  for (const name of ['ca.pem', 'own.pem', 'own.key', 'good.crl', 'open.key']) files[name] = join(folder, name);
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(tls: Partial<TunnelConfig['tls']>) {
  const config = {
    name: 'gateway20',
    tls: { ca: 'ca.pem', certificate: 'own.pem', key: 'own.key', ...tls },
  } as TunnelConfig;
  return loadCredentials(config, 'g.yaml', folder, NOW);
}

function failure(tls: Partial<TunnelConfig['tls']>): string {
  try {
    load(tls);
  } catch (error) {
    const { fault, message } = error as SetupError;
    return `${fault}: ${message}`;
  }
  return 'no failure';
}

describe('loadCredentials', () => {
  it('takes what fits together', () => {
    const { credentials, warnings, notAfter } = load({ crl: 'good.crl' });
    expect(credentials.certificate).toContain('BEGIN CERTIFICATE');
    expect(credentials.crl).toContain('BEGIN X509 CRL');
    expect(warnings).toEqual([]);
    expect(notAfter.toISOString().slice(0, 10)).toBe('2031-07-31');
  });

  it('takes absolute paths, and warns of a key that others may read', () => {
    expect(load({ key: files['open.key'] }).warnings).toEqual([
      `g.yaml: tls.key: ${files['open.key']} may be read by others (mode 644); chmod 600 it`,
    ]);
  });

  it.each<[Partial<TunnelConfig['tls']>, string]>([
    [
      { certificate: 'none.pem' },
      'config: g.yaml: tls.certificate: there is no file FOLDER/none.pem; make one with `glassgate keys issue gateway20` where the CA is',
    ],
    [
      { ca: 'none.pem' },
      'config: g.yaml: tls.ca: there is no file FOLDER/none.pem; make a CA with `glassgate keys init`, or copy its ca.cert.pem here',
    ],
    [
      { key: 'none.key' },
      'config: g.yaml: tls.key: there is no file FOLDER/none.key; `glassgate keys issue gateway20` makes it together with the certificate',
    ],
    [
      { crl: 'none.crl' },
      'config: g.yaml: tls.crl: there is no file FOLDER/none.crl; copy the crl.pem of the CA here, or leave the key out',
    ],
    [{ ca: 'folder' }, 'config: g.yaml: tls.ca: FOLDER/folder is a folder, not a file'],
    [
      { certificate: 'words' },
      'config: g.yaml: tls.certificate: FOLDER/words holds no certificate in PEM form; `glassgate keys show` tells what a file is',
    ],
    [
      { key: 'words' },
      'config: g.yaml: tls.key: FOLDER/words holds no private key in PEM form that opens without a password',
    ],
    [{ crl: 'words' }, 'config: g.yaml: tls.crl: FOLDER/words holds no revocation list in PEM form'],
    [
      { ca: 'own.pem' },
      'config: g.yaml: tls.ca: FOLDER/own.pem is not the certificate of a CA; it is ca.cert.pem in the folder of the CA',
    ],
    [
      { key: 'other.key' },
      'config: g.yaml: tls.key: FOLDER/other.key is not the key of the certificate FOLDER/own.pem; both come from one `glassgate keys issue`',
    ],
    [
      { certificate: 'strange.pem', key: 'strange.key' },
      'config: g.yaml: tls.certificate: FOLDER/strange.pem was not issued by the CA in FOLDER/ca.pem; all gateways need certificates of one CA',
    ],
    [
      { certificate: 'other.pem', key: 'other.key' },
      "config: g.yaml: tls.certificate: FOLDER/other.pem is the certificate of gateway30, but this gateway's name is gateway20; peers would refuse it",
    ],
    [
      { certificate: 'expired.pem', key: 'expired.key' },
      'config: g.yaml: tls.certificate: FOLDER/expired.pem expired on 2031-04-27; issue a new one with `glassgate keys issue gateway20 --force`',
    ],
    [
      { certificate: 'future.pem', key: 'future.key' },
      'config: g.yaml: tls.certificate: FOLDER/future.pem is valid from 2031-05-05 on, and today is 2031-05-01; is the clock right?',
    ],
    [
      { crl: 'old.crl' },
      "config: g.yaml: tls.crl: FOLDER/old.crl expired on 2031-02-15, so no peer could be trusted; copy the CA's present list here",
    ],
    [{ crl: 'self.crl' }, "config: g.yaml: tls.crl: this gateway's own certificate is revoked; issue a new one"],
  ])('%j', (tls, message) => {
    expect(failure(tls)).toBe(message.replaceAll('FOLDER', folder));
  });

  it.skipIf(process.getuid?.() === 0)('a key of another user (skipped for root, who may read all)', () => {
    chmodSync(files['own.key']!, 0);
    try {
      expect(failure({})).toMatch(
        /^facility: g.yaml: tls.key: .*own.key may not be read by user \S+; let this user read it, or run as another$/,
      );
    } finally {
      chmodSync(files['own.key']!, 0o600);
    }
  });
});
