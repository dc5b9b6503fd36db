import type { FourTuple } from '../../engine/f13.ts';
import { tupleKey } from '../intermediate-driver/settings.ts';
import type { Leg } from '../services.ts';
import { UNCLAIMED_LEGS } from './config.ts';

/** Legs whose session SSL has not told of yet, by their ends. The oldest gives way. */
export class UnclaimedLegs {
  readonly #legs = new Map<string, Leg>();

  keep(leg: Leg): void {
    this.#legs.set(tupleKey(leg.tuple), leg);
    const [oldest] = this.#legs.keys();
    if (this.#legs.size > UNCLAIMED_LEGS && oldest !== undefined) this.#legs.delete(oldest);
  }

  /** The leg of a session that has come up; forgotten here. */
  claim(tuple: FourTuple): Leg | undefined {
    const leg = this.#legs.get(tupleKey(tuple));
    this.forget(tuple);
    return leg;
  }

  forget(tuple: FourTuple): void {
    this.#legs.delete(tupleKey(tuple));
  }

  save(): readonly Leg[] {
    return [...this.#legs.values()];
  }

  restore(saved: readonly Leg[]): void {
    this.#legs.clear();
    for (const leg of saved) this.#legs.set(tupleKey(leg.tuple), leg);
  }
}
