import { type Logger, pino } from 'pino';
import type { GatewayEvent } from '../transport/runtime/control-protocol.ts';

/** Where `up` says what happens: for people, or as JSON lines. */
export interface UpOutput {
  event(event: GatewayEvent): void;
  /** The gateway listens. */
  ready(facts: Readonly<Record<string, string | undefined>>, text: string): void;
  say(text: string): void;
}

/** JSON lines by pino; each event is a line with its own fields. */
export function jsonOutput(): UpOutput {
  // Synchronous: the last line before the end must not be lost.
  const log: Logger = pino(
    { base: null, timestamp: false, messageKey: 'text' },
    pino.destination({ fd: 1, sync: true }),
  );
  const time = (): string => new Date().toISOString();
  return {
    event: ({ text, ...event }) => log[event.kind === 'warning' ? 'warn' : 'info'](event, text),
    ready: (facts, text) => log.info({ time: time(), kind: 'ready', ...facts }, text),
    say: (text) => log.info({ time: time(), kind: 'gateway' }, text),
  };
}

/** Short lines with the time of day; steps of a set-up only where they are wanted. */
export function humanOutput(write: (text: string) => void, withSteps: boolean): UpOutput {
  const line = (time: Date, text: string): void => write(`${time.toTimeString().slice(0, 8)} ${text}\n`);
  return {
    event: ({ time, kind, text, layer }) => {
      if (kind !== 'step') line(new Date(time), kind === 'warning' ? `warning: ${text}` : text);
      else if (withSteps) line(new Date(time), `  ${layer}  ${text}`);
    },
    ready: (_, text) => line(new Date(), text),
    say: (text) => line(new Date(), text),
  };
}
