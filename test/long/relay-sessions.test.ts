import { it } from 'vitest';
import { checkRelaySessions } from '../support/relay-sessions.ts';

it('a relay with 1,000 sessions: learning, broadcast, unknown unicast, death and return of a session', () =>
  checkRelaySessions(1_000));
