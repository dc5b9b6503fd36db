/**
 * Transitions that no test takes, each with the reason why none can. The full test run fails when a transition is neither taken nor
 * explained here. Key: `machine id: from|event|to|index`, as the run prints it.
 */
export const explained: Record<string, string> = {};
