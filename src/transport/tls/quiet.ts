/** Rounds of the event loop without any sign of life after which OpenSSL is taken to have said all: a write completes in one. */
const QUIET_TURNS = 4;
/** Rounds after which waiting is given up: OpenSSL never needs that many for what it holds. */
const GIVE_UP_TURNS = 100_000;

/**
 * Resolves when `activity` (a counter that grows with every sign of life) stood still for QUIET_TURNS rounds of the event
 * loop while nothing was `pending`. OpenSSL works on this thread only and each of its steps is set off by the step before
 * or by setImmediate, so quiet rounds mean that no step is left. Rejects after GIVE_UP_TURNS rounds.
 */
export async function untilQuiet(activity: () => number, pending: () => boolean): Promise<void> {
  let seen = activity();
  let quiet = 0;
  for (let turn = 0; turn < GIVE_UP_TURNS; turn++) {
    await new Promise(setImmediate);
    quiet = activity() === seen && !pending() ? quiet + 1 : 0;
    if (quiet === QUIET_TURNS) return;
    seen = activity();
  }
  throw new Error(`TLS was still busy after ${GIVE_UP_TURNS} rounds of the event loop`);
}
