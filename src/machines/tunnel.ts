import { assign, setup } from 'xstate';
import { command } from './command.ts';

/** From the agreed keys to the first record of the peer that opened. */
export const STARTING_MS = 20_000;
/** The driver's leg may take so long to end after SSL has. */
export const LEG_LINGER_MS = 5_000;

export interface TunnelContext {
  /** We are the TLS client. */
  readonly client: boolean;
  /** The leg has ended, or there is none. */
  readonly legGone: boolean;
}

export type TunnelEvent =
  | { type: 'dial' }
  | { type: 'accepted' }
  | { type: 'ssl.connected' }
  | { type: 'ssl.secured' }
  | { type: 'ssl.closed' }
  | { type: 'leg.open' }
  | { type: 'leg.closed' }
  /** The record engine, or SSL's record part, has the keys. */
  | { type: 'installed' }
  /** First record of the peer opened. */
  | { type: 'authenticated' }
  /** The record engine wants the session to end, or has stopped unasked. */
  | { type: 'engine.ended' }
  | { type: 'renew' }
  | { type: 'close' }
  | { type: 'timer' };

interface Delay {
  delay_ms: number;
}

/**
 * One session of a gateway (spec 2.4, 3.4, 4.4): accelerator control and gateway application run the same machine, what `install`
 * means differs.
 */
export const tunnelMachine = setup({
  types: {} as { context: TunnelContext; events: TunnelEvent; input: { client: boolean; driver: boolean } },
  actions: {
    /** Announces the session to the driver, if there is one, and tells SSL to connect. */
    connect: command(),
    /** What the driver saw of the leg, or that there is none, for SSL. */
    tellLeg: command(),
    /** Gives keys and ids to the record engine; `installed` follows. */
    install: command(),
    /** The same for a session that has some already. */
    reinstall: command(),
    /** The server's SSL may say GO. */
    sayInstalled: command(),
    /** The session carries frames. */
    up: command(),
    askRenewal: command(),
    armRenewal: command(),
    /** `timer` comes after `delay_ms`. */
    armTimer: command<Delay>(),
    disarmTimer: command(),
    closeSsl: command(),
    /** SSL is through with the session. */
    ended: command(),
    /** Ends what the engine and the driver still know of the session. */
    forget: command(),
    legIsGone: assign({ legGone: true }),
  },
  guards: {
    client: ({ context }) => context.client,
    server: ({ context }) => !context.client,
    legGone: ({ context }) => context.legGone,
  },
}).createMachine({
  id: 'tunnel',
  context: ({ input }) => ({ client: input.client, legGone: !input.driver }),
  initial: 'IDLE',
  states: {
    IDLE: {
      on: {
        dial: { target: 'ALIVE.CONNECTING', actions: 'connect' },
        accepted: [{ guard: 'legGone', target: 'ALIVE.SECURING', actions: 'tellLeg' }, { target: 'ALIVE.SECURING' }],
      },
    },
    ALIVE: {
      initial: 'CONNECTING',
      on: {
        close: { target: 'CLOSING', actions: ['disarmTimer', 'closeSsl'] },
        'engine.ended': { target: 'CLOSING', actions: ['disarmTimer', 'closeSsl'] },
        'leg.closed': { target: 'CLOSING', actions: ['legIsGone', 'disarmTimer', 'closeSsl'] },
        'ssl.closed': [
          { guard: 'legGone', target: 'ENDED', actions: 'ended' },
          { target: 'LINGERING', actions: ['ended', { type: 'armTimer', params: lingerTime }] },
        ],
      },
      states: {
        CONNECTING: {
          on: {
            'leg.open': { actions: 'tellLeg' },
            'ssl.connected': [{ guard: 'legGone', target: 'SECURING', actions: 'tellLeg' }, { target: 'SECURING' }],
          },
        },
        /** TLS and negotiation; in `immediate` handshakes, and at the far end, the leg may open only now. */
        SECURING: {
          on: {
            'leg.open': { actions: 'tellLeg' },
            'ssl.secured': { target: 'STARTING', actions: [{ type: 'armTimer', params: startingTime }, 'install'] },
          },
        },
        /** The record engine has keys, or is getting them; the peer has not yet been heard. */
        STARTING: {
          on: {
            installed: { guard: 'server', actions: 'sayInstalled' },
            authenticated: [
              { guard: 'client', target: 'UP', actions: ['armRenewal', 'up'] },
              { target: 'UP', actions: ['disarmTimer', 'up'] },
            ],
            timer: { target: '#tunnel.CLOSING', actions: 'closeSsl' },
          },
        },
        UP: {
          on: {
            renew: { guard: 'client', actions: ['askRenewal', 'armRenewal'] },
            timer: { actions: ['askRenewal', 'armRenewal'] },
            'ssl.secured': { target: 'RENEWING', actions: [{ type: 'armTimer', params: startingTime }, 'reinstall'] },
          },
        },
        /** New keys are being installed; the session goes on under the ones before. */
        RENEWING: {
          on: {
            installed: [
              { guard: 'client', target: 'UP', actions: 'armRenewal' },
              { target: 'UP', actions: ['disarmTimer', 'sayInstalled'] },
            ],
            timer: { target: '#tunnel.CLOSING', actions: 'closeSsl' },
          },
        },
      },
    },
    CLOSING: {
      on: {
        'leg.closed': { actions: 'legIsGone' },
        'ssl.closed': [
          { guard: 'legGone', target: 'ENDED', actions: 'ended' },
          { target: 'LINGERING', actions: ['ended', { type: 'armTimer', params: lingerTime }] },
        ],
      },
    },
    /** SSL is through; the last bytes of its TCP are still on their way, stamped by the engine where there is one. */
    LINGERING: {
      on: { 'leg.closed': { target: 'ENDED' }, timer: { target: 'ENDED' } },
    },
    ENDED: { entry: ['disarmTimer', 'forget'] },
  },
});

function startingTime(): Delay {
  return { delay_ms: STARTING_MS };
}

function lingerTime(): Delay {
  return { delay_ms: LEG_LINGER_MS };
}
