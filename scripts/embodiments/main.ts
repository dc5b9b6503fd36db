/**
 * `npm run docs`: writes what docs/ has from topologies: pictures, layer stacks, measured lines. With `-- --measure` the lab's comparison
 * is made anew first, a minute or two.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DOCS, MEASURED_FILE, madeFiles, measuredNow } from './files.ts';
import { measure } from './measure.ts';

const FRESH = process.argv.includes('--measure');

if (FRESH)
  write(
    MEASURED_FILE,
    `${JSON.stringify(
      measure((text) => process.stderr.write(`${text}\n`)),
      null,
      1,
    )}\n`,
  );
for (const [path, text] of await madeFiles(measuredNow())) write(path, text);

function write(path: string, text: string): void {
  const file = join(DOCS, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
