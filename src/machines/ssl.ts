import { assign, setup } from 'xstate';
import { command } from './command.ts';

/** The handshake, negotiation and installation together may take so long. */
export const HANDSHAKE_MS = 30_000;
/** The peer's close_notify is waited for so long. */
export const CLOSING_MS = 3_000;
/** TCP may take so long to send what is left and to close. */
export const LINGER_MS = 5_000;

export interface SslContext {
  readonly client: boolean;
  /** The application has told what it knows of the leg. */
  readonly legKnown: boolean;
  /** What the application will be told when the end is complete. */
  readonly closing: string;
}

export type SslEvent =
  | { type: 'connect' }
  | { type: 'accepted' }
  | { type: 'tcp.connected' }
  /** TCP's connection is gone. */
  | { type: 'tcp.gone'; reason: string }
  | { type: 'leg' }
  /** The peer's certificate is good and its name is the expected one. */
  | { type: 'tls.secured' }
  /** close_notify went both ways. */
  | { type: 'tls.ended' }
  | { type: 'offer.received' }
  /** A GO that fits the OFFER. */
  | { type: 'go.received' }
  /** `reason`: what the application will be told. */
  | { type: 'stop.received'; reason: string }
  /** The application's record engine has its keys. */
  | { type: 'installed' }
  | { type: 'renew' }
  /** Server: a plaintext handshake record after the session stood: the client begins a new TLS session. */
  | { type: 'hello.received' }
  /** A sealed BYE came. */
  | { type: 'records.bye' }
  /** Nothing of the peer opened for too long. */
  | { type: 'records.dead' }
  | { type: 'close' }
  | { type: 'failed'; reason: string }
  /** The peer's OFFER or GO cannot be accepted, and can still be told so. */
  | { type: 'refused'; reason: string }
  | { type: 'timer' };

interface Why {
  reason: string;
}
interface Delay {
  delay_ms: number;
}

/**
 * One SSL session (docs/PROTOCOL.md section 5; spec 2.4 steps 4-26). A renewal goes through HANDSHAKE and negotiation again over the
 * same stream; records go on meanwhile.
 */
