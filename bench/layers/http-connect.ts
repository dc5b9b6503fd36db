import { HttpConnectLayer } from '../../src/actors/http-connect/layer.ts';
import type { TcpRequest } from '../../src/actors/services.ts';
import { buildConnectResponse } from '../../src/wire/http-connect.ts';
import { BenchHost } from '../support/bench-host.ts';
import { HEADERS_BYTES, OTHER, OWN } from '../support/frames.ts';
import { layerBenchmarks, type Stand } from '../support/layer-benchmark.ts';

const CONNECTION = 'proxied';
const { address: destination } = OTHER;
const BEHIND_PROXY = { address: destination, port: 443, proxy: { address: OWN.address, port: 3128 } };

/** A connection whose way the proxy has opened. */
function opened(): { readonly host: BenchHost; readonly counts: { up: number; down: number } } {
  const host = new BenchHost();
  const counts = { up: 0, down: 0 };
  host.attach(new HttpConnectLayer(host, '3002P', { destinations: [BEHIND_PROXY] }), {
    upper: () => {
      counts.up += 1;
    },
    lower: ({ kind }: TcpRequest) => {
      if (kind === 'write') counts.down += 1;
    },
  });
  host.inject('upper', { kind: 'connect', connection: CONNECTION, destination, destinationPort: BEHIND_PROXY.port });
  host.inject('lower', { kind: 'connected', connection: CONNECTION, localPort: 5000 });
  host.inject('lower', { kind: 'data', connection: CONNECTION, bytes: buildConnectResponse(200) });
  if (counts.up !== 1) throw new Error('http-connect: the way is not open');
  return { host, counts };
}

function sending(frame_bytes: number): Stand {
  const { host, counts } = opened();
  const write = { kind: 'write', connection: CONNECTION, bytes: new Uint8Array(frame_bytes - HEADERS_BYTES) };
  return { host, port: 'upper', out: () => counts.down, messages: () => [write] };
}

function receiving(frame_bytes: number): Stand {
  const { host, counts } = opened();
  const data = { kind: 'data', connection: CONNECTION, bytes: new Uint8Array(frame_bytes - HEADERS_BYTES) };
  return { host, port: 'lower', out: () => counts.up, messages: () => [data] };
}

/** HTTP CONNECT 3002P with an open way through a proxy: one operation is what one segment carries, from TCP (up) or to it (down). */
export const httpConnectBenchmarks = [
  ...layerBenchmarks('http-connect up', receiving),
  ...layerBenchmarks('http-connect down', sending),
];
