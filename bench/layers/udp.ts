import type { Frame } from '../../src/actors/frame.ts';
import type { TcpIndication } from '../../src/actors/services.ts';
import { UdpLayer } from '../../src/actors/udp/layer.ts';
import { ETHERNET_HEADER_BYTES } from '../../src/wire/ethernet.ts';
import { IP4_HEADER_BYTES } from '../../src/wire/ipv4.ts';
import { RECORD_OVERHEAD_BYTES } from '../../src/wire/record.ts';
import { UDP_HEADER_BYTES } from '../../src/wire/udp.ts';
import { record, tls } from '../../test/support/udp-pair.ts';
import { BenchHost } from '../support/bench-host.ts';
import { INBOUND } from '../support/frames.ts';
import { layerBenchmarks, type Stand } from '../support/layer-benchmark.ts';

const HEADERS_BYTES = ETHERNET_HEADER_BYTES + IP4_HEADER_BYTES + UDP_HEADER_BYTES + RECORD_OVERHEAD_BYTES;
const CONNECTION = 'dialled';

/** A UDP layer whose user counts what it gets. */
class UdpEnd {
  readonly host: BenchHost;
  delivered = 0;
  /** Where its packets go. */
  carry: (packet: Uint8Array) => void = () => {};

  constructor(name: string, address: number) {
    this.host = new BenchHost(name);
    this.host.attach(new UdpLayer(this.host, '2003', { address }), {
      lower: ({ bytes }: Frame) => this.carry(bytes),
      upper: ({ kind }: TcpIndication) => {
        if (kind === 'data') this.delivered += 1;
      },
    });
  }
}

/** Two ends whose connection stands: the first TLS record is through. */
function connected(): { readonly near: UdpEnd; readonly far: UdpEnd } {
  const near = new UdpEnd('near', INBOUND.local as number);
  const far = new UdpEnd('far', INBOUND.remote as number);
  near.carry = (packet) => far.host.inject('lower', far.host.frame(packet));
  far.carry = (packet) => near.host.inject('lower', near.host.frame(packet));
  const { remote: destination, remotePort: destinationPort, localPort: sourcePort } = INBOUND;
  far.host.inject('upper', { kind: 'listen', port: destinationPort });
  near.host.inject('upper', { kind: 'connect', connection: CONNECTION, destination, destinationPort, sourcePort });
  near.host.inject('upper', { kind: 'write', connection: CONNECTION, bytes: tls(1, 100) });
  return { near, far };
}

/** The user's write of a record that makes a frame of `frame_bytes` on the line, or of the shortest record. */
function writeOf(frame_bytes: number): object {
  return { kind: 'write', connection: CONNECTION, bytes: record(1, Math.max(0, frame_bytes - HEADERS_BYTES)) };
}

function sending(frame_bytes: number): Stand {
  const { near } = connected();
  let sent = 0;
  near.carry = () => {
    sent += 1;
  };
  const write = writeOf(frame_bytes);
  return { host: near.host, port: 'upper', out: () => sent, messages: () => [write] };
}

function receiving(frame_bytes: number): Stand {
  const { near, far } = connected();
  const packets: Frame[] = [];
  near.carry = (packet) => void packets.push(far.host.frame(packet));
  near.host.inject('upper', writeOf(frame_bytes));
  return { host: far.host, port: 'lower', out: () => far.delivered, messages: () => packets };
}

/** UDP 2003 with one connection: one operation is one record that leaves as a datagram (down), or one that the user gets (up). */
export const udpBenchmarks = [...layerBenchmarks('udp up', receiving), ...layerBenchmarks('udp down', sending)];
