import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_SECURITY_NOTE } from '../../src/lab/report.ts';
import { TOPOLOGIES } from '../../src/topologies/topologies.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const NODE_OPTIONS = ['--disable-warning=ExperimentalWarning'];
const TSHARK = '/usr/bin/tshark';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-command-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function glassgate(...argv: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...NODE_OPTIONS, MAIN, ...argv], {
    encoding: 'utf8',
    cwd: folder,
  });
  return { stdout, stderr, status };
}

describe('glassgate lab', () => {
  it('runs a topology, tells each step, and says the same for the same seed', () => {
    const argv = ['lab', 'e2', '--loss', '1%', '--delay', '20ms', '--rate', '100M', '--seed', '7', '--bytes', '100k'];
    const first = glassgate(...argv);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    const told = [
      'HELLO',
      'COOKIE',
      'REQUEST',
      'COMPLETE',
      'CTRL START',
      'carries frames after',
      'Ping',
      'SHA-256',
      'goodput',
      'rate 100.00 Mbit/s',
      'Nothing of the session is left',
    ];
    for (const text of [...told, NO_SECURITY_NOTE]) expect(first.stdout).toContain(text);
    expect(glassgate(...argv).stdout).toBe(first.stdout);
    expect(glassgate(...argv.with(-3, '8')).stdout).not.toBe(first.stdout);
  });

  it('prints one JSON object with --json, the same facts', () => {
    const { stdout, status } = glassgate(
      'lab',
      'e4',
      '--udp',
      '--handshake',
      'immediate',
      '--bytes',
      '50k',
      '--pings',
      '2',
      '--json',
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      modelTls: true,
      note: NO_SECURITY_NOTE,
      settings: { shape: 'udp', handshake: 'immediate', topology: 'e4' },
      ping: { sent: 2 },
      transfer: { complete: true, intact: true, received: 50_000 },
      down: true,
    });
  });

  it('shows defaults with their units in its help', () => {
    const { stdout } = glassgate('lab', '--help');
    for (const text of ['10ms', '100M', '1M']) expect(stdout).toContain(`(default: ${text})`);
    expect(stdout).not.toContain('10000');
  });

  it('compares topologies by name, as JSON and as a picture', () => {
    const svg = join(folder, 'compare.svg');
    const { status, stdout } = glassgate('lab', 'compare', 'e4', '--bytes', '20k', '--json', '--svg', svg);
    expect(status).toBe(0);
    const { cells, seen } = JSON.parse(stdout);
    expect(cells).toHaveLength(12);
    expect(seen[0]).toMatchObject({ topology: 'e4', crossings: [{ perFrame: 2 }, { perFrame: 2 }] });
    expect(readFileSync(svg, 'utf8')).toContain('>e4</text>');
    const wrong = glassgate('lab', 'compare', 'e99');
    expect([wrong.status, wrong.stderr.includes('there is no topology "e99"')]).toEqual([2, true]);
  });

  it('lists the topologies', () => {
    const { stdout } = glassgate('lab', 'list');
    for (const { name } of TOPOLOGIES) expect(stdout).toContain(name);
  });

  it('writes a journal that replays equal, and its export', () => {
    const journal = join(folder, 'run.journal');
    expect(glassgate('lab', 'e3', '--bytes', '20k', '--journal', journal).status).toBe(0);
    const replayed = glassgate('replay', journal, '--verify');
    expect(replayed).toMatchObject({ status: 0, stdout: expect.stringContaining('replays equal') });
    expect(glassgate('lab', 'e3', '--bytes', '0', '--journal', journal)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('glassgate: '),
    });
  });

  it.each([
    [['lab', 'e99'], /there is no topology "e99": "glassgate lab list" tells what there is\n/],
    [['lab', 'E5'], /tells what there is; did you mean "e5"\?/],
    [['lab', 'compare', 'prior-atr-1'], /tells what there is; did you mean "prior-art-1"\?/],
    [['lab', 'e5', '--udp'], /F13 of e5 is a true TCP: it cannot have the shape of UDP/],
    [['lab', 'e5', '--f13', 'udp'], /F13 of e5 is a true TCP/],
    [['lab', 'e11', '--f13', 'tcp'], /F13 of e11 is UDP/],
    [['lab', 'e10', '--handshake', 'immediate'], /--handshake has no meaning in e10/],
    [['lab', 'e11', '--handshake', 'hold'], /--handshake has no meaning in e11: F13 is UDP/],
    [['lab', '--inside'], /--inside has a meaning only with --pcap FILE/],
    [['lab', '--loss', '200%'], /Give a ratio, like 1%/],
    [['lab', '--delay', '20'], /Give a time with its unit/],
    [['lab', '--mtu', '100'], /--mtu must be from 576 to 1500/],
    [['lab', '--f13', 'sctp'], /Allowed choices are tcp, udp/],
  ])('refuses %j with what would be right', (argv, message) => {
    const { status, stderr } = glassgate(...argv);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });

  it.each([
    ['e5', '--f13', 'tcp', '--handshake', 'immediate'],
    ['e11', '--udp'],
  ])('takes %s %s %s, which say what is so there or have a meaning', (...argv) => {
    expect(glassgate('lab', ...argv, '--bytes', '0')).toMatchObject({ status: 0, stderr: '' });
  });

  it('says which file it cannot write, and why', () => {
    const file = join(folder, 'no/such/file');
    expect(glassgate('lab', '--bytes', '0', '--pcap', file)).toMatchObject({
      status: 2,
      stderr: `glassgate: cannot write ${file}: there is no such folder\n`,
    });
  });

  it.skipIf(!existsSync(TSHARK)).each([['tcp'], ['udp']])(
    `writes a capture in which tshark sees nothing malformed and no wrong checksum, F13 %s (skipped without ${TSHARK})`,
    { timeout: 60_000 },
    (shape) => {
      const file = join(folder, 'run.pcapng');
      expect(glassgate('lab', 'e2', '--f13', shape, '--bytes', '100k', '--loss', '1%', '--pcap', file).status).toBe(0);
      expect(readFileSync(file).length).toBeGreaterThan(100_000);
      const check = ['-o', 'tcp.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
      const bad = '_ws.malformed || tcp.checksum.status == 0 || udp.checksum.status == 0 || ip.checksum.status == 0';
      const found = execFileSync(TSHARK, ['-r', file, ...check, '-Y', bad], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      expect(found).toBe('');
    },
  );
});
