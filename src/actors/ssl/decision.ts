import type { SnapshotFrom } from 'xstate';
import type { sslMachine } from '../../machines/ssl.ts';

/** What the handlers of a session read of its machine. */
export interface Decision {
  readonly expects: 'offer' | 'go' | undefined;
  readonly established: boolean;
  readonly alive: boolean;
}

export function decide(snapshot: SnapshotFrom<typeof sslMachine>): Decision {
  const alive = snapshot.matches('ALIVE');
  const awaitsOffer = snapshot.matches({ ALIVE: 'AWAITING-OFFER' });
  const awaitsGo = snapshot.matches({ ALIVE: 'AWAITING-GO' });
  return {
    expects: awaitsOffer ? 'offer' : awaitsGo ? 'go' : undefined,
    established: snapshot.matches({ ALIVE: 'ESTABLISHED' }),
    alive,
  };
}
