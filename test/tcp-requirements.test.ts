import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const TESTS_FOLDER = 'src/actors/tcp';

/** Appendix B of RFC 9293: the number of each of its lines, in its order, a line here for each of its headings. */
const APPENDIX_B = `
  MAY-16 SHLD-27 MAY-15 MUST-60 MUST-61 MAY-17 SHLD-28
  MUST-1 REC-1 SHLD-14 SHLD-15 SHLD-16 SHLD-17 MUST-34 MAY-8 MUST-35 MUST-36 SHLD-29 SHLD-30 MUST-37 MAY-7 MUST-66
  MUST-30 MUST-62 MUST-31 MUST-32 MUST-33 SHLD-13
  MUST-4 MUST-5 MUST-6 MUST-68 MUST-7 MUST-64 MUST-14 SHLD-5 SHLD-5 MAY-3 MUST-15 MUST-15 MUST-16 SHLD-6 MUST-65 MUST-67 MUST-69
  MUST-2 MUST-3
  MUST-8 SHLD-1 MUST-9
  MUST-10 MUST-11 MUST-41 MUST-42 MUST-44 MUST-45 MUST-46 MUST-57
  SHLD-2 MUST-12 MAY-1 SHLD-3 MUST-13 MAY-2 SHLD-4
  MUST-19 MAY-4 MUST-18
  MUST-58 SHLD-31 MUST-59 MAY-13 SHLD-18 MUST-40 SHLD-19 MUST-39
  MUST-49 MUST-38 SHLD-7 MUST-17
  MUST-20 MUST-20 MUST-21 SHLD-9 SHLD-10 SHLD-11 MUST-22 MUST-23
  MAY-5 MUST-24 MUST-25 MUST-26 MUST-27 MUST-28 MUST-29 SHLD-12 MAY-6
  MUST-50 MAY-10 MAY-11 MUST-51 MUST-52 MUST-53 SHLD-24
  MUST-54 SHLD-25 MUST-56 SHLD-26 MUST-55 MUST-56 MUST-56
  MUST-46 MUST-63 MUST-57
  MUST-47 SHLD-20 MUST-48 SHLD-22 SHLD-21 SHLD-23 MAY-9 MAY-14 MUST-43
  MAY-12
  SHLD-8
  MAY-18
`
  .trim()
  .split(/\s+/);
const LINES = 126;
const REQUIREMENTS = 119;

const REASON_WORDS = 4;

interface Row {
  readonly number: string;
  readonly requirement: string;
  /** Tests, or the reason why there is none. */
  readonly shown: string;
}

function rows(): Row[] {
  const page = readFileSync(join(ROOT, 'docs/TCP.md'), 'utf8');
  return [...page.matchAll(/^\| ((?:MUST|SHLD|MAY|REC)-\d+) \| (.+?) \| (.+) \|$/gm)].map(
    ([, number, requirement, shown]) => ({ number, requirement, shown }) as Row,
  );
}

interface NamedTest {
  readonly file: string;
  readonly name: string;
}

function testsOf({ shown }: Row): NamedTest[] {
  return [...shown.matchAll(/`([^`]+?\.test\.ts) › ([^`]+)`/g)].map(([, file, name]) => ({ file, name }) as NamedTest);
}

/** Source texts with the first argument of each call right behind its bracket. */
const sources = new Map<string, string>();
function sourceOf(file: string): string {
  const path = join(ROOT, file.includes('/') ? file : `${TESTS_FOLDER}/${file}`);
  if (!sources.has(path)) sources.set(path, existsSync(path) ? readFileSync(path, 'utf8').replace(/\(\s+/g, '(') : '');
  return sources.get(path) as string;
}

/** Whether a test of that name is in the file: as the first argument of a call. */
function exists({ file, name }: NamedTest): boolean {
  return [`'`, '"', '`'].some((quote) => sourceOf(file).includes(`(${quote}${name}${quote},`));
}

describe('the table of RFC 9293 requirements in docs/TCP.md', () => {
  it('has every line of appendix B, in its order', () => {
    expect(APPENDIX_B).toHaveLength(LINES);
    expect(new Set(APPENDIX_B).size).toBe(REQUIREMENTS);
    expect(rows().map(({ number }) => number)).toEqual(APPENDIX_B);
  });

  it('says with each line which section it is of', () => {
    const without = rows().filter(({ requirement }) => !/\(3(\.\d+)+(, 3(\.\d+)+)*\)$/.test(requirement));
    expect(without).toEqual([]);
  });

  it('names tests that exist and carry the number', () => {
    const wrong = rows().flatMap((row) =>
      testsOf(row)
        .filter((test) => !exists(test) || !new RegExp(`\\b${row.number}\\b`).test(test.name))
        .map(({ file, name }) => `${row.number}: ${file} › ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has a test for every MUST', () => {
    const untested = rows().filter((row) => row.number.startsWith('MUST') && testsOf(row).length === 0);
    expect(untested).toEqual([]);
  });

  it('gives a reason where there is no test', () => {
    const bare = rows().filter((row) => testsOf(row).length === 0 && row.shown.split(' ').length < REASON_WORDS);
    expect(bare).toEqual([]);
  });
});
