import { setup } from 'xstate';
import { command } from './command.ts';

export type CipherBelowEvent =
  /** Keys are agreed and frames may be taken from now on. */
  | { type: 'turned.on' }
  /** TCP has told the numbers of the next bytes both ways. */
  | { type: 'located' }
  /** The cipher has what it was given. */
  | { type: 'started' }
  /** The first unit of the client has come through the cipher. */
  | { type: 'peer.heard' }
  /** The cipher does not take the session, or has let it go. */
  | { type: 'stopped' }
  /** TCP's connection is gone. */
  | { type: 'ended' };

/**
 * Switching an in-line cipher on, seen from SSL (spec 08 9.4 steps 8 to 10): both ends must begin at the same byte of each direction, and
 * neither may send a byte that the other's cipher is not yet ready for. The client is silent from OFFER to here, the server from GO until the
 * client's first byte, so each end finds the two points by asking its own TCP where it stands: the client both when it has GO, the server that
 * of receiving before it says GO and that of sending when it has heard the client.
 */
export const cipherBelowMachine = setup({
  types: {} as { context: { readonly client: boolean }; events: CipherBelowEvent; input: { client: boolean } },
  actions: {
    /** Nothing is written to TCP until `release`. */
    hold: command(),
    release: command(),
    /** Asks TCP for its numbers; `located` follows. */
    locate: command(),
    /** Gives the cipher key and point of receiving; `started` follows. */
    installReceiving: command(),
    /** The same of both directions. */
    installBoth: command(),
    /** Server: GO may be said. */
    receiverReady: command(),
    uninstall: command(),
    fail: command(),
  },
  guards: { client: ({ context }) => context.client },
}).createMachine({
  id: 'cipher-below',
  context: ({ input }) => ({ client: input.client }),
  initial: 'OFF',
  states: {
    OFF: {
      on: {
        'turned.on': [
          { guard: 'client', target: 'ON.SWITCHING', actions: ['hold', 'locate'] },
          { target: 'ON.PREPARING', actions: 'locate' },
        ],
      },
    },
    ON: {
      initial: 'PREPARING',
      on: {
        stopped: { target: 'ENDED', actions: 'fail' },
        ended: { target: 'ENDED', actions: 'uninstall' },
      },
      states: {
        PREPARING: {
          on: {
            located: { actions: 'installReceiving' },
            started: { target: 'RECEIVING', actions: 'receiverReady' },
          },
        },
        /** Server: GO is out, and its own bytes so far stay in clear. */
        RECEIVING: { on: { 'peer.heard': { target: 'SWITCHING', actions: ['hold', 'locate'] } } },
        SWITCHING: {
          on: {
            located: { actions: 'installBoth' },
            started: { target: 'RUNNING', actions: 'release' },
          },
        },
        RUNNING: {},
      },
    },
    ENDED: {},
  },
});
