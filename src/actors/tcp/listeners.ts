import type { ListenOnly, TcpRequest } from '../services.ts';
import { SYN_COOKIE_PERIOD_US } from './limits.ts';
import type { TcpTuple } from './segment.ts';
import type { TcpChoices } from './settings.ts';

export type ListenRequest = Extract<TcpRequest, { kind: 'listen' }>;

/** What a listening port knows. */
export interface Listener {
  readonly port: number;
  readonly user: string;
  /** Connections that the user takes at a time; null: as many as TCP has. */
  readonly most: number | null;
  readonly only: ListenOnly;
  /** For what comes of it. */
  readonly choices: TcpChoices | null;
  /** Handshakes under way. */
  pending: number;
  /** Connections that the user was told of and that are not closed. */
  open: number;
  /** Until then an ACK may bring back a cookie that we have sent. */
  cookiesUntil_us: number;
}

/** No cookie was ever sent. */
const NEVER_US = -1;
/** A cookie is good in the period in which it was made and in the next. */
const COOKIE_PERIODS = 2;

/** The ports where somebody listens. */
export class Listeners {
  readonly #byPort = new Map<number, Listener>();

  get(port: number): Listener | undefined {
    return this.#byPort.get(port);
  }

  /** Who takes a connection between these ends. */
  find({ local, localPort, remote, remotePort }: TcpTuple): Listener | undefined {
    const listener = this.#byPort.get(localPort);
    if (listener === undefined) return undefined;
    const { only } = listener;
    const fits = (only.address ?? local) === local && (only.remote ?? remote) === remote;
    return fits && (only.remotePort ?? remotePort) === remotePort ? listener : undefined;
  }

  /** `open`: connections of an earlier listener of the port that are still there. */
  add({ port, most, only, choices }: ListenRequest, user: string, open: number): void {
    const wanted = { most: most ?? null, only: { ...only }, choices: choices ?? null };
    this.#byPort.set(port, { port, user, ...wanted, pending: 0, open, cookiesUntil_us: NEVER_US });
  }

  remove(port: number): void {
    this.#byPort.delete(port);
  }

  clear(): void {
    this.#byPort.clear();
  }

  save(): Listener[] {
    return [...this.#byPort.values()].map((listener) => ({ ...listener }));
  }

  restore(saved: readonly Listener[]): void {
    for (const listener of saved) this.#byPort.set(listener.port, { ...listener });
  }
}

/** Whether the user takes no more connections. */
export function isFull({ most, open }: Listener): boolean {
  return most !== null && open >= most;
}

/** A cookie was sent now. */
export function noteCookie(listener: Listener, now_us: number): void {
  listener.cookiesUntil_us = now_us + COOKIE_PERIODS * SYN_COOKIE_PERIOD_US;
}

/** Whether an ACK may bring back a cookie: outside of a flood nobody's guess is looked at. */
export function expectsCookies({ cookiesUntil_us }: Listener, now_us: number): boolean {
  return now_us <= cookiesUntil_us;
}
