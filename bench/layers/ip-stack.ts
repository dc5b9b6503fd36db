import { IpStackLayer } from '../../src/actors/ip-stack/layer.ts';
import { ArpOperation } from '../../src/wire/arp.ts';
import { buildArpFrame } from '../../src/wire/build.ts';
import type { BenchHost } from '../support/bench-host.ts';
import { INBOUND, OTHER, OUTBOUND, OWN, tcpFrame, tcpPacket } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

const make = (host: BenchHost) => new IpStackLayer(host, '2005', { interface: OWN });

/** The neighbour asks for our address, and so is known. */
function meetNeighbour(host: BenchHost): void {
  const arp = {
    operation: ArpOperation.REQUEST,
    senderMac: OTHER.mac,
    senderIp: OTHER.address,
    targetMac: 0,
    targetIp: OWN.address,
  };
  host.inject('lower', host.frame(buildArpFrame({ ethernet: { destination: OWN.mac, source: OTHER.mac }, arp })));
}

/** IP stack 2005: one operation is one frame for this host (up), or one packet to a known neighbour that gets its Ethernet header (down). */
export const ipStackBenchmarks = [
  ...layerBenchmarks('ip-stack up', (frame_bytes) =>
    passing(make, 'lower', 'upper', tcpFrame(OTHER, OWN, INBOUND, frame_bytes)),
  ),
  ...layerBenchmarks('ip-stack down', (frame_bytes) =>
    passing(make, 'upper', 'lower', tcpPacket(OUTBOUND, frame_bytes), meetNeighbour),
  ),
];
