import { expanded, SHORT_WORDS } from './reach.ts';
import { DEFAULT_SETTINGS, type ScriptSettings, withOptions } from './settings.ts';
import { actionOf, type Statement, WORDS } from './statement.ts';
import { meant, type Names, numberOf, ScriptError } from './value.ts';

/** Statements of one case, repeats written out. */
const STATEMENTS_LIMIT = 100_000;

export interface ScriptCase {
  readonly name: string;
  /** Of the line that names it. */
  readonly line: number;
  readonly settings: ScriptSettings;
  readonly statements: readonly Statement[];
}

interface Line {
  readonly number: number;
  readonly text: string;
}

const COMMENT = /(^|\s)#.*$/;
const OTHER_WORDS = ['case', 'options', 'repeat', 'end', ...SHORT_WORDS];

/** Reads a file of cases. @throws ScriptError with the line that is wrong */
export function parseScript(text: string): ScriptCase[] {
  const lines = text
    .split('\n')
    .map((line, at) => ({ number: at + 1, text: line.replace(COMMENT, '').trim() }))
    .filter((line) => line.text !== '');
  const starts = lines.flatMap(({ text: each }, at) => (/^case(\s|$)/.test(each) ? [at] : []));
  if (starts.length === 0) throw new ScriptError(1, 'there is no case: a line like "case The client opens" begins one');
  const common = lines.slice(0, starts[0]);
  const cases = starts.map((from, at) => {
    const [head, ...body] = lines.slice(from, starts[at + 1]) as [Line, ...Line[]];
    const name = head.text.slice('case'.length).trim();
    if (name === '') throw new ScriptError(head.number, 'a case needs a name behind "case"');
    return { name, line: head.number, ...new CaseReader([...common, ...body]).read() };
  });
  for (const { name, line } of cases) {
    const first = cases.find((each) => each.name === name);
    if (first?.line !== line) throw new ScriptError(line, `line ${first?.line} has a case of the same name`);
  }
  return cases;
}

/** Reads the lines of one case. */
class CaseReader {
  readonly #lines: readonly Line[];
  readonly #statements: Statement[] = [];
  #settings = DEFAULT_SETTINGS;
  #at = 0;
  #turns = 0;

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  read(): { settings: ScriptSettings; statements: readonly Statement[] } {
    this.#block(new Map(), undefined);
    return { settings: this.#settings, statements: this.#statements };
  }

  /** Lines up to the end of the case, or of the repeat that began at `opened`. */
  #block(names: Names, opened: Line | undefined): void {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at] as Line;
      if (line.text === 'end') {
        if (opened === undefined) throw new ScriptError(line.number, '"end" without a "repeat" before it');
        return;
      }
      if (/^repeat(\s|$)/.test(line.text)) this.#repeat(line, names);
      else this.#line(line, line.text, names);
    }
    if (opened !== undefined) throw new ScriptError(opened.number, '"repeat" without an "end"');
  }

  #repeat(line: Line, names: Names): void {
    const [, count = '', name = 'i', ...more] = line.text.split(/\s+/);
    const times = count === '' ? 0 : telling(line, () => numberOf(count, names));
    if (more.length > 0 || times < 1 || !/^[a-z]\w*$/i.test(name))
      throw new ScriptError(line.number, 'write "repeat 3", or "repeat 3 k" to call the counter k');
    const start = ++this.#at;
    for (let i = 0; i < times; i++) {
      // Turns without a line would go on without an end.
      if (++this.#turns > STATEMENTS_LIMIT)
        throw new ScriptError(line.number, `the repeats of a case take at most ${STATEMENTS_LIMIT} turns`);
      this.#at = start;
      this.#block(new Map([...names, [name, i]]), line);
    }
  }

  #line(line: Line, text: string, names: Names): void {
    if (this.#statements.length >= STATEMENTS_LIMIT)
      throw new ScriptError(line.number, `a case has at most ${STATEMENTS_LIMIT} lines, repeats written out`);
    if (/^options(\s|$)/.test(text)) {
      if (this.#statements.length > 0) throw new ScriptError(line.number, '"options" come before anything happens');
      this.#settings = telling(line, () => withOptions(this.#settings, text.slice('options'.length), names));
      return;
    }
    const lines = telling(line, () => expanded(text));
    if (lines !== undefined) {
      for (const each of lines) this.#line(line, each, names);
      return;
    }
    const [word = ''] = text.split(/\s+/);
    if (/^[a-z]/i.test(word) && !WORDS.includes(word))
      throw new ScriptError(line.number, `nothing is called "${word}": ${meant(word, [...WORDS, ...OTHER_WORDS])}`);
    this.#statements.push({ line: line.number, text, ...telling(line, () => actionOf(text, names)) });
  }
}

/** Gives a mistake its line. */
function telling<T>(line: Line, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ScriptError) throw error;
    throw new ScriptError(line.number, (error as Error).message);
  }
}
