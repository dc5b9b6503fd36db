import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const CLAIMS = 47;

interface Row {
  readonly claim: number;
  readonly file: string;
  readonly test: string;
}

function rows(): Row[] {
  const page = readFileSync(join(ROOT, 'docs/CLAIMS.md'), 'utf8');
  return [...page.matchAll(/^\| (\d+) \|.*\| `([^`]+)` › (.+) \|$/gm)].map(([, claim, file, test]) => ({
    claim: Number(claim),
    file: file as string,
    test: test as string,
  }));
}

describe('docs/CLAIMS.md', () => {
  it('has every claim once, in order', () => {
    expect(rows().map(({ claim }) => claim)).toEqual(Array.from({ length: CLAIMS }, (_, at) => at + 1));
  });

  it.each(rows())('claim $claim: its test is there and carries its number', ({ claim, file, test }) => {
    const source = readFileSync(join(ROOT, file), 'utf8');
    const isThere = ["'", '"'].some((quote) => source.includes(`${quote}${test}`));
    expect(isThere, `${file} has no test ${test}`).toBe(true);
    expect(/^claims? ([\d, ]+):/.exec(test)?.[1].split(', ')).toContain(String(claim));
  });
});
