import { VirtualNicLayer } from '../../src/actors/virtual-nic/layer.ts';
import { INBOUND, OTHER, OWN, tcpFrame } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

/** Virtual NIC 3010: one operation is one frame of its driver that goes to the gateway application. */
export const virtualNicBenchmarks = layerBenchmarks('virtual-nic up', (frame_bytes) =>
  passing(
    (host) => new VirtualNicLayer(host, '3010'),
    'driver',
    'application',
    tcpFrame(OTHER, OWN, INBOUND, frame_bytes),
  ),
);
