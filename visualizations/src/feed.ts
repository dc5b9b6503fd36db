import { useSyncExternalStore } from 'react';
import { Board } from '../../src/page-model/board.ts';
import type { Chart } from '../../src/page-model/chart.ts';
import type { PageMessages } from '../../src/page-model/messages.ts';

/** Redraws are at least so far apart. */
const REDRAW_MS = 60;

export type Connection = 'connecting' | 'live' | 'lost';

/** What all views draw from. The board changes in place; each redraw gets a new `Shown` around it. */
export interface Shown {
  readonly board: Board;
  readonly version: string;
  readonly connection: Connection;
}

const board = new Board();
let shown: Shown = { board, version: '', connection: 'connecting' };
const watchers = new Set<() => void>();
let isRedrawDue = false;

function show(change: Partial<Shown> = {}): void {
  shown = { ...shown, ...change };
  if (isRedrawDue) return;
  isRedrawDue = true;
  setTimeout(() => {
    isRedrawDue = false;
    for (const watcher of watchers) watcher();
  }, REDRAW_MS);
}

function open(): void {
  const stream = new EventSource('./api/events');
  const on = <K extends keyof PageMessages>(name: K, take: (message: PageMessages[K]) => void): void =>
    stream.addEventListener(name, (event) => {
      take(JSON.parse((event as MessageEvent<string>).data) as PageMessages[K]);
      show();
    });
  on('hello', (message) => {
    board.hello(message);
    show({ version: message.version, connection: 'live' });
  });
  on('records', (message) => board.take(message));
  on('state', (message) => board.state(message));
  on('gap', ({ lost }) => board.gap(lost));
  stream.addEventListener('error', () => show({ connection: 'lost' }));
}

open();

export function useShown(): Shown {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => shown,
  );
}

/** Charts of all machines by id. Asked for once. */
export const charts: Promise<ReadonlyMap<string, Chart>> = fetch('./api/machines')
  .then((answer) => answer.json() as Promise<{ machines: Chart[] }>)
  .then(({ machines }) => new Map(machines.map((chart) => [chart.id, chart])));
