import { PROBE_US } from '../../src/actors/identity-stack/identity.ts';
import { IdentityStackLayer } from '../../src/actors/identity-stack/layer.ts';
import { IDENTITY_PROBES } from '../../src/machines/identity-stack.ts';
import type { BenchHost } from '../support/bench-host.ts';
import { INBOUND, OTHER, OUTBOUND, OWN, tcpFrame, tcpPacket } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';
import { meetNeighbour } from '../support/neighbour.ts';

const make = (host: BenchHost) => new IdentityStackLayer(host, '3005B', { prefixLength: 24, reserved: [] });

function takeIdentity(host: BenchHost): void {
  const { address, mac } = OWN;
  host.inject('settings', { kind: 'take', name: 'one', identity: { address, mac } });
  // The address is asked for before it is held.
  host.wait(IDENTITY_PROBES * PROBE_US);
}

/**
 * IP stack 3005B that has taken on one terminal: one operation is one frame for the terminal (up), or one packet of it to a known
 * neighbour that gets its Ethernet header (down).
 */
export const identityStackBenchmarks = [
  ...layerBenchmarks('identity-stack up', (frame_bytes) =>
    passing(make, 'lower', 'upper', tcpFrame(OTHER, OWN, INBOUND, frame_bytes), takeIdentity),
  ),
  ...layerBenchmarks('identity-stack down', (frame_bytes) =>
    passing(make, 'upper', 'lower', tcpPacket(OUTBOUND, frame_bytes), (host) => {
      takeIdentity(host);
      meetNeighbour(host);
    }),
  ),
];
