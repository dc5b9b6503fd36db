import { ArpOperation } from '../../src/wire/arp.ts';
import { buildArpFrame } from '../../src/wire/build.ts';
import type { BenchHost } from './bench-host.ts';
import { OTHER, OWN } from './frames.ts';

/** The neighbour asks for our address, and so is known. */
export function meetNeighbour(host: BenchHost): void {
  const arp = {
    operation: ArpOperation.REQUEST,
    senderMac: OTHER.mac,
    senderIp: OTHER.address,
    targetMac: 0,
    targetIp: OWN.address,
  };
  host.inject('lower', host.frame(buildArpFrame({ ethernet: { destination: OWN.mac, source: OTHER.mac }, arp })));
}
