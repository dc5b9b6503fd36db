import { IpRoutingLayer } from '../../src/actors/ip-routing/layer.ts';
import type { BenchHost } from '../support/bench-host.ts';
import { INBOUND, OUTBOUND, OWN, tcpPacket } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

const make = (host: BenchHost) => new IpRoutingLayer(host, '2004', { lowers: [{ port: 'lower', interface: OWN }] });

/** IP routing 2004: one operation is one packet to TCP (up) or to the IP stack that leads to its destination (down). */
export const ipRoutingBenchmarks = [
  ...layerBenchmarks('ip-routing up', (frame_bytes) => passing(make, 'lower', 'tcp', tcpPacket(INBOUND, frame_bytes))),
  ...layerBenchmarks('ip-routing down', (frame_bytes) =>
    passing(make, 'tcp', 'lower', tcpPacket(OUTBOUND, frame_bytes)),
  ),
];
