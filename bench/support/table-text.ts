import { TABLES, type TableName } from './benchmark.ts';
import type { Result } from './measure.ts';

const BYTES_PER_MB = 1e6;
const NS_PER_S = 1e9;
const HEAD = ['', 'per second', 'ns each', 'MB/s', 'least', 'most'];

/** All results as tables; columns are as wide as they must be. */
export function tablesText(results: readonly Result[]): string {
  const names = Object.keys(TABLES) as TableName[];
  const present = names.filter((name) => results.some(({ table }) => table === name));
  return present
    .map((name) =>
      tableText(
        TABLES[name],
        results.filter(({ table }) => table === name),
      ),
    )
    .join('\n\n');
}

function tableText(title: string, results: readonly Result[]): string {
  const rows = [HEAD, ...results.map(rowOf)];
  return [title, alignedText(rows)].join('\n');
}

/** Rows with columns as wide as they must be, the first one to the left. */
export function alignedText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length))) ?? [];
  const lines = rows.map((row) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '),
  );
  return lines.map((line) => `  ${line.trimEnd()}`).join('\n');
}

function rowOf({ name, unit, perSecond, bytesPerSecond, least, most }: Result): string[] {
  const perSecondText = (value: number) => Math.round(value).toLocaleString('en');
  return [
    name,
    `${perSecondText(perSecond)} ${unit}`,
    Math.round(NS_PER_S / perSecond).toLocaleString('en'),
    bytesPerSecond === undefined ? '' : (bytesPerSecond / BYTES_PER_MB).toFixed(1),
    perSecondText(least),
    perSecondText(most),
  ];
}
