import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseScript } from '../src/lab/tcp-script/parse.ts';
import { failureText } from '../src/lab/tcp-script/report.ts';
import { runCase } from '../src/lab/tcp-script/run.ts';

const FILES = globSync('test/tcp-scripts/*.tcp').sort();
const LEAST_CASES = 60;

describe.each(FILES)('%s', (file) => {
  const text = readFileSync(file, 'utf8');
  it.each(parseScript(text).map((each) => [each.name, each] as const))('%s', (_, script) => {
    expect(failureText(file, text, runCase(script))).toBe('');
    // The same from its saved state alone, after every step.
    expect(failureText(file, text, runCase(script, true))).toBe('');
  });
});

describe('the corpus of TCP scripts', () => {
  it(`has ${LEAST_CASES} cases at least`, () => {
    const cases = FILES.flatMap((file) => parseScript(readFileSync(file, 'utf8')));
    expect(cases.length).toBeGreaterThanOrEqual(LEAST_CASES);
  });
});
