import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { canSandbox, spawnSandbox, toolEnvironment } from '../../src/transport/netlab/sandbox.ts';

/** One line of JSON that a scenario printed. */
export interface ScenarioEvent {
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: each scenario has its own fields, and the test that reads them checks them
  [field: string]: any;
}

export interface ScenarioResult {
  events: ScenarioEvent[];
  exitCode: number;
  stderr: string;
}

const ability = await canSandbox();

/**
 * Like `describe`, for tests that need network namespaces, and maybe more: each of `needs` is a command, or the path of a
 * device to read and write. Where something is missing they are skipped, and the reason printed.
 */
export function describeNamespaces(name: string, body: () => void, needs: string[] = []): void {
  const reason = ability.ok ? missing(needs) : `${ability.reason} (${ability.remedy})`;
  if (reason === undefined) {
    describe(name, body);
    return;
  }
  console.warn(`skipped: ${name}: ${reason}`);
  describe.skip(`${name} (skipped: ${reason})`, body);
}

function missing(needs: string[]): string | undefined {
  const folders = (toolEnvironment().PATH ?? '').split(':');
  const lacking = needs.filter((need) =>
    need.startsWith('/')
      ? !accessible(need, constants.R_OK | constants.W_OK)
      : !folders.some((folder) => accessible(join(folder, need), constants.X_OK)),
  );
  return lacking.length === 0 ? undefined : `needs ${lacking.join(', ')}`;
}

function accessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

const SCENARIO_TIMEOUT_MS = 120_000;

/** Runs a TypeScript file of `test/netlab/` in a sandbox of its own and collects the JSON lines that it prints. */
export async function runScenario(
  file: string,
  args: string[] = [],
  timeout_ms = SCENARIO_TIMEOUT_MS,
): Promise<ScenarioResult> {
  const path = fileURLToPath(new URL(`../netlab/${file}`, import.meta.url));
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', path, ...args];
  const sandbox = spawnSandbox(argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { child } = sandbox;
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout_ms);
  const exitCode = await sandbox.exit;
  clearTimeout(timer);
  return { events: (await out).split('\n').filter(Boolean).map(parseEvent), exitCode, stderr: await err };
}

function parseEvent(line: string): ScenarioEvent {
  try {
    return JSON.parse(line) as ScenarioEvent;
  } catch {
    return { event: 'text', line };
  }
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  if (stream) await once(stream, 'end');
  return text;
}
