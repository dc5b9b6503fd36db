import { MacLayer } from '../../src/actors/mac/layer.ts';
import { INBOUND, OTHER, OWN, tcpFrame } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

/** MAC 2011: one operation is one received frame that passes the address filter. */
export const macBenchmarks = layerBenchmarks('mac up', (frame_bytes) =>
  passing(
    (host) => new MacLayer(host, '2011', { mac: OWN.mac }),
    'lower',
    'upper',
    tcpFrame(OTHER, OWN, INBOUND, frame_bytes),
  ),
);
