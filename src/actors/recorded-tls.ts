import type { TlsEngine } from './ssl/tls-provider.ts';
import type { Answer } from './world.ts';

/**
 * A TLS engine whose return values are in the journal: what `write` and `exportSecret` say depends on the TLS library's state, which
 * may be ahead of the events that the layer has handled. A replay's engine only gives out key ids, in the same order.
 */
export function recordedTls(engine: TlsEngine, ask: <T>(question: string, answer: Answer<T>) => T): TlsEngine {
  return {
    start: () => engine.start(),
    receive: (bytes) => engine.receive(bytes),
    receiveEnd: () => engine.receiveEnd(),
    write: (bytes) =>
      ask('tls-write', {
        compute: () => engine.write(bytes),
        toData: (taken) => taken,
        fromData: (data) => data === true,
      }),
    exportSecret: (label, context, length) => {
      const compute = () => engine.exportSecret(label, context, length);
      return ask('tls-export', {
        compute,
        toData: (id) => id ?? null,
        fromData: (data) => (data === null ? undefined : compute()),
      });
    },
    end: () => engine.end(),
    destroy: () => engine.destroy(),
  };
}
