import { InvalidArgumentError, Option } from 'commander';
import { PageNotBuilt } from '../transport/page/assets.ts';
import { type Page, startPage } from '../transport/page/server.ts';
import type { PageSource } from '../transport/page/source.ts';
import { SetupError } from '../transport/runtime/setup-error.ts';

const PORT_MOST = 65_535;

/** What `--page` gives: true without a port. */
export type PageFlag = true | number;

/** `--page [port]` of the commands that have something to show. */
export function pageOption(): Option {
  return new Option('--page [port]', 'serve the live page on 127.0.0.1; without a port on any free one').argParser(
    portOf,
  );
}

/** Starts the page for `--page`. Throws SetupError when it cannot be had. */
export async function openPage(flag: PageFlag, sources: readonly PageSource[]): Promise<Page> {
  const port = flag === true ? 0 : flag;
  try {
    return await startPage({ sources, port });
  } catch (error) {
    if (error instanceof PageNotBuilt) throw new SetupError('facility', error.message);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new SetupError('config', `--page ${port}: something else listens on this port`);
    if (code === 'EACCES') throw new SetupError('facility', `--page ${port}: this user may not listen on this port`);
    throw error;
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > PORT_MOST)
    throw new InvalidArgumentError(`a port is a number from 0 to ${PORT_MOST}`);
  return port;
}
