import { fileURLToPath } from 'node:url';

/** Path of a program beside the module `beside` (an `import.meta.url`): `name.ts` in the sources, `name.js` in the package. */
export function programBeside(beside: string, name: string): string {
  return fileURLToPath(new URL(`./${name}${beside.endsWith('.ts') ? '.ts' : '.js'}`, beside));
}

/** The command line that runs such a program by this Node. */
export function nodeCommand(program: string, args: readonly string[] = []): string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', program, ...args];
}
