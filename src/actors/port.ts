import { Subject, Subscriber } from 'rxjs';
import type { RunQueue } from './run-queue.ts';

/** Called for every message that crosses a port, before it is delivered. */
export type CrossingTap = (port: Port<unknown, unknown>, message: unknown) => void;

/**
 * One side of a layer. `received$` carries what the layer gets here, `send` gives to whatever is joined to it. Frame ports
 * carry {@link Frame}s both ways; service ports carry typed requests one way and indications the other.
 */
export class Port<In, Out> {
  readonly received$ = new Subject<In>();
  /** Label of the layer, e.g. `2006`. */
  readonly layer: string;
  /** Name of the port within its layer, e.g. `upper`. */
  readonly name: string;
  readonly #queue: RunQueue;
  readonly #tap: CrossingTap | undefined;
  #peer: Port<Out, In> | undefined;

  constructor(layer: string, name: string, queue: RunQueue, tap?: CrossingTap) {
    this.layer = layer;
    this.name = name;
    this.#queue = queue;
    this.#tap = tap;
  }

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  /** Sends to the joined port; false when nothing is joined (the caller counts a drop where that matters). */
  send(message: Out): boolean {
    const peer = this.#peer;
    if (peer === undefined) return false;
    this.#tap?.(this as Port<unknown, unknown>, message);
    this.#queue.push(peer.#deliver, message);
    return true;
  }

  readonly #deliver = (message: In): void => this.received$.next(message);

  /** Joins two ports; each can be joined once. */
  static join<A, B>(one: Port<A, B>, other: Port<B, A>): void {
    if (one.#peer !== undefined || other.#peer !== undefined) {
      throw new Error(`port ${one.layer}.${one.name} or ${other.layer}.${other.name} is joined already`);
    }
    one.#peer = other;
    other.#peer = one;
  }
}

/**
 * A handler whose errors are the sender's: RxJS would report them later, outside of the input that caused them. Also saves a try block
 * per message.
 */
export class HandlerSubscriber<T> extends Subscriber<T> {
  readonly #handle: (message: T) => void;

  constructor(handle: (message: T) => void) {
    super();
    this.#handle = handle;
  }

  protected override _next(message: T): void {
    this.#handle(message);
  }
}
