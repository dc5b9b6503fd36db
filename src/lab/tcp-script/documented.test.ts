import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DROP_REASONS } from '../../actors/drop-reason.ts';
import { FIGURES } from './checks.ts';
import { failureText, hasPassed, runScript } from './report.ts';

const DOCS = readFileSync('docs/TCP-SCRIPTS.md', 'utf8');
/** Of handshake.tcp: the docs show what it says with another number. */
const CHANGED_LINE = 8;
/** TCP says it beside the reason `malformed`; the reason of that name is the bridge's. */
const DETAIL = 'bad-source';
const BLOCKS = [...DOCS.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text]) => text as string);
const SCRIPTS = BLOCKS.filter((text) => text.startsWith('case '));
const FAILURES = BLOCKS.filter((text) => text.startsWith('handshake.tcp:'));
const COMMANDS = BLOCKS.filter((text) => text.startsWith('$ '));

describe('docs/TCP-SCRIPTS.md', () => {
  it('has blocks of known kinds only', () => {
    expect([SCRIPTS.length, FAILURES.length, COMMANDS.length]).toEqual([3, 1, 1]);
    expect(BLOCKS.length).toBe(SCRIPTS.length + FAILURES.length + COMMANDS.length);
  });

  it.each(SCRIPTS.map((text) => [text.split('\n')[0], text] as const))('shows a script that passes: %s', (_, text) => {
    const result = runScript('docs', text);
    expect(result.mistake).toBeUndefined();
    expect(result.cases.map((each) => failureText('docs', text, each)).join('')).toBe('');
    expect(hasPassed(result)).toBe(true);
  });

  it('shows what a line says that does not hold', () => {
    const lines = readFileSync('test/tcp-scripts/handshake.tcp', 'utf8').split('\n');
    const text = lines.map((line, at) => (at === CHANGED_LINE - 1 ? line.replace('ack 1', 'ack 2') : line)).join('\n');
    const [first] = runScript('handshake.tcp', text, 'The client opens a connection').cases;
    expect(`${failureText('handshake.tcp', text, first!)}\n`).toBe(FAILURES[0]);
  });

  it('names every reason for which TCP drops', () => {
    const named = /^Reasons for which TCP drops[^.]*/m.exec(DOCS)?.[0].match(/(?<=`)[a-z-]+(?=`)/g) ?? [];
    const sources = globSync('src/actors/tcp/*.ts', { exclude: ['**/*.test.ts'] });
    const code = sources.map((path) => readFileSync(path, 'utf8')).join('\n');
    const given = DROP_REASONS.filter((reason) => code.includes(`'${reason}'`));
    expect([...named].sort()).toEqual(given.filter((reason) => reason !== DETAIL).sort());
  });

  it('names every figure that can be checked', () => {
    const line = DOCS.split('\n').find((each) => each.startsWith('| `check ')) ?? '';
    expect(FIGURES.filter((name) => !line.includes(`\`${name}\``))).toEqual([]);
  });
});
