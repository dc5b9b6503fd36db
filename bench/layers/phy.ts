import { PhyLayer } from '../../src/actors/phy/layer.ts';
import { INBOUND, OTHER, OWN, tcpFrame } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

/** PHY 2012: one operation is one frame from the cable that goes up. */
export const phyBenchmarks = layerBenchmarks('phy up', (frame_bytes) =>
  passing((host) => new PhyLayer(host, '2012'), 'cable', 'upper', tcpFrame(OTHER, OWN, INBOUND, frame_bytes)),
);
