import { useSyncExternalStore } from 'react';
import type { Place } from '../../src/page-model/board.ts';

export const VIEWS = [
  { id: 'network', title: 'Network' },
  { id: 'chart', title: 'State chart' },
  { id: 'handshake', title: 'Handshake' },
] as const;

export type ViewId = (typeof VIEWS)[number]['id'];

/** What the address says: a view, and in the chart view a machine instance or the id of a machine. */
export interface Route {
  readonly view: ViewId;
  readonly place?: Place;
  readonly machine?: string;
}

/** `#/chart/0/gateway20/2006/leg-1` or `#/chart/leg`. */
export function linkTo({ view, place, machine }: Route): string {
  const parts = place ? [place.source, place.device, place.label, place.instance] : machine ? [machine] : [];
  return `#/${[view, ...parts].map((part) => encodeURIComponent(part)).join('/')}`;
}

function routeOf(hash: string): Route {
  const [view = '', ...parts] = hash.replace(/^#\//, '').split('/').map(decoded);
  const found = VIEWS.find(({ id }) => id === view)?.id ?? 'network';
  if (found !== 'chart' || parts.length === 0) return { view: found };
  const [source, device, label, instance = ''] = parts;
  return parts.length === 1
    ? { view: found, machine: source }
    : { view: found, place: { source: Number(source), device, label, instance } };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}

let current = { hash: location.hash, route: routeOf(location.hash) };

function read(): Route {
  if (current.hash !== location.hash) current = { hash: location.hash, route: routeOf(location.hash) };
  return current.route;
}

export function useRoute(): Route {
  return useSyncExternalStore((watcher) => {
    addEventListener('hashchange', watcher);
    return () => removeEventListener('hashchange', watcher);
  }, read);
}
