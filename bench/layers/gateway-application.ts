import { GatewayApplicationLayer } from '../../src/actors/gateway/gateway-application.ts';
import type { SettingRequest, SslIndication, SslRequest } from '../../src/actors/services.ts';
import { recordParameters } from '../../test/support/record-parameters.ts';
import { BenchHost } from '../support/bench-host.ts';
import { benchInterface, INBOUND, OTHER, OWN, tcpFrame } from '../support/frames.ts';
import { layerBenchmarks, type Stand } from '../support/layer-benchmark.ts';

const PEER = 'gateway20';
const PORT = 443;
/** Outside of the LAN whose frames are tunnelled. */
const HERE = benchInterface(30, 1);
const THERE = benchInterface(20, 2);
const TUPLE = { local: HERE.address, remote: THERE.address, remotePort: PORT };
const PARAMETERS = recordParameters({ role: 'client', peerName: PEER });

interface Up {
  readonly host: BenchHost;
  readonly session: string;
  readonly counts: { intoTunnel: number; fromTunnel: number };
}

/** A gateway application whose one session is up: driver and SSL answer as they should. */
function up(): Up {
  const host = new BenchHost();
  const counts = { intoTunnel: 0, fromTunnel: 0 };
  let session = '';
  const indicate = (indication: Partial<SslIndication>) => host.peer('ssl').send({ session, ...indication });
  const toSsl = (request: SslRequest) => {
    if (request.kind === 'frame') counts.intoTunnel += 1;
    else if (request.kind === 'connect') {
      session = request.session;
      indicate({ kind: 'connected', tuple: { ...TUPLE, localPort: request.sourcePort } });
    } else if (request.kind === 'leg') indicate({ kind: 'secured', parameters: PARAMETERS });
    else if (request.kind === 'records') indicate({ kind: 'authenticated' });
  };
  const toDriver = (request: SettingRequest) => {
    if (request.kind !== 'announce-connect') return;
    const { tuple, shape, handshake } = request;
    const leg = { digest: new Uint8Array(32), ownMac: HERE.mac, nextHopMac: THERE.mac };
    host.peer('settings').send({ kind: 'leg-open', tuple, shape, handshake, ...leg });
  };
  const { address } = HERE;
  const peer = {
    name: PEER,
    address: THERE.address,
    port: PORT,
    connect: true,
    shape: 'tcp',
    handshake: 'hold',
  } as const;
  const config = { name: 'gateway30', address, peers: [peer] };
  const layer = host.attach(new GatewayApplicationLayer(host, '3001A', config), {
    ssl: toSsl,
    settings: toDriver,
    nic: () => {
      counts.fromTunnel += 1;
    },
  });
  const state = layer.status().peers[0]?.state;
  if (state !== 'UP') throw new Error(`gateway application: the session is ${state}, not UP`);
  return { host, session, counts };
}

function intoTunnel(frame_bytes: number): Stand {
  const { host, counts } = up();
  const frame = host.frame(tcpFrame(OTHER, OWN, INBOUND, frame_bytes));
  return { host, port: 'nic', out: () => counts.intoTunnel, messages: () => [frame] };
}

function fromTunnel(frame_bytes: number): Stand {
  const { host, session, counts } = up();
  const indication = { kind: 'frame', session, frame: host.frame(tcpFrame(OTHER, OWN, INBOUND, frame_bytes)) };
  return { host, port: 'ssl', out: () => counts.fromTunnel, messages: () => [indication] };
}

/**
 * Gateway application 3001A with one session, guarding against loops and lowering the MSS of SYNs. Down: one operation is one frame of
 * the virtual NIC that goes to SSL. Up: one frame of SSL that goes to the virtual NIC.
 */
export const gatewayApplicationBenchmarks = [
  ...layerBenchmarks('gateway-application down', intoTunnel),
  ...layerBenchmarks('gateway-application up', fromTunnel),
];
