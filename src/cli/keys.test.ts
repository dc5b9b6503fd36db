import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keysCommand } from './keys.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'glassgate-keys-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Runs `glassgate keys …`; `out` and `err` are what it printed. */
async function run(...argv: string[]): Promise<{ out: string; err: string; exitCode: number }> {
  const printed = { out: '', err: '' };
  const keys = keysCommand();
  for (const command of [keys, ...keys.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => {
        printed.out += text;
      },
      writeErr: (text) => {
        printed.err += text;
      },
    });
  }
  try {
    await keys.parseAsync(argv, { from: 'user' });
    return { ...printed, exitCode: 0 };
  } catch (error) {
    return { ...printed, exitCode: (error as { exitCode: number }).exitCode };
  }
}

const runIn = (...argv: string[]) => run(...argv, '--dir', dir);

describe('glassgate keys', () => {
  it('init, issue, list, revoke: files with their modes, and what each says', async () => {
    const init = await runIn('init');
    expect(init.err).toBe('');
    expect(init.out).toContain('glassgate keys issue NAME');
    expect((await runIn('issue', 'gateway20')).out).toContain('Issued a certificate for "gateway20"');
    expect((await runIn('issue', 'gateway30', '--days', '10')).exitCode).toBe(0);
    for (const name of ['ca', 'gateway20', 'gateway30']) {
      expect(statSync(join(dir, `${name}.key.pem`)).mode & 0o777).toBe(0o600);
      expect(readFileSync(join(dir, `${name}.cert.pem`), 'utf8')).toContain('BEGIN CERTIFICATE');
    }
    expect((await runIn('revoke', 'gateway20')).out).toContain('Revoked "gateway20"');
    const listed = (await runIn('list')).out.split('\n');
    expect(listed[0]).toMatch(/^gateway20 {2}revoked/);
    expect(listed[1]).toMatch(/^gateway30 {2}valid/);
  });

  it('--json is for machines, on every command', async () => {
    const init = JSON.parse((await runIn('init', '--json')).out);
    expect(init.files.certificate).toBe(join(dir, 'ca.cert.pem'));
    const issued = JSON.parse((await runIn('issue', 'g1', '--json')).out);
    const revoked = JSON.parse((await runIn('revoke', 'g1', '--json')).out);
    expect(revoked.revoked[0].serial).toBe(issued.serial);
    expect(JSON.parse((await runIn('list', '--json')).out)).toMatchObject([
      { name: 'g1', state: 'revoked', pin: issued.pin },
    ]);
    expect(JSON.parse((await run('show', join(dir, 'crl.pem'), '--json')).out).revoked[0].serial).toBe(issued.serial);
  });

  it('never overwrites without --force', async () => {
    await runIn('init');
    await runIn('issue', 'g1');
    const before = readFileSync(join(dir, 'g1.key.pem'), 'utf8');
    for (const refused of [await runIn('init'), await runIn('issue', 'g1')]) {
      expect(refused.exitCode).toBe(2);
      expect(refused.err).toMatch(/^glassgate: .*would be overwritten: say --force/);
    }
    expect(readFileSync(join(dir, 'g1.key.pem'), 'utf8')).toBe(before);
    expect((await runIn('issue', 'g1', '--force')).exitCode).toBe(0);
    expect(readFileSync(join(dir, 'g1.key.pem'), 'utf8')).not.toBe(before);
    expect(statSync(join(dir, 'g1.key.pem')).mode & 0o777).toBe(0o600);
    expect(JSON.parse((await runIn('list', '--json')).out)).toHaveLength(2);
  });

  it('revokes one certificate of a name by its serial, then the rest', async () => {
    await runIn('init');
    const old = JSON.parse((await runIn('issue', 'g1', '--json')).out);
    await runIn('issue', 'g1', '--force');
    await runIn('revoke', 'g1', '--serial', old.serial.toUpperCase());
    expect(JSON.parse((await runIn('list', '--json')).out).map((one: { state: string }) => one.state)).toEqual([
      'revoked',
      'valid',
    ]);
    await runIn('revoke', 'g1');
    expect((await runIn('revoke', 'g1')).err).toContain('"g1" is revoked already');
  });

  const refusals: [string[], RegExp][] = [
    [['issue', 'g1'], /there is no CA in .*glassgate keys init/],
    [['list'], /there is no CA in/],
    [['revoke', 'g1'], /there is no CA in/],
  ];
  it.each(refusals)('%j without a CA is refused with advice', async (argv, message) => {
    const refused = await runIn(...argv);
    expect(refused.exitCode).toBe(2);
    expect(refused.err).toMatch(message);
  });

  it.each([
    ['issue', '../evil', 'cannot name a peer'],
    ['issue', 'ca', "the CA's own files"],
    ['issue', 'CA', "the CA's own files"],
    ['revoke', 'nobody', 'no certificate for "nobody"'],
  ])('keys %s %s: %s', async (verb, name, message) => {
    await runIn('init');
    const refused = await runIn(verb, name);
    expect(refused.exitCode).toBe(2);
    expect(refused.err).toContain(message);
  });

  it.each(['0', '-1', '1.5', 'x'])('refuses %s days', async (days) => {
    await runIn('init');
    expect((await runIn('issue', 'g1', `--days=${days}`)).err).toContain('whole number of days');
  });

  it('show tells what a file is and no secret', async () => {
    await runIn('init', '--name', 'my CA');
    const { pin } = JSON.parse((await runIn('issue', 'g1', '--json')).out);
    expect((await run('show', join(dir, 'g1.cert.pem'))).out).toMatch(/names +g1\n/);
    expect((await run('show', join(dir, 'crl.pem'))).out).toContain('revoked      none');
    const shown = await run('show', join(dir, 'g1.key.pem'));
    expect(shown.out).toBe(`type         private key\npin          ${pin}\n`);
  });

  it('show refuses what it cannot read', async () => {
    writeFileSync(join(dir, 'x'), 'hello');
    expect((await run('show', join(dir, 'x'))).err).toContain('is no PEM file');
    expect((await run('show', join(dir, 'missing'))).err).toContain('cannot be read');
  });

  it('says what is wrong with a damaged index', async () => {
    await runIn('init');
    writeFileSync(join(dir, 'index.json'), '{"version":2}');
    expect((await runIn('list')).err).toContain('version');
    writeFileSync(join(dir, 'index.json'), '{');
    expect((await runIn('list')).err).toContain('is no JSON');
  });
});
