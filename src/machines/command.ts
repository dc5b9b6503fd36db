/**
 * How a machine asks for something to be done: its actions name commands and give their parameters, the actor that hosts it
 * carries them out. The implementations here do nothing, so machines stay pure.
 */
export function command<P = undefined>(): (args: unknown, params: P) => void {
  return () => {};
}
