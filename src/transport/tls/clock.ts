/** One-shot timers, injected so that tests and the lab decide what time is. */
export interface Clock {
  /** Runs `action` once after `delay_ms`; the answer cancels it. */
  after(delay_ms: number, action: () => void): () => void;
}

/** The process's own timers; a waiting one does not keep the process alive. */
export const realClock: Clock = {
  after(delay_ms, action) {
    const timer = setTimeout(action, delay_ms).unref();
    return () => clearTimeout(timer);
  },
};
