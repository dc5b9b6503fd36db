import { BridgeLayer } from '../../src/actors/bridge/layer.ts';
import { INBOUND, OTHER, OUTBOUND, OWN, tcpFrame } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

const PORTS = ['221', '222', '223'];

/** Bridge of hub 22, three ports: one operation is one frame between two learned stations. */
export const bridgeBenchmarks = layerBenchmarks('bridge forward', (frame_bytes) =>
  passing(
    (host) => new BridgeLayer(host, '224', { ports: PORTS.map((name) => ({ name, cable: true })) }),
    '221',
    '222',
    tcpFrame(OTHER, OWN, INBOUND, frame_bytes),
    (host) => host.inject('222', host.frame(tcpFrame(OWN, OTHER, OUTBOUND, frame_bytes))),
  ),
);
