import type { InlineCipherLayer } from '../../src/actors/inline-cipher/layer.ts';
import type { EngineSession } from '../../src/wire/control-frame.ts';
import { engineSession } from '../../test/support/engine-pair.ts';
import { BenchHost } from './bench-host.ts';
import type { Benchmark } from './benchmark.ts';
import { INBOUND, OTHER, OUTBOUND, OWN, tcpFrame } from './frames.ts';
import { layerBenchmarks, type Stand } from './layer-benchmark.ts';

/** How one kind of in-line cipher is made, and how it is told of a session. */
export interface InlineCipherKind {
  make(host: BenchHost): InlineCipherLayer;
  start(host: BenchHost, session: EngineSession): void;
}

/** Benchmarks of an in-line cipher in a session: one operation is one frame of the session's TCP whose payload is encrypted or decrypted. */
export function inlineCipherBenchmarks(name: string, kind: InlineCipherKind): Benchmark[] {
  return [
    ...layerBenchmarks(`${name} out`, (frame_bytes) => ciphering(kind, 'encrypted', frame_bytes)),
    ...layerBenchmarks(`${name} in`, (frame_bytes) => ciphering(kind, 'decrypted', frame_bytes)),
  ];
}

function ciphering({ make, start }: InlineCipherKind, counter: 'encrypted' | 'decrypted', frame_bytes: number): Stand {
  const host = new BenchHost();
  const layer = host.attach(make(host), {});
  start(host, sessionOf(host));
  const isOut = counter === 'encrypted';
  const message = host.frame(
    isOut ? tcpFrame(OWN, OTHER, OUTBOUND, frame_bytes) : tcpFrame(OTHER, OWN, INBOUND, frame_bytes),
  );
  return {
    host,
    port: isOut ? 'upper' : 'lower',
    out: () => layer.counters[counter] ?? 0,
    messages: () => [message],
  };
}

/** Both directions are on, from the first byte. */
function sessionOf({ vault }: BenchHost): EngineSession {
  const base = vault.importBase(new Uint8Array(32).fill(1));
  return {
    ...engineSession(vault, 'server', false),
    ownMac: OWN.mac,
    nextHopMac: OTHER.mac,
    ownIp: OWN.address,
    peerIp: OTHER.address,
    ownPort: OUTBOUND.localPort,
    peerPort: OUTBOUND.remotePort,
    sendDataKeyId: vault.deriveStream(base, 1, 's2c'),
    receiveDataKeyId: vault.deriveStream(base, 1, 'c2s'),
    nextSequence: 1,
    acknowledgement: 1,
  };
}
