import { RISKS } from './embodiments.ts';
import type { TunnelConfig } from './schema.ts';

/** What a good configuration's user must hear all the same, each time it is used. */
export function warningsOf({ ssl, peers }: Pick<TunnelConfig, 'ssl' | 'peers'>): string[] {
  if (ssl !== 'off') return [];
  const names = peers.map(({ name }) => name).join(', ');
  return [`SSL IS OFF, NOTHING IS ENCRYPTED on the way to ${names}: ${RISKS['no-secrecy']}`];
}
