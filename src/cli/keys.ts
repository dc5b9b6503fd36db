import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { spkiPin } from '../transport/tls/certificate-facts.ts';
import { CERTIFICATE_DAYS, describeCertificate, describeCrl } from '../transport/tls/certificates.ts';
import { type Issued, KeyDirectory, KeyDirectoryError, type Written } from '../transport/tls/key-directory.ts';
import { EXIT_CONFIG } from './exit-codes.ts';

const DEFAULT_DIR = 'keys';
const DEFAULT_CA_NAME = 'glassgate CA';

interface DirOptions {
  readonly dir: string;
  readonly json?: boolean;
}

/** What a command tells: `result` for machines, `text` for people. */
interface Answer {
  readonly result: unknown;
  readonly text: string;
}

/** `glassgate keys`: a CA, certificates and a revocation list in a folder. */
export function keysCommand(): Command {
  const keys = new Command('keys')
    .description('Make a CA, certificates for gateways, and revocation lists.')
    .addHelpText('after', '\nExit codes: 0 done, 2 refused or wrong arguments.');
  keys
    .command('init')
    .description('make a CA and an empty revocation list')
    .option('--name <name>', 'name of the CA', DEFAULT_CA_NAME)
    .option('--force', 'replace an existing CA; all that it issued becomes worthless')
    .action((options: DirOptions & { name: string; force?: boolean }, command: Command) =>
      tell(command, () => init(options)),
    );
  keys
    .command('issue')
    .description("make a gateway's private key and certificate")
    .argument('<name>', 'peer name, as the other side has it in its configuration')
    .option('--days <days>', 'validity', positiveInteger, CERTIFICATE_DAYS)
    .option('--force', 'replace existing files of this name')
    .action((name: string, options: DirOptions & { days: number; force?: boolean }, command: Command) =>
      tell(command, () => issue(name, options)),
    );
  keys
    .command('revoke')
    .description('put the certificates of a name on the revocation list')
    .argument('<name>', 'peer name')
    .option('--serial <hex>', 'only the certificate with this serial number')
    .action((name: string, options: DirOptions & { serial?: string }, command: Command) =>
      tell(command, () => revoke(name, options)),
    );
  keys
    .command('list')
    .description('list the certificates that the CA issued')
    .action((options: DirOptions, command: Command) => tell(command, () => list(options)));
  for (const command of keys.commands) command.option('--dir <dir>', 'folder of the CA', DEFAULT_DIR);
  keys
    .command('show')
    .description('tell what a certificate, revocation list or private key file is, without secrets')
    .argument('<file>', 'PEM file')
    .action((file: string, _options: unknown, command: Command) => tell(command, () => show(file)));
  for (const command of keys.commands) command.option('--json', 'print JSON');
  return keys;
}

async function tell(command: Command, work: () => Answer | Promise<Answer>): Promise<void> {
  try {
    const { result, text } = await work();
    const output = command.opts<{ json?: boolean }>().json ? JSON.stringify(result) : text;
    command.configureOutput().writeOut?.(`${output}\n`);
  } catch (error) {
    if (!(error instanceof KeyDirectoryError)) throw error;
    command.error(`glassgate: ${error.message}`, { exitCode: EXIT_CONFIG, code: 'glassgate.keys' });
  }
}

async function init(options: { dir: string; name: string; force?: boolean }): Promise<Answer> {
  const directory = new KeyDirectory(options.dir);
  const made = await directory.init(options.name, options.force === true, new Date());
  return {
    result: { ...written(made), crl: directory.crlFile },
    text: [
      `Made the CA "${options.name}", valid until ${day(made.facts.notAfter)}.`,
      `  certificate      ${made.files.certificate}   (each gateway needs it)`,
      `  revocation list  ${directory.crlFile}   (each gateway needs it)`,
      `  private key      ${made.files.privateKey}   (keep it off the gateways: who has it can make gateways)`,
      `Next: glassgate keys issue NAME --dir ${options.dir}`,
    ].join('\n'),
  };
}

async function issue(name: string, options: { dir: string; days: number; force?: boolean }): Promise<Answer> {
  const made = await new KeyDirectory(options.dir).issue(name, options.days, options.force === true, new Date());
  return {
    result: written(made),
    text: [
      `Issued a certificate for "${name}", valid until ${day(made.facts.notAfter)}.`,
      `  certificate  ${made.files.certificate}`,
      `  private key  ${made.files.privateKey}   (for this gateway only)`,
      `  pin          ${made.facts.pin}`,
    ].join('\n'),
  };
}

async function revoke(name: string, options: { dir: string; serial?: string }): Promise<Answer> {
  const directory = new KeyDirectory(options.dir);
  const revoked = await directory.revoke(name, options.serial, new Date());
  return {
    result: { revoked, crl: directory.crlFile },
    text: [
      ...revoked.map((issued) => `Revoked "${name}", serial ${issued.serial}.`),
      `Copy ${directory.crlFile} to each gateway and restart it; until then the certificate is good there.`,
    ].join('\n'),
  };
}

function list(options: { dir: string }): Answer {
  const issued = new KeyDirectory(options.dir).list();
  const now = new Date();
  const rows = issued.map((one) => ({ ...one, state: stateOf(one, now) }));
  const width = Math.max(0, ...rows.map((row) => row.name.length));
  const lines = rows.map(
    (row) => `${row.name.padEnd(width)}  ${row.state.padEnd(7)}  until ${row.notAfter.slice(0, 10)}  ${row.serial}`,
  );
  return { result: rows, text: lines.join('\n') || `No certificate was issued in ${options.dir} yet.` };
}

function show(file: string): Answer {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new KeyDirectoryError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const kind = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1] ?? '';
  try {
    const result = factsOf(kind, text);
    const lines = Object.entries(result).map(([key, value]) => `${key.padEnd(12)} ${plain(value)}`);
    return { result, text: lines.join('\n') };
  } catch {
    throw new KeyDirectoryError(`${file} is no PEM file with a certificate, revocation list or private key`);
  }
}

function factsOf(kind: string, text: string): Record<string, unknown> {
  if (kind === 'X509 CRL') return { type: 'revocation list', ...describeCrl(text) };
  if (kind.endsWith('PRIVATE KEY'))
    return { type: 'private key', pin: spkiPin(createPublicKey(createPrivateKey(text))) };
  return { type: 'certificate', ...describeCertificate(new X509Certificate(text).toString()) };
}

function plain(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (!Array.isArray(value)) return String(value);
  return (
    value.map((one) => (typeof one === 'object' ? Object.values(one).map(plain).join(' ') : String(one))).join(', ') ||
    'none'
  );
}

function written(made: Written): object {
  return { ...made.facts, files: made.files };
}

function stateOf(issued: Issued, now: Date): 'valid' | 'revoked' | 'expired' {
  if (issued.revokedAt !== undefined) return 'revoked';
  return new Date(issued.notAfter) < now ? 'expired' : 'valid';
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 36_500)
    throw new InvalidArgumentError('a whole number of days, 1 to 36500');
  return value;
}
