import { assign, setup } from 'xstate';
import type { EngineSession } from '../wire/control-frame.ts';
import { command } from './command.ts';

export type EngineEvent =
  /** `free`: no other session has its id or its addresses and ports, and there is room. */
  | { type: 'start.commanded'; session: EngineSession; free: boolean }
  | { type: 'renew.commanded'; session: EngineSession }
  | { type: 'stop.commanded'; sessionId: number; reason: number }
  /** The new keys were taken. */
  | { type: 'session.renewed'; sessionId: number }
  /** First record of the session has opened. */
  | { type: 'session.authenticated'; sessionId: number }
  /** The session's peer said BYE, is dead, or numbers are used up. */
  | { type: 'session.ended'; sessionId: number; reason: number };

interface Named {
  sessionId: number;
}
interface NamedWhy extends Named {
  reason: number;
}

/** Sessions that one engine serves at a time. */
export const ENGINE_SESSIONS = 256;

/**
 * Acceleration engine 2014 (spec 1.5): everything passes until the start command; from then on frames of the PHY side are classified
 * (R1-R4), until the last session is stopped.
 */
export const engineMachine = setup({
  types: {} as { context: { readonly sessions: readonly number[] }; events: EngineEvent },
  actions: {
    installSession: command<{ session: EngineSession }>(),
    renewSession: command<{ session: EngineSession }>(),
    /** Keys of a session that is not served are forgotten. */
    refuseSession: command<{ session: EngineSession }>(),
    endSession: command<NamedWhy>(),
    reportStarted: command<Named>(),
    reportStopped: command<NamedWhy>(),
    reportAuthenticated: command<Named>(),
    reportDisconnect: command<NamedWhy>(),
    remember: assign({
      sessions: ({ context, event }) =>
        event.type === 'start.commanded' ? [...context.sessions, event.session.sessionId] : context.sessions,
    }),
    forget: assign({
      sessions: ({ context, event }) =>
        event.type === 'stop.commanded' ? context.sessions.filter((id) => id !== event.sessionId) : context.sessions,
    }),
  },
  guards: {
    known: ({ context, event }) => context.sessions.includes(idOf(event)),
    free: ({ event }) => event.type === 'start.commanded' && event.free,
    last: ({ context, event }) => context.sessions.length === 1 && context.sessions[0] === idOf(event),
  },
}).createMachine({
  id: 'engine',
  context: { sessions: [] },
  initial: 'PASS-THROUGH',
  states: {
    'PASS-THROUGH': {
      on: {
        'start.commanded': {
          target: 'ACCELERATING',
          actions: [
            'remember',
            { type: 'installSession', params: sessionOf },
            { type: 'reportStarted', params: named },
          ],
        },
        'renew.commanded': { actions: { type: 'refuseSession', params: sessionOf } },
        'stop.commanded': { actions: { type: 'reportStopped', params: namedWhy } },
      },
    },
    ACCELERATING: {
      on: {
        'start.commanded': [
          {
            guard: 'free',
            actions: [
              'remember',
              { type: 'installSession', params: sessionOf },
              { type: 'reportStarted', params: named },
            ],
          },
          { actions: { type: 'refuseSession', params: sessionOf } },
        ],
        'renew.commanded': [
          { guard: 'known', actions: { type: 'renewSession', params: sessionOf } },
          { actions: { type: 'refuseSession', params: sessionOf } },
        ],
        'stop.commanded': [
          {
            guard: 'last',
            target: 'PASS-THROUGH',
            actions: ['forget', { type: 'endSession', params: namedWhy }, { type: 'reportStopped', params: namedWhy }],
          },
          {
            guard: 'known',
            actions: ['forget', { type: 'endSession', params: namedWhy }, { type: 'reportStopped', params: namedWhy }],
          },
          { actions: { type: 'reportStopped', params: namedWhy } },
        ],
        'session.renewed': { actions: { type: 'reportStarted', params: named } },
        'session.authenticated': { actions: { type: 'reportAuthenticated', params: named } },
        'session.ended': { actions: { type: 'reportDisconnect', params: namedWhy } },
      },
    },
  },
});

function idOf(event: EngineEvent): number {
  return 'session' in event ? event.session.sessionId : event.sessionId;
}

function named({ event }: { event: EngineEvent }): Named {
  return { sessionId: idOf(event) };
}

function namedWhy({ event }: { event: EngineEvent }): NamedWhy {
  return { sessionId: idOf(event), reason: 'reason' in event ? event.reason : 0 };
}

function sessionOf({ event }: { event: EngineEvent }): { session: EngineSession } {
  return { session: (event as { session: EngineSession }).session };
}
