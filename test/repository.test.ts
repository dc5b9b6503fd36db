import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../src/version.ts';
import { KERNEL_TESTS } from './support/kernel-tests.ts';

/** A file that grows past this tells more than one thing. */
const FILE_LINES_LIMIT = 400;
/** A test file is a list of cases; it may be a little longer than what it tests. */
const TEST_LINES_LIMIT = 450;
/** From here on the run names the file, so that it gets split in time. */
const FILE_LINES_NOTICE = 300;

// Written in two halves, so that this file does not find itself.
const OPEN_POINT = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b(.*)`);
const REGISTRY_HOST = new RegExp(
  `${['registry', '(npmjs|yarnpkg)'].join('\\.')}|${['npm', 'pkg', 'github'].join('\\.')}`,
);

/** What such tests call, in two halves as well. */
const WITH_HOSTS = new RegExp(`\\bdescribe(${['Name' + 'spaces', 'Kernel' + 'Cases'].join('|')})\\(`);

/** Words an open point needs to be an explanation. */
const EXPLANATION_WORDS = 4;

/** Text files of the repository, committed or about to be. */
function files(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
  return [...new Set(listed.split('\n'))].filter((path) =>
    /\.(ts|js|mjs|tsx|json|md|ya?ml|css|html|sh|service)$|^\.ci\/run$/.test(path),
  );
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // listed, and deleted since
  }
}

function limitOf(path: string): number {
  return path.endsWith('.test.ts') ? TEST_LINES_LIMIT : FILE_LINES_LIMIT;
}

function isExplained(afterWord: string): boolean {
  return afterWord.split(/\s+/).filter((word) => /\w/.test(word)).length >= EXPLANATION_WORDS;
}

function openPointsWithoutReason(source: string): string[] {
  return source.split('\n').filter((line) => {
    const found = OPEN_POINT.exec(line);
    return found !== null && !isExplained(found[2]!);
  });
}

describe('the repository', () => {
  it(`has no source file over ${FILE_LINES_LIMIT} lines`, () => {
    const sized = files()
      .filter((path) => /\.(ts|tsx|js|mjs)$/.test(path))
      .map((path) => ({ path, lines: text(path).split('\n').length }));
    const notice = sized.filter(({ lines }) => lines > FILE_LINES_NOTICE).sort((a, b) => b.lines - a.lines);
    if (notice.length > 0) console.log(notice.map(({ path, lines }) => `${lines} lines: ${path}`).join('\n'));
    expect(notice.filter(({ path, lines }) => lines > limitOf(path))).toEqual([]);
  });

  it('runs every test with hosts of its own apart from the others', () => {
    const withHosts = files().filter(
      (path) => /^(src|test)\/(?!long\/).*\.test\.ts$/.test(path) && WITH_HOSTS.test(text(path)),
    );
    expect(withHosts.filter((path) => !KERNEL_TESTS.includes(path))).toEqual([]);
    expect(KERNEL_TESTS.filter((path) => text(path) === '')).toEqual([]);
  });

  it('explains each open point where it is noted', () => {
    expect(files().flatMap((path) => openPointsWithoutReason(text(path)).map((line) => `${path}: ${line}`))).toEqual(
      [],
    );
    expect(openPointsWithoutReason(`// ${'TO' + 'DO'}: later`)).toHaveLength(1);
    expect(openPointsWithoutReason(`// ${'TO' + 'DO'}: the peer's window may shrink here (RFC 9293 3.8.6)`)).toEqual(
      [],
    );
  });

  it('names no package registry', () => {
    expect(files().filter((path) => REGISTRY_HOST.test(text(path)))).toEqual([]);
    expect(text('package-lock.json')).not.toContain('"resolved"');
  });

  it('has one version', () => {
    expect(JSON.parse(text('package.json')).version).toBe(VERSION);
    expect(JSON.parse(text('package-lock.json')).version).toBe(VERSION);
    expect(text('CHANGELOG.md')).toMatch(/^## \[Unreleased\]/m);
  });
});
