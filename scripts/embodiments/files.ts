import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { goodputSvg } from '../../src/lab/goodput-chart.ts';
import { labPlan, labSettings } from '../../src/lab/settings.ts';
import { topologyByName } from '../../src/topologies/topologies.ts';
import type { UnderLossResult } from '../../test/support/under-loss.ts';
import { connectionCounts, kernelChart, kernelTable } from './kernel-hosts.ts';
import { type Measured, pageNames } from './measure.ts';
import { overviewTable, pageWith } from './pages.ts';
import { pictureOf } from './picture.ts';

/** Folder docs/, and the file in it that keeps what was measured. */
export const DOCS = join(import.meta.dirname, '../../docs');
export const MEASURED_FILE = 'embodiments/measured.json';

const OVERVIEW = 'EMBODIMENTS.md';
const TABLE_BEGIN = '<!-- table made by `npm run docs` -->';
const TABLE_END = '<!-- end of the table -->';
const CHART_RTT_MS = 20;
/** What `test/long/embodiments-under-loss.test.ts` measured with kernel hosts. */
const KERNEL_FILE = 'embodiments/under-loss.json';
const KERNEL_BEGIN = '<!-- kernel hosts: made by `npm run docs` -->';
const KERNEL_END = '<!-- end of kernel hosts -->';

/** All that is made from topologies and measurements: path below docs/, and text. */
export async function madeFiles(measured: Measured): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of pageNames()) {
    const page = `embodiments/${name}.md`;
    files.set(page, pageWith(textOf(page), name, measured));
    files.set(`pictures/${name}.svg`, await pictureOf(labPlan(labSettings(name)), topologyByName(name)?.title ?? name));
  }
  files.set('pictures/lab-goodput.svg', chartOf(measured));
  const kernel = JSON.parse(textOf(KERNEL_FILE) ?? '') as UnderLossResult;
  for (const connections of connectionCounts(kernel))
    files.set(`pictures/kernel-goodput-${connections}.svg`, kernelChart(kernel, connections));
  const overview = between(textOf(OVERVIEW) ?? '', TABLE_BEGIN, TABLE_END, overviewTable(pageNames(), measured));
  files.set(OVERVIEW, between(overview, KERNEL_BEGIN, KERNEL_END, kernelTable(kernel)));
  return files;
}

export function measuredNow(): Measured {
  return JSON.parse(textOf(MEASURED_FILE) ?? '{}') as Measured;
}

function textOf(path: string): string | undefined {
  const file = join(DOCS, path);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function between(old: string, beginMark: string, endMark: string, made: string): string {
  const [begin, end] = [old.indexOf(beginMark), old.indexOf(endMark)];
  if (begin < 0 || end < begin) throw new Error(`docs/${OVERVIEW} has no place for what is made: ${beginMark}`);
  return `${old.slice(0, begin)}${beginMark}\n${made}\n${old.slice(end)}`;
}

function chartOf({ cells }: Measured): string {
  const shown = cells.filter(({ rtt_ms }) => rtt_ms === CHART_RTT_MS);
  const series = pageNames().map((name) => ({ name, points: shown.filter(({ topology }) => topology === name) }));
  return goodputSvg({ title: `Lab, on virtual time: goodput of one transfer, RTT ${CHART_RTT_MS} ms`, series });
}
