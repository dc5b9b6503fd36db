#!/usr/bin/env node
// Plain JavaScript that any Node from 16 on can run: it starts glassgate on Node 24, the running one or the pinned one.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED_MAJOR = 24;
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
const SIGNAL_EXIT_BASE = 128;
const EXIT_NO_NODE = 69;

const here = dirname(fileURLToPath(import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) await runHere();
else runPinned();

async function runHere() {
  hideExperimentalWarnings();
  // A clone may hold a dist/ that is older than its sources; the published package has no sources.
  const inClone = existsSync(join(here, '../src/cli/main.ts'));
  await import(inClone ? '../src/cli/main.ts' : '../dist/cli/main.js');
}

/** node:sqlite warns on each start; a flag cannot be added to a process that already runs. */
function hideExperimentalWarnings() {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'string' ? rest[0] : rest[0]?.type;
    if (type !== 'ExperimentalWarning') emitWarning.call(process, warning, ...rest);
  };
}

function runPinned() {
  const node = pinnedNode();
  if (node === undefined) {
    console.error(
      `glassgate needs Node ${NEEDED_MAJOR} and runs on ${process.version}. The pinned copy in the npm package "node" is`,
    );
    console.error('missing: reinstall with install scripts allowed, or start glassgate with a newer Node.');
    process.exit(EXIT_NO_NODE);
  }
  const args = ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => forward(child, signal));
  child.on('exit', (code, signal) => process.exit(code ?? SIGNAL_EXIT_BASE + constants.signals[signal]));
}

/** Path of the Node binary in the `node` package, if it was installed. */
function pinnedNode() {
  try {
    const home = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const binary = join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/** A terminal's Ctrl-C and Ctrl-\ reach the whole process group; forwarding them would deliver them twice. */
function forward(child, signal) {
  const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
  if (!fromTerminal) child.kill(signal);
}
