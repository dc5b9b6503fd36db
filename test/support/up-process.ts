import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type HostProcess, spawn } from '../../src/transport/netlab/index.ts';
import { createAuthority, issueCertificate } from '../../src/transport/tls/certificates.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Command line of `glassgate …` on the sources. */
export function glassgate(...args: string[]): string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', MAIN, ...args];
}

/** Writes a CA and a certificate for each name into `folder`: `ca.pem`, `NAME.pem`, `NAME.key`. */
export async function writeKeys(folder: string, names: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const ca = await createAuthority('CA', new Date());
  writeFileSync(join(folder, 'ca.pem'), ca.certificate);
  for (const name of names) {
    const own = await issueCertificate(ca, name, new Date());
    writeFileSync(join(folder, `${name}.pem`), own.certificate);
    writeFileSync(join(folder, `${name}.key`), own.privateKey, { mode: 0o600 });
  }
}

/** A line that `up --json` printed. */
export type UpLine = Readonly<Record<string, unknown>> & { readonly kind: string; readonly text: string };

/** `glassgate up --json` in a host, with the lines it has printed so far. */
export class UpProcess {
  readonly lines: UpLine[] = [];
  stderr = '';
  readonly process: HostProcess;

  constructor(host: string, configFile: string, args: readonly string[] = []) {
    this.process = spawn(host, glassgate('up', configFile, '--json', ...args), { stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    const { stdout, stderr } = this.process.child as ChildProcess;
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(JSON.parse(line));
    });
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** The first line that fits; throws when the process ends or the time is over. */
  async line(fits: (line: UpLine) => boolean, timeout_ms = 15_000): Promise<UpLine> {
    const until = performance.now() + timeout_ms;
    let ended = false;
    void this.process.exit.then(() => {
      ended = true;
    });
    for (;;) {
      const found = this.lines.find(fits);
      if (found !== undefined) return found;
      if (ended || performance.now() > until)
        throw new Error(`up: ${ended ? 'ended' : 'too late'}: ${this.stderr}${JSON.stringify(this.lines.slice(-5))}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