export const sslMachine = setup({
  types: {} as { context: SslContext; events: SslEvent; input: { client: boolean } },
  actions: {
    tcpConnect: command(),
    tcpClose: command(),
    tcpAbort: command(),
    /** Begins a TLS session of the next generation. */
    openTls: command(),
    /** STOP for a reason and close_notify; where TLS cannot say it any more, `tls.ended` follows at once. */
    endTls: command<Why>(),
    sendOffer: command(),
    /** Server: chooses from the OFFER, derives keys, tells the application; or `failed` follows. */
    agree: command(),
    /** Client: derives keys from the GO, tells the application; or `failed` follows. */
    accept: command(),
    sendGo: command(),
    /** A sealed BYE, where the record part is on. */
    stopRecords: command(),
    /** `timer` comes after `delay_ms`. */
    armTimer: command<Delay>(),
    disarmTimer: command(),
    indicateAccepted: command(),
    indicateConnected: command(),
    indicateClosed: command<Why>(),
    /** All is over. */
    forget: command(),
    legIsKnown: assign({ legKnown: true }),
    closeAsLocal: assign({ closing: 'local' }),
    closeAsPeer: assign({ closing: 'peer' }),
    closeAsSaid: assign({ closing: ({ event }) => reasonOf({ event }).reason }),
  },
  guards: {
    client: ({ context }) => context.client,
    server: ({ context }) => !context.client,
    legKnown: ({ context }) => context.legKnown,
    clientWithLeg: ({ context }) => context.client && context.legKnown,
  },
}).createMachine({
  id: 'ssl',
  context: ({ input }) => ({ client: input.client, legKnown: false, closing: 'local' }),
  initial: 'IDLE',
  states: {
    IDLE: {
      on: {
        connect: {
          target: 'ALIVE.TCP-CONNECTING',
          actions: ['tcpConnect', { type: 'armTimer', params: handshakeTime }],
        },
        accepted: {
          target: 'ALIVE.HANDSHAKE',
          actions: ['indicateAccepted', 'openTls', { type: 'armTimer', params: handshakeTime }],
        },
      },
    },
    ALIVE: {
      initial: 'TCP-CONNECTING',
      on: {
        leg: { actions: 'legIsKnown' },
        close: {
          target: 'CLOSING',
          actions: [
            'closeAsLocal',
            'stopRecords',
            { type: 'armTimer', params: closingTime },
            { type: 'endTls', params: closingOf },
          ],
        },
        'stop.received': {
          target: 'CLOSING',
          actions: [
            'closeAsSaid',
            'stopRecords',
            { type: 'armTimer', params: closingTime },
            { type: 'endTls', params: closingOf },
          ],
        },
        refused: {
          target: 'CLOSING',
          actions: [
            'closeAsSaid',
            'stopRecords',
            { type: 'armTimer', params: closingTime },
            { type: 'endTls', params: closingOf },
          ],
        },
        'records.bye': {
          target: 'CLOSING',
          actions: ['closeAsPeer', { type: 'armTimer', params: closingTime }, { type: 'endTls', params: closingOf }],
        },
        'records.dead': { target: 'CLOSED', actions: ['tcpAbort', { type: 'indicateClosed', params: peerDead }] },
        'tls.ended': {
          target: 'LINGERING',
          actions: [
            'closeAsPeer',
            'stopRecords',
            'tcpClose',
            { type: 'armTimer', params: lingerTime },
            { type: 'indicateClosed', params: closingOf },
          ],
        },
        failed: {
          target: 'LINGERING',
          actions: [
            'stopRecords',
            'tcpClose',
            { type: 'armTimer', params: lingerTime },
            { type: 'indicateClosed', params: reasonOf },
          ],
        },
        'tcp.gone': { target: 'CLOSED', actions: { type: 'indicateClosed', params: reasonOf } },
        timer: { target: 'CLOSED', actions: ['tcpAbort', { type: 'indicateClosed', params: timedOut }] },
      },
      states: {
        'TCP-CONNECTING': {
          on: {
            'tcp.connected': { target: 'HANDSHAKE', actions: ['indicateConnected', 'openTls'] },
            close: { target: '#ssl.CLOSED', actions: ['tcpAbort', { type: 'indicateClosed', params: closingOf }] },
          },
        },
        HANDSHAKE: {
          on: {
            'tls.secured': [
              { guard: 'clientWithLeg', target: 'AWAITING-GO', actions: 'sendOffer' },
              { guard: 'client', target: 'AWAITING-LEG' },
              { target: 'AWAITING-OFFER' },
            ],
          },
        },
        /** The client cannot offer, or the server cannot judge an offer, before it knows what the leg's set-up looked like from here. */
        'AWAITING-LEG': {
          on: {
            leg: [
              { guard: 'client', target: 'AWAITING-GO', actions: ['legIsKnown', 'sendOffer'] },
              { target: 'AWAITING-INSTALL', actions: ['legIsKnown', 'agree'] },
            ],
          },
        },
        'AWAITING-OFFER': {
          on: {
            'offer.received': [
              { guard: 'legKnown', target: 'AWAITING-INSTALL', actions: 'agree' },
              { target: 'AWAITING-LEG' },
            ],
          },
        },
        'AWAITING-INSTALL': {
          on: { installed: { target: 'ESTABLISHED', actions: ['sendGo', 'disarmTimer'] } },
        },
        'AWAITING-GO': {
          on: { 'go.received': { target: 'ESTABLISHED', actions: ['disarmTimer', 'accept'] } },
        },
        ESTABLISHED: {
          on: {
            renew: {
              guard: 'client',
              target: 'HANDSHAKE',
              actions: ['openTls', { type: 'armTimer', params: handshakeTime }],
            },
            'hello.received': {
              guard: 'server',
              target: 'HANDSHAKE',
              actions: ['openTls', { type: 'armTimer', params: handshakeTime }],
            },
          },
        },
      },
    },
    /** Ours is said; the peer's close_notify is waited for. */
    CLOSING: {
      on: {
        'tls.ended': {
          target: 'LINGERING',
          actions: [
            'tcpClose',
            { type: 'armTimer', params: lingerTime },
            { type: 'indicateClosed', params: closingOf },
          ],
        },
        failed: {
          target: 'LINGERING',
          actions: [
            'tcpClose',
            { type: 'armTimer', params: lingerTime },
            { type: 'indicateClosed', params: closingOf },
          ],
        },
        'tcp.gone': { target: 'CLOSED', actions: { type: 'indicateClosed', params: closingOf } },
        timer: { target: 'CLOSED', actions: ['tcpAbort', { type: 'indicateClosed', params: closingOf }] },
      },
    },
    /** The application knows that it is over; TCP still sends what is left, an alert for example. */
    LINGERING: {
      on: {
        'tcp.gone': { target: 'CLOSED' },
        timer: { target: 'CLOSED', actions: 'tcpAbort' },
      },
    },
    CLOSED: { entry: 'forget' },
  },
});

function handshakeTime(): Delay {
  return { delay_ms: HANDSHAKE_MS };
}

function closingTime(): Delay {
  return { delay_ms: CLOSING_MS };
}

function lingerTime(): Delay {
  return { delay_ms: LINGER_MS };
}

function peerDead(): Why {
  return { reason: 'peer-dead' };
}

function timedOut(): Why {
  return { reason: 'timed-out' };
}

function closingOf({ context }: { context: SslContext }): Why {
  return { reason: context.closing };
}

function reasonOf({ event }: { event: SslEvent }): Why {
  return { reason: 'reason' in event ? event.reason : '' };
}
