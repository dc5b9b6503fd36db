import { DriverLayer } from '../../src/actors/driver/layer.ts';
import { INBOUND, OTHER, OWN, tcpFrame } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

/** Driver 2007: one operation is one frame from the network interface that goes up. */
export const driverBenchmarks = layerBenchmarks('driver up', (frame_bytes) =>
  passing((host) => new DriverLayer(host, '2007'), 'lower', 'upper', tcpFrame(OTHER, OWN, INBOUND, frame_bytes)),
);
