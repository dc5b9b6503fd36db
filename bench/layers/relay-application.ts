import { RelayApplicationLayer } from '../../src/actors/relay/layer.ts';
import type { SslIndication, SslRequest } from '../../src/actors/services.ts';
import { recordParameters } from '../../test/support/record-parameters.ts';
import { BenchHost } from '../support/bench-host.ts';
import { benchInterface, INBOUND, OTHER, OUTBOUND, OWN, tcpFrame } from '../support/frames.ts';
import { layerBenchmarks, type Stand } from '../support/layer-benchmark.ts';

const SITES = 1_000;
const PORT = 443;
const FIRST_PORT = 10_000;
const HERE = benchInterface(10, 1);
const THERE = benchInterface(20, 2);
const CHOICE = { shape: 'tcp', handshake: 'hold' } as const;

/** All sessions are up; the two stations are learned behind the first two sites. */
function forward(frame_bytes: number): Stand {
  const host = new BenchHost();
  const names = Array.from({ length: SITES }, (_, at) => `site${at}`);
  const peers = names.map((name) => ({ name, connect: false, ...CHOICE }));
  let out = 0;
  const layer = host.attach(
    new RelayApplicationLayer(host, '1001', { name: 'relay10', address: HERE.address, peers }),
    {
      ssl: ({ kind }: SslRequest) => {
        if (kind === 'frame') out += 1;
      },
    },
  );
  const indicate = (indication: SslIndication) => host.inject('ssl', indication);
  for (const [at, session] of names.entries()) {
    const tuple = { local: HERE.address, localPort: PORT, remote: THERE.address, remotePort: FIRST_PORT + at };
    indicate({ kind: 'accepted', session, tuple });
    indicate({ kind: 'secured', session, parameters: recordParameters({ peerName: session }) });
    indicate({ kind: 'authenticated', session });
  }
  const frame = host.frame(tcpFrame(OTHER, OWN, INBOUND, frame_bytes));
  const [from, to] = names as [string, string];
  indicate({ kind: 'frame', session: to, frame: host.frame(tcpFrame(OWN, OTHER, OUTBOUND, frame_bytes)) });
  indicate({ kind: 'frame', session: from, frame });
  if (layer.stationCount !== 2) throw new Error('relay application: the stations are not learned');
  return { host, port: 'ssl', out: () => out, messages: () => [{ kind: 'frame', session: from, frame }] };
}

/** Relay application 1001 with 1,000 sessions: one operation is one frame from a session that goes to the one session it is for. */
export const relayApplicationBenchmarks = layerBenchmarks('relay-application forward', forward);
