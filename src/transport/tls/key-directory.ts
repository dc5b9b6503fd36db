import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { isPeerName } from '../../actors/ssl/tls-peer.ts';
import {
  type CertificateFacts,
  createAuthority,
  createCrl,
  describeCertificate,
  issueCertificate,
  type KeyPairPem,
} from './certificates.ts';

/** A folder with a CA, the certificates it issued, its revocation list, and an index without secrets. */

const SECRET_MODE = 0o600;
const PUBLIC_MODE = 0o644;
const FOLDER_MODE = 0o700;
const AUTHORITY = 'ca';

const IssuedSchema = z.strictObject({
  name: z.string(),
  serial: z.string().regex(/^[0-9a-f]+$/),
  fingerprint: z.string(),
  pin: z.string(),
  notAfter: z.iso.datetime(),
  revokedAt: z.iso.datetime().optional(),
});
const IndexSchema = z.strictObject({
  version: z.literal(1),
  crlNumber: z.int().positive(),
  certificates: z.array(IssuedSchema),
});

/** One certificate that the CA issued. */
export type Issued = z.infer<typeof IssuedSchema>;
type Index = z.infer<typeof IndexSchema>;

export interface KeyFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** What an operator can put right; the message says how. */
export class KeyDirectoryError extends Error {
  override readonly name = 'KeyDirectoryError';
}

export interface Written {
  readonly facts: CertificateFacts;
  readonly files: KeyFiles;
}

/** Every method throws `KeyDirectoryError` for what the operator can put right. */
export class KeyDirectory {
  readonly path: string;
  readonly crlFile: string;
  readonly #indexFile: string;

  constructor(path: string) {
    this.path = path;
    this.crlFile = join(path, 'crl.pem');
    this.#indexFile = join(path, 'index.json');
  }

  filesOf(name: string): KeyFiles {
    return { certificate: join(this.path, `${name}.cert.pem`), privateKey: join(this.path, `${name}.key.pem`) };
  }

  /** Makes the CA and an empty revocation list. With `force` an old CA is replaced: all that it issued becomes worthless. */
  async init(caName: string, force: boolean, now: Date): Promise<Written> {
    const files = this.filesOf(AUTHORITY);
    this.#refuseExisting([files.certificate, files.privateKey, this.crlFile, this.#indexFile], force);
    mkdirSync(this.path, { recursive: true, mode: FOLDER_MODE });
    const authority = await createAuthority(caName, now);
    const index: Index = { version: 1, crlNumber: 1, certificates: [] };
    const crl = await createCrl(authority, [], index.crlNumber, now);
    writePair(files, authority, force);
    writeWhole(this.crlFile, crl, PUBLIC_MODE, force);
    this.#writeIndex(index, force);
    return { facts: describeCertificate(authority.certificate), files };
  }

  /** With `force` the files of an earlier certificate are replaced; it stays good until it is revoked by its serial. */
  async issue(name: string, days: number, force: boolean, now: Date): Promise<Written> {
    requireName(name);
    const files = this.filesOf(name);
    const index = this.#readIndex();
    this.#refuseExisting([files.certificate, files.privateKey], force);
    const pair = await issueCertificate(this.#authority(), name, now, days);
    const facts = describeCertificate(pair.certificate);
    const { serial, fingerprint, pin } = facts;
    // The index first: a certificate that is not in it could never be revoked.
    index.certificates.push({ name, serial, fingerprint, pin, notAfter: facts.notAfter.toISOString() });
    this.#writeIndex(index, true);
    writePair(files, pair, force);
    return { facts, files };
  }

  /** Revokes all certificates of `name`, or the one with `serial`, and writes the list anew. Answers those newly revoked. */
  async revoke(name: string, serial: string | undefined, now: Date): Promise<readonly Issued[]> {
    const index = this.#readIndex();
    const ofName = index.certificates.filter((issued) => issued.name === name);
    if (ofName.length === 0) throw new KeyDirectoryError(`no certificate for "${name}" was issued in ${this.path}`);
    const chosen = ofName.filter((issued) => serial === undefined || issued.serial === serial.toLowerCase());
    if (chosen.length === 0) throw new KeyDirectoryError(`"${name}" has no certificate with the serial ${serial}`);
    const fresh = chosen.filter((issued) => issued.revokedAt === undefined);
    if (fresh.length === 0) throw new KeyDirectoryError(`"${name}" is revoked already`);
    for (const issued of fresh) issued.revokedAt = now.toISOString();
    index.crlNumber += 1;
    const revoked = index.certificates.flatMap((issued) =>
      issued.revokedAt === undefined ? [] : [{ serial: issued.serial, revokedAt: new Date(issued.revokedAt) }],
    );
    const crl = await createCrl(this.#authority(), revoked, index.crlNumber, now);
    this.#writeIndex(index, true);
    writeWhole(this.crlFile, crl, PUBLIC_MODE, true);
    return fresh;
  }

  /** Oldest first. */
  list(): readonly Issued[] {
    return this.#readIndex().certificates;
  }

  #authority(): KeyPairPem {
    const { certificate, privateKey } = this.filesOf(AUTHORITY);
    return { certificate: readText(certificate), privateKey: readText(privateKey) };
  }

  #readIndex(): Index {
    if (!existsSync(this.#indexFile)) {
      throw new KeyDirectoryError(
        `there is no CA in ${this.path}: make one with "glassgate keys init --dir ${this.path}"`,
      );
    }
    let value: unknown;
    try {
      value = JSON.parse(readText(this.#indexFile));
    } catch (error) {
      if (error instanceof KeyDirectoryError) throw error;
      throw new KeyDirectoryError(`${this.#indexFile} is no JSON`);
    }
    const index = IndexSchema.safeParse(value);
    if (!index.success) throw new KeyDirectoryError(`${this.#indexFile}: ${z.prettifyError(index.error)}`);
    return index.data;
  }

  #writeIndex(index: Index, force: boolean): void {
    writeWhole(this.#indexFile, `${JSON.stringify(index, undefined, 2)}\n`, PUBLIC_MODE, force);
  }

  #refuseExisting(files: readonly string[], force: boolean): void {
    const existing = files.filter((file) => existsSync(file));
    if (force || existing.length === 0) return;
    throw new KeyDirectoryError(`${existing.join(', ')} would be overwritten: say --force if that is meant`);
  }
}

function requireName(name: string): void {
  if (!isPeerName(name)) {
    throw new KeyDirectoryError(`"${name}" cannot name a peer: letters, digits, - and _ , parts joined by dots`);
  }
  if (name.toLowerCase() === AUTHORITY) throw new KeyDirectoryError(`"${name}" is the name of the CA's own files`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new KeyDirectoryError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function writePair(files: KeyFiles, pair: KeyPairPem, force: boolean): void {
  writeWhole(files.privateKey, pair.privateKey, SECRET_MODE, force);
  writeWhole(files.certificate, pair.certificate, PUBLIC_MODE, force);
}

/** All of it or nothing, with its mode from the first byte on. Without `force` an existing file is never touched. */
function writeWhole(file: string, text: string, mode: number, force: boolean): void {
  const draft = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { mode, flag: 'wx' });
    if (force) renameSync(draft, file);
    else linkSync(draft, file);
  } catch (error) {
    throw new KeyDirectoryError(`${file} cannot be written: ${(error as Error).message}`);
  } finally {
    rmSync(draft, { force: true });
  }
}
