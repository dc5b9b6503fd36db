/** Runs cases of a group in one network. Arguments: the group's name and JSON of what to run. Reports a `case` for each. */
import { report } from '../../support/scenario.ts';
import { type Case, GROUPS } from './cases.ts';
import { Lab } from './lab.ts';

const [groupName, only] = process.argv.slice(2) as [string, string | undefined];
const group = GROUPS[groupName] ?? {};
const lab = await Lab.build();
for (const [name, body] of Object.entries(group)) {
  if (only === undefined || name.includes(only)) await runCase(name, body);
}
process.exit(0);

async function runCase(name: string, body: Case): Promise<void> {
  const start_ms = performance.now();
  const taken = (): number => Math.round(performance.now() - start_ms);
  try {
    await lab.line.change({});
    await lab.kernel({});
    await lab.configure();
    const figures = await body(lab);
    const broken = [lab.ours, lab.far, lab.twin].flatMap((end) => end.broken);
    report('case', { name, ok: broken.length === 0, error: broken.join('\n'), figures, time_ms: taken() });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const stats = await lab.ours.stats().catch(() => undefined);
    report('case', { name, ok: false, error: `${text}\n${JSON.stringify(stats)}`, time_ms: taken() });
  } finally {
    for (const end of [lab.ours, lab.far, lab.twin]) {
      end.forget();
      end.broken.length = 0;
    }
  }
}
