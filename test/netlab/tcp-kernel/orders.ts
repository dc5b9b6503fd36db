/** What the two programs at the ends of a test are told, and what they tell: JSON lines, the same for our TCP and for the kernel's. */

/** What an end does by itself with a connection. */
export type Service =
  /** Receives and hashes; closes when the other side has. */
  | 'sink'
  /** As sink, but leaves closing to an order. */
  | 'manual'
  /** Sends back what comes; closes when the other side has. */
  | 'echo'
  /** Answers a request of REQUEST_BYTES by REPLY_BYTES and closes. */
  | 'reply'
  /** Sends a request, and closes when the other side has. */
  | 'ask';

export const REQUEST_BYTES = 100;
export const REPLY_BYTES = 1_000;

export type Order =
  | { order: 'listen'; port: number; service: Service }
  | {
      order: 'connect';
      id: string;
      address: string;
      port: number;
      sourcePort?: number;
      service: Service;
      /** Hops of a loose source route. */
      hops?: readonly string[];
    }
  /** A seeded pattern; `close`: FIN behind it. `every_ms`: in pieces of `piece` bytes, one each so often. */
  | { order: 'send'; id: string; bytes: number; seed: number; close?: boolean; piece?: number; every_ms?: number }
  | { order: 'read'; id: string; on: boolean }
  | { order: 'close'; id: string }
  /** By RST. */
  | { order: 'abort'; id: string }
  /** As a process that ends: what was not read is thrown away. Kernel only. */
  | { order: 'drop'; id: string }
  /** Short connections: so many, so many at once, each asks and is answered. */
  | { order: 'many'; count: number; parallel: number; address: string; port: number }
  | { order: 'option'; id: string; option: 'keepalive' | 'nagle'; value: number }
  | { order: 'stats' };

/** Fields of the events: `event` and, of most, `id`. */
export interface Told {
  readonly event:
    | 'ready'
    | 'listening'
    | 'accepted'
    | 'connected'
    | 'received'
    | 'sent'
    | 'closed'
    | 'many'
    | 'stats'
    | 'broken';
  // biome-ignore lint/suspicious/noExplicitAny: each event has its own fields, and the case that reads them checks them
  readonly [field: string]: any;
}
