import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../src/version.ts';

/** Packing compiles, installing downloads: both wait for the machine and the network. */
const INSTALL_TIMEOUT_MS = 180_000;

const folder = mkdtempSync(join(tmpdir(), 'glassgate-package-'));
const env = { ...process.env, NODE_OPTIONS: '' };

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

let packed: { filename: string; files: { path: string }[] };

beforeAll(() => {
  const packing = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { env, encoding: 'utf8' });
  packed = JSON.parse(packing.slice(packing.search(/^[[{]/m)))[0];
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'elsewhere', private: true, type: 'module' }));
  run('npm', 'install', '--no-audit', '--no-fund', join(folder, packed.filename));
}, INSTALL_TIMEOUT_MS);

afterAll(() => rmSync(folder, { recursive: true }));

describe('the published package', () => {
  it('holds JavaScript and declarations, no sources and no tests', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'bin/glassgate.js',
        'dist/index.js',
        'dist/index.d.ts',
        'visualizations/dist/index.html',
        'LICENSE',
        'README.md',
      ]),
    );
    expect(paths.filter((path) => /\.test\.|^src\/|^test\//.test(path) || /(?<!\.d)\.ts$/.test(path))).toEqual([]);
  });

  it('names none of its own files by a source path', () => {
    // The compiler rewrites imports, but not `new URL('./worker.ts', import.meta.url)`.
    const dist = join(folder, 'node_modules/glassgate/dist');
    const scripts = globSync('**/*.js', { cwd: dist });
    expect(scripts).toContain('index.js');
    expect(
      scripts.filter((path) => /new URL\(\s*['"`][^'"`]*\.ts\b/.test(readFileSync(join(dist, path), 'utf8'))),
    ).toEqual([]);
  });

  it('runs its command where it was installed', () => {
    expect(run('npx', 'glassgate', '--version').trim()).toBe(VERSION);
    expect(run('npx', 'glassgate', '--help')).toContain('Usage: glassgate');
  });

  it('runs the lab where it was installed', () => {
    const report = JSON.parse(
      run('npx', 'glassgate', 'lab', 'e2', '--bytes', '100K', '--json').trim().split('\n').at(-1) as string,
    );
    expect(JSON.stringify(report)).toContain('no security: model TLS');
    expect(run('npx', 'glassgate', 'lab', 'e2', '--bytes', '100K')).toContain('every byte arrived, all as sent');
  });

  it('can be imported', () => {
    const script = `import('glassgate').then((it) => console.log(it.VERSION))`;
    expect(run(process.execPath, '-e', script).trim()).toBe(VERSION);
  });

  it('has declarations that TypeScript can follow', () => {
    writeFileSync(
      join(folder, 'use.ts'),
      `import { VERSION } from 'glassgate';\nconst version: string = VERSION;\nconsole.log(version);\n`,
    );
    const tsc = join(process.cwd(), 'node_modules/.bin/tsc');
    expect(
      run(tsc, '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', 'use.ts'),
    ).toBe('');
  });
});
