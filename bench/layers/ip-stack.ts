import { IpStackLayer } from '../../src/actors/ip-stack/layer.ts';
import type { BenchHost } from '../support/bench-host.ts';
import { INBOUND, OTHER, OUTBOUND, OWN, tcpFrame, tcpPacket } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';
import { meetNeighbour } from '../support/neighbour.ts';

const make = (host: BenchHost) => new IpStackLayer(host, '2005', { interface: OWN });

/** IP stack 2005: one operation is one frame for this host (up), or one packet to a known neighbour that gets its Ethernet header (down). */
export const ipStackBenchmarks = [
  ...layerBenchmarks('ip-stack up', (frame_bytes) =>
    passing(make, 'lower', 'upper', tcpFrame(OTHER, OWN, INBOUND, frame_bytes)),
  ),
  ...layerBenchmarks('ip-stack down', (frame_bytes) =>
    passing(make, 'upper', 'lower', tcpPacket(OUTBOUND, frame_bytes), meetNeighbour),
  ),
];
