import { HttpProxyLayer } from '../../src/actors/http-proxy/layer.ts';
import type { TcpRequest } from '../../src/actors/services.ts';
import { buildConnect } from '../../src/wire/http-connect.ts';
import { BenchHost } from '../support/bench-host.ts';
import { HEADERS_BYTES, OTHER, OWN } from '../support/frames.ts';
import { layerBenchmarks, type Stand } from '../support/layer-benchmark.ts';

const CLIENT = 'accepted-1';
const PORT = 3128;
const SERVER_PORT = 443;
const OPTIONS = {
  address: OWN.address,
  port: PORT,
  outgoing: OWN.address,
  allowed: [{ destination: { address: OTHER.address, prefix: 32 } }],
};

/** A client whose way to its server is open. */
function forwarding(frame_bytes: number): Stand {
  const host = new BenchHost();
  let out = 0;
  host.attach(new HttpProxyLayer(host, '3301', OPTIONS), {
    tcp: ({ kind, ...request }: TcpRequest & { connection: string }) => {
      if (kind === 'connect')
        host.peer('tcp').send({ kind: 'connected', connection: request.connection, localPort: 5 });
      else if (kind === 'write' && request.connection !== CLIENT) out += 1;
    },
  });
  const tell = (kind: string, more: object) => host.inject('tcp', { kind, connection: CLIENT, ...more });
  tell('accepted', { localPort: PORT, remote: OTHER.address, remotePort: 5 });
  tell('data', { bytes: buildConnect(OTHER.address, SERVER_PORT) });
  const data = { kind: 'data', connection: CLIENT, bytes: new Uint8Array(frame_bytes - HEADERS_BYTES) };
  return { host, port: 'tcp', out: () => out, messages: () => [data] };
}

/** HTTP proxy 3301 with one open way: one operation is what one segment of the client carries, written to the server. */
export const httpProxyBenchmarks = layerBenchmarks('http-proxy forward', forwarding);
