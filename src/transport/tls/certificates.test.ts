import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  CERTIFICATE_DAYS,
  createAuthority,
  createCrl,
  describeCertificate,
  describeCrl,
  issueCertificate,
} from './certificates.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const DAY_MS = 86_400_000;

describe('certificates', () => {
  it('a CA signs a certificate for both TLS roles, named by its SAN, 825 days long', async () => {
    const ca = await createAuthority('some CA', NOW);
    const pair = await issueCertificate(ca, 'gateway20.example', NOW);
    const facts = describeCertificate(pair.certificate);
    expect(facts).toMatchObject({
      names: ['gateway20.example'],
      isCa: false,
      issuer: 'CN=some CA',
      subject: 'CN=gateway20.example',
    });
    expect(facts.notAfter.getTime() - NOW.getTime()).toBe(CERTIFICATE_DAYS * DAY_MS);
    const certificate = new X509Certificate(pair.certificate);
    const issuer = new X509Certificate(ca.certificate);
    expect(issuer.ca).toBe(true);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(facts.fingerprint).toBe(certificate.fingerprint256.replaceAll(':', '').toLowerCase());
    expect(facts.pin).toMatch(/^sha256\/[A-Za-z0-9+/]{43}=$/);
  });

  it('two certificates of a name differ in serial, key and pin', async () => {
    const ca = await createAuthority('CA', NOW);
    const [one, two] = [await issueCertificate(ca, 'g', NOW), await issueCertificate(ca, 'g', NOW)].map((pair) =>
      describeCertificate(pair.certificate),
    );
    expect(one.serial).not.toBe(two.serial);
    expect(one.pin).not.toBe(two.pin);
  });

  it.each(['', '*.example', '.example', 'a b', 'a,CN=b', '-a', '../x', 'a'.repeat(254)])(
    'refuses the name %j',
    async (name) => {
      const ca = await createAuthority('CA', NOW);
      await expect(issueCertificate(ca, name, NOW)).rejects.toThrow(/cannot name a peer/);
    },
  );

  it.each([1, 127, 128, 255, 256, 65_536])('a revocation list, number %i, tells its serials', async (number) => {
    const ca = await createAuthority('CA', NOW);
    const { serial } = describeCertificate((await issueCertificate(ca, 'g', NOW)).certificate);
    const text = await createCrl(ca, [{ serial, revokedAt: NOW }], number, NOW);
    expect(text).toMatch(/^-----BEGIN X509 CRL-----\n/);
    expect(describeCrl(text)).toMatchObject({ issuer: 'CN=CA', revoked: [{ serial, revokedAt: NOW }] });
  });
});
