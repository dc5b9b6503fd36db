import { FirewallLayer } from '../../src/actors/firewall/layer.ts';
import type { TcpTuple } from '../../src/actors/tcp/segment.ts';
import { packetFromSegment, reversed } from '../../src/actors/tcp/segment.ts';
import { EMPTY } from '../../src/wire/bytes.ts';
import { Flag, NO_TCP_OPTIONS } from '../../src/wire/tcp.ts';
import type { BenchHost } from '../support/bench-host.ts';
import { benchInterface, tcpPacket } from '../support/frames.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

const LAN = benchInterface(33, 1);
const WAN = benchInterface(33, 2);
const TUPLE: TcpTuple = {
  local: benchInterface(1, 1).address,
  localPort: 40_000,
  remote: benchInterface(1, 2).address,
  remotePort: 443,
};
const WINDOW = 0xffff;

function make(host: BenchHost): FirewallLayer {
  const sides = [
    { name: 'lan', interface: LAN },
    { name: 'wan', interface: WAN },
  ];
  return new FirewallLayer(host, '3301', { sides, rules: [{ from: 'lan', allow: true }] });
}

/** SYN, SYN+ACK and ACK; the next numbers of both sides are 1. */
function shakeHands(host: BenchHost): void {
  const empty = (tuple: TcpTuple, flags: number, seq: number, ack: number) =>
    host.frame(packetFromSegment({ seq, ack, flags, window: WINDOW, options: NO_TCP_OPTIONS, payload: EMPTY }, tuple));
  host.inject('lan', empty(TUPLE, Flag.SYN, 0, 0));
  host.inject('wan', empty(reversed(TUPLE), Flag.SYN | Flag.ACK, 0, 1));
  host.inject('lan', empty(TUPLE, Flag.ACK, 1, 1));
}

/** Firewall 33: one operation is one packet of an established TCP connection, judged by its window, with its TTL lowered. */
export const firewallBenchmarks = layerBenchmarks('firewall forward', (frame_bytes) =>
  passing(make, 'lan', 'wan', tcpPacket(TUPLE, frame_bytes), shakeHands),
);
