/** What a program inside a sandbox sees and does; the argument says what. */
import { writeFileSync } from 'node:fs';
import { mustRun } from '../../src/transport/netlab/command.ts';
import { inSandbox } from '../../src/transport/netlab/index.ts';
import { report } from '../support/scenario.ts';

report('inside', { inSandbox: inSandbox(), links: await mustRun(['ip', '-o', 'link']), home: process.env.HOME });
const [verb, file] = process.argv.slice(2);
if (verb === 'exit') process.exit(7);
if (verb === 'wait') {
  process.on('SIGTERM', () => process.exit(9));
  process.on('SIGINT', () => process.exit(10));
  setInterval(() => {}, 1000);
}
if (verb === 'tick') setInterval(() => writeFileSync(file, String(Date.now())), 20);
