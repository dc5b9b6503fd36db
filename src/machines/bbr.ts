import { setup } from 'xstate';
import { command } from './command.ts';

export type BbrEvent =
  /** Sending faster brings no more, or too much is lost. */
  | { type: 'pipe.full' }
  /** No more is under way than the path holds without a queue. */
  | { type: 'queue.drained' }
  /** There is headroom for others, and no queue. */
  | { type: 'time.cruise' }
  | { type: 'time.probe' }
  /** A round trip went by since refilling began. */
  | { type: 'pipe.refilled' }
  | { type: 'probe.over' }
  /** The smallest round trip was seen too long ago. */
  | { type: 'rtt.stale' }
  /** It was measured anew; `full`: the pipe has been full before. */
  | { type: 'rtt.probed'; full: boolean }
  /** The losses that ended Startup, or a probe, were none. */
  | { type: 'undo.startup' }
  | { type: 'undo.probe' };

const STALE = { 'rtt.stale': { target: 'ProbeRTT', actions: ['beginRttProbe'] as const } } as const;
const UNDO_STARTUP = { 'undo.startup': { target: 'Startup' } } as const;
const UNDO_PROBE = { 'undo.probe': { target: 'ProbeBW_REFILL', actions: ['beginRefill'] as const } } as const;
const PROBE = { 'time.probe': { target: 'ProbeBW_REFILL', actions: ['beginRefill'] as const } } as const;

/** Phases of BBR, by their names in draft-ietf-ccwg-bbr section 5.1.1. */
export const bbrMachine = setup({
  types: {} as { events: BbrEvent },
  actions: {
    beginDrain: command(),
    beginDown: command(),
    beginRefill: command(),
    beginUp: command(),
    beginRttProbe: command(),
  },
  guards: { wasFull: ({ event }) => event.type === 'rtt.probed' && event.full },
}).createMachine({
  id: 'bbr',
  initial: 'Startup',
  states: {
    Startup: {
      on: { 'pipe.full': { target: 'Drain', actions: ['beginDrain'] }, ...STALE },
    },
    Drain: {
      on: { 'queue.drained': { target: 'ProbeBW_DOWN', actions: ['beginDown'] }, ...STALE, ...UNDO_STARTUP },
    },
    ProbeBW_DOWN: {
      on: { 'time.cruise': { target: 'ProbeBW_CRUISE' }, ...PROBE, ...STALE, ...UNDO_STARTUP, ...UNDO_PROBE },
    },
    ProbeBW_CRUISE: {
      on: { ...PROBE, ...STALE, ...UNDO_STARTUP, ...UNDO_PROBE },
    },
    ProbeBW_REFILL: {
      on: { 'pipe.refilled': { target: 'ProbeBW_UP', actions: ['beginUp'] }, ...STALE, ...UNDO_STARTUP },
    },
    ProbeBW_UP: {
      on: { 'probe.over': { target: 'ProbeBW_DOWN', actions: ['beginDown'] }, ...STALE, ...UNDO_STARTUP },
    },
    ProbeRTT: {
      on: {
        'rtt.probed': [{ guard: 'wasFull', target: 'ProbeBW_CRUISE', actions: ['beginDown'] }, { target: 'Startup' }],
      },
    },
  },
});

export type BbrPhase =
  | 'Startup'
  | 'Drain'
  | 'ProbeBW_DOWN'
  | 'ProbeBW_CRUISE'
  | 'ProbeBW_REFILL'
  | 'ProbeBW_UP'
  | 'ProbeRTT';

/** What a phase means for the handlers (section 5.6.1). */
export interface BbrDecision {
  readonly phase: BbrPhase;
  readonly pacingGain: number;
  readonly cwndGain: number;
  /** One of the four ProbeBW phases. */
  readonly cycles: boolean;
  /** Losses are the price of probing: they do not slow down. */
  readonly probes: boolean;
}

const DECISIONS: Readonly<Record<BbrPhase, BbrDecision>> = {
  Startup: { phase: 'Startup', pacingGain: 2.77, cwndGain: 2, cycles: false, probes: true },
  Drain: { phase: 'Drain', pacingGain: 0.5, cwndGain: 2, cycles: false, probes: false },
  ProbeBW_DOWN: { phase: 'ProbeBW_DOWN', pacingGain: 0.9, cwndGain: 2, cycles: true, probes: false },
  ProbeBW_CRUISE: { phase: 'ProbeBW_CRUISE', pacingGain: 1, cwndGain: 2, cycles: true, probes: false },
  ProbeBW_REFILL: { phase: 'ProbeBW_REFILL', pacingGain: 1, cwndGain: 2, cycles: true, probes: true },
  ProbeBW_UP: { phase: 'ProbeBW_UP', pacingGain: 1.25, cwndGain: 2.25, cycles: true, probes: true },
  ProbeRTT: { phase: 'ProbeRTT', pacingGain: 1, cwndGain: 0.5, cycles: false, probes: false },
};

/** The decision for a value of the machine's snapshot. */
export function bbrDecision(value: string | object): BbrDecision {
  return DECISIONS[value as BbrPhase];
}
