import type { Frame } from '../../src/actors/frame.ts';
import type { TcpIndication } from '../../src/actors/services.ts';
import { TcpLayer } from '../../src/actors/tcp/layer.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { BenchHost } from '../support/bench-host.ts';
import { HEADERS_BYTES, INBOUND, OWN } from '../support/frames.ts';
import { HandTcp } from '../support/hand-tcp.ts';
import { layerBenchmarks, type Stand } from '../support/layer-benchmark.ts';

const MTU = 1500;
const CONNECTION = 'accepted-1';

interface Connected {
  readonly host: BenchHost;
  readonly peer: HandTcp;
  readonly counts: { delivered: number; sent: number };
}

/** A TCP with one connection that {@link HandTcp} has opened; `acknowledges`: that end answers each data segment. */
function connected(acknowledges: boolean): Connected {
  const host = new BenchHost();
  const peer = new HandTcp(INBOUND, MTU - HEADERS_BYTES);
  const counts = { delivered: 0, sent: 0 };
  host.attach(new TcpLayer(host, '2003', { address: OWN.address, mtu: MTU }), {
    lower: ({ bytes }: Frame) => {
      const { flags, payload_bytes } = peer.takes(bytes);
      if (payload_bytes > 0) counts.sent += 1;
      if ((flags & Flag.SYN) !== 0 || (acknowledges && payload_bytes > 0))
        host.peer('lower').send(host.frame(peer.ack()));
    },
    upper: (indication: TcpIndication) => {
      if (indication.kind !== 'data') return;
      counts.delivered += 1;
      host.peer('upper').send({ kind: 'consumed', connection: CONNECTION, bytes: indication.bytes.length });
    },
  });
  host.inject('upper', { kind: 'listen', port: INBOUND.remotePort });
  host.inject('lower', host.frame(peer.syn()));
  return { host, peer, counts };
}

function receiving(frame_bytes: number): Stand {
  const { host, peer, counts } = connected(false);
  const payload = new Uint8Array(frame_bytes - HEADERS_BYTES);
  const messages = (count: number) => Array.from({ length: count }, () => host.frame(peer.data(payload)));
  return { host, port: 'lower', out: () => counts.delivered, messages };
}

function sending(frame_bytes: number): Stand {
  const { host, counts } = connected(true);
  const write = { kind: 'write', connection: CONNECTION, bytes: new Uint8Array(frame_bytes - HEADERS_BYTES) };
  return { host, port: 'upper', out: () => counts.sent, messages: () => [write] };
}

/**
 * TCP 2003 with one established connection without options. Up: one operation is one data segment in order, delivered to the user and
 * consumed, with the ACKs that this takes. Down: one write that leaves as one segment, and the ACK for it.
 */
export const tcpBenchmarks = [...layerBenchmarks('tcp up', receiving), ...layerBenchmarks('tcp down', sending)];
