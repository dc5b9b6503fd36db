import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { breachesOf } from './support/dependency-rule.ts';

const SOURCES = globSync('**/*.ts', { cwd: 'src' }).filter((path) => !path.endsWith('.test.ts'));

describe('the dependency rule', () => {
  it('is kept by every source file', () => {
    expect(SOURCES.length).toBeGreaterThan(0);
    expect(SOURCES.flatMap((path) => breachesOf(path, readFileSync(`src/${path}`, 'utf8')))).toEqual([]);
  });
});

describe('the check of the dependency rule', () => {
  const breaches: [path: string, source: string][] = [
    ['wire/a.ts', `import { x } from '../engine/b.ts';`],
    ['wire/a.ts', `import { x } from 'xstate';`],
    ['wire/a.ts', `export * from '../machines/b.ts';`],
    ['wire/a.ts', `type X = import('node:fs').Stats;`],
    ['wire/a.ts', `const x = await import('node:fs');`],
    ['wire/a.ts', `import x from '../../scripts/x.ts';`],
    ['machines/tcp.ts', `import { flags } from '../wire/tcp.ts';`],
    ['machines/tcp.ts', `import { type A, flags } from '../wire/tcp.ts';`],
    ['machines/tcp.ts', `import { Subject } from 'rxjs';`],
    ['engine/seal.ts', `import { createCipheriv } from 'node:crypto';`],
    ['engine/seal.ts', `import { randomBytes } from '@noble/ciphers/utils.js';`],
    ['engine/seal.ts', `import { loop } from './fastpath/loop.ts';`],
    ['actors/mac.ts', `import { tap } from '../transport/tap.ts';`],
    ['journal/reader.ts', `import { DatabaseSync } from 'node:sqlite';`],
    ['config/load.ts', `import { readFileSync } from 'node:fs';`],
    ['surprise/a.ts', `export const x = 1;`],
    ['actors/a.ts', `const t = Date.now();`],
    ['actors/a.ts', `const t = new Date();`],
    ['actors/a.ts', `const t = performance.now();`],
    ['actors/a.ts', `const t = Math.random();`],
    ['actors/a.ts', `setTimeout(() => {}, 1);`],
    ['actors/a.ts', `const later = { later: setInterval };`],
    ['actors/a.ts', `queueMicrotask(f);`],
    ['actors/a.ts', `crypto.getRandomValues(new Uint8Array(1));`],
    ['actors/a.ts', `const e = process.env['X'];`],
    ['actors/a.ts', `const b = Buffer.from('x');`],
    ['actors/a.ts', `const p = globalThis.process;`],
  ];
  it.each(breaches)('finds the breach in %s: %s', (path, source) => {
    expect(breachesOf(path, source)).toHaveLength(1);
  });

  const kept: [path: string, source: string][] = [
    ['wire/a.ts', `import { x } from './b.ts'; // Date.now()`],
    ['machines/tcp.ts', `import type { A } from '../wire/tcp.ts'; import { setup } from 'xstate';`],
    ['machines/tcp.ts', `import { type A, type B } from '../wire/tcp.ts';`],
    ['engine/seal.ts', `import { gcm } from '@noble/ciphers/aes.js'; import { x } from '../wire/record.ts';`],
    ['engine/fastpath/loop.ts', `import { poll } from 'node:fs'; const t = Date.now();`],
    ['actors/mac.ts', `import { Subject } from 'rxjs'; import { x } from '../machines/mac.ts';`],
    ['journal/store.ts', `import { DatabaseSync } from 'node:sqlite';`],
    ['config/load.ts', `import { z } from 'zod'; import { parse } from 'yaml';`],
    ['transport/tap.ts', `import koffi from 'koffi'; setTimeout(() => {}, 1);`],
    ['actors/a.ts', `const a = new Date(0); layer.process(frame); const o = { process: 1, crypto: 2 };`],
    ['actors/a.ts', `function run(process: (x: number) => void) { process(1); }`],
    ['index.ts', `export { VERSION } from './version.ts'; export * from './wire/ipv4.ts';`],
  ];
  it.each(kept)('finds nothing wrong in %s: %s', (path, source) => {
    expect(breachesOf(path, source)).toEqual([]);
  });
});
