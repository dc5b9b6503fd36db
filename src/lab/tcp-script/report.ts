import { parseScript } from './parse.ts';
import { type CaseResult, runCase } from './run.ts';
import { ScriptError, timeText } from './value.ts';

/** What became of one file. */
export interface FileResult {
  readonly file: string;
  readonly cases: readonly CaseResult[];
  /** The file could not be read as a script. */
  readonly mistake?: { readonly line: number; readonly message: string };
}

/** Runs the cases of a script, all or those whose name contains `only`. Never throws for any text. */
export function runScript(file: string, text: string, only = ''): FileResult {
  try {
    const cases = parseScript(text).filter(({ name }) => name.includes(only));
    return { file, cases: cases.map((each) => runCase(each)) };
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return { file, cases: [], mistake: { line: error.line, message: error.message } };
  }
}

/** Whether the file is a script, and each of its cases that ran has held. */
export function hasPassed({ cases, mistake }: FileResult): boolean {
  return mistake === undefined && cases.every(({ passed }) => passed);
}

const TIME_WIDTH = 14;
const LINE_WIDTH = 5;

/** The story of a case: time, line of the script, what happened. */
export function traceText({ trace }: CaseResult): string {
  return trace
    .map(
      ({ time_us, line, text }) =>
        `${timeText(time_us).padStart(TIME_WIDTH)} ${String(line ?? '').padStart(LINE_WIDTH)}  ${text}`,
    )
    .join('\n');
}

/** Why a case failed: file and line, the line's text, what came, and all that happened until then. Empty when it passed. */
export function failureText(file: string, script: string, result: CaseResult): string {
  if (result.failure === undefined) return '';
  const { line, message } = result.failure;
  const text = script.split('\n')[line - 1]?.trim() ?? '';
  return `${file}:${line}: ${result.name}\n  expected: ${text}\n  but: ${message}\n  until then:\n${traceText(result)}`;
}
