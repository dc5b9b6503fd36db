import { beforeAll, expect, it } from 'vitest';
import { GROUPS } from '../netlab/tcp-kernel/cases.ts';
import { describeNamespaces, runScenario, type ScenarioEvent } from './netlab.ts';

/** Characters of a failure that are shown. */
const ERROR_CHARACTERS = 3_000;

/** A test for each case of a group; all run once, in one network, before the first. `prints`: figures go to the console. */
export function describeKernelCases(
  title: string,
  group: string,
  { limit_ms, prints = false }: { limit_ms: number; prints?: boolean },
): void {
  describeNamespaces(title, () => {
    let events: ScenarioEvent[] = [];
    let stderr = '';
    beforeAll(async () => {
      ({ events, stderr } = await runScenario('tcp-kernel/run.ts', [group], limit_ms));
      if (!prints) return;
      for (const { name, figures, time_ms } of events)
        console.log(`${name}: ${JSON.stringify(figures)} (${time_ms} ms)`);
    }, limit_ms);

    it.each(Object.keys(GROUPS[group] ?? {}))('%s', (name) => {
      const result = events.find((event) => event.event === 'case' && event.name === name);
      expect(result, `not run; ${stderr.slice(-ERROR_CHARACTERS)}`).toBeDefined();
      expect(result?.ok, String(result?.error).slice(0, ERROR_CHARACTERS)).toBe(true);
    });
  }, ['ethtool', 'ss', 'dumpcap', 'tshark']);
}
