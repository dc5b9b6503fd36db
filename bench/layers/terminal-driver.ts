import type { Frame } from '../../src/actors/frame.ts';
import { TerminalDriverLayer } from '../../src/actors/terminal-driver/layer.ts';
import { ETHERNET_HEADER_BYTES } from '../../src/wire/ethernet.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { BenchHost } from '../support/bench-host.ts';
import { ethernetFrame, INBOUND, OTHER, OUTBOUND, OWN, tcpFrame } from '../support/frames.ts';
import { HandTcp } from '../support/hand-tcp.ts';
import { INNER_MTU, InnerPeer, innerPayload } from '../support/inner-peer.ts';
import { layerBenchmarks, passing, type Stand } from '../support/layer-benchmark.ts';

const make = (host: BenchHost) => new TerminalDriverLayer(host, '2106', { mac: OWN.mac, mtu: INNER_MTU });

/** A driver in a session, with its host's TCP above it and the other host's driver below, both by hand. */
class Session {
  readonly host = new BenchHost();
  readonly peer = new InnerPeer(OTHER, OWN, INBOUND);
  readonly tcp = new HandTcp(OUTBOUND, innerPayload(INNER_MTU).length);
  /** Data segments that the host's TCP got. */
  delivered = 0;

  constructor() {
    this.host.attach(make(this.host), {
      upper: ({ bytes }: Frame) => this.#toTcp(bytes.subarray(ETHERNET_HEADER_BYTES)),
      lower: ({ bytes }: Frame) => this.#toPeer(bytes),
    });
    this.host.inject('upper', this.ofTcp(this.tcp.syn()));
  }

  ofTcp(packet: Uint8Array): Frame {
    return this.host.frame(ethernetFrame(OWN, OTHER, packet));
  }

  #toTcp(packet: Uint8Array): void {
    const { flags, payload_bytes } = this.tcp.takes(packet);
    if (payload_bytes > 0) this.delivered += 1;
    if (payload_bytes > 0 || (flags & Flag.SYN) !== 0) this.host.peer('upper').send(this.ofTcp(this.tcp.ack()));
  }

  #toPeer(frame: Uint8Array): void {
    const answer = this.peer.takes(frame);
    if (answer !== undefined) this.host.peer('lower').send(this.host.frame(answer));
  }
}

function goingOut(frame_bytes: number): Stand {
  const session = new Session();
  const next = () => session.ofTcp(session.tcp.data(innerPayload(frame_bytes)));
  return {
    host: session.host,
    port: 'upper',
    out: () => session.peer.delivered,
    messages: (count) => Array.from({ length: count }, next),
  };
}

function comingIn(frame_bytes: number): Stand {
  const session = new Session();
  const next = () => session.host.frame(session.peer.data(innerPayload(frame_bytes)));
  return {
    host: session.host,
    port: 'lower',
    out: () => session.delivered,
    messages: (count) => Array.from({ length: count }, next),
  };
}

/**
 * Intermediate driver 2106. Pass: one operation is one segment of a connection that it does not terminate. Out: one data segment of its
 * host, which is acknowledged and leaves as one DATA unit. In: one DATA unit that becomes a segment for its host, which acknowledges it.
 * Out and in with the CREDITs that this takes.
 */
export const terminalDriverBenchmarks = [
  ...layerBenchmarks('terminal-driver pass', (frame_bytes) =>
    passing(make, 'lower', 'upper', tcpFrame(OTHER, OWN, INBOUND, frame_bytes)),
  ),
  ...layerBenchmarks('terminal-driver out', goingOut),
  ...layerBenchmarks('terminal-driver in', comingIn),
];
