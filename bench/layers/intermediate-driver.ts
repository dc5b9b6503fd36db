import type { Frame } from '../../src/actors/frame.ts';
import { IntermediateDriverLayer } from '../../src/actors/intermediate-driver/layer.ts';
import type { FourTuple } from '../../src/engine/f13.ts';
import { ETHERNET_HEADER_BYTES } from '../../src/wire/ethernet.ts';
import { RECORD_OVERHEAD_BYTES, UNIT_DATA, writeRecordHeader } from '../../src/wire/record.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { BenchHost } from '../support/bench-host.ts';
import { type Benchmark, mustEqual, type Running } from '../support/benchmark.ts';
import {
  ethernetFrame,
  FRAME_SIZES_BYTES,
  HEADERS_BYTES,
  INBOUND,
  OTHER,
  OUTBOUND,
  OWN,
  tcpFrame,
} from '../support/frames.ts';
import { HandTcp } from '../support/hand-tcp.ts';
import { layerBenchmarks, passing } from '../support/layer-benchmark.ts';

const MTU = 1500;
const CONNECTION_ID = 7;
const MARK = { shape: 'tcp', handshake: 'hold' } as const;

/** A driver with the local operating system's TCP above it, by hand. */
class DriverEnd {
  readonly host: BenchHost;
  readonly tcp: HandTcp;
  /** Frames for the line. */
  readonly line: Uint8Array[] = [];
  /** Data segments that the local TCP got. */
  delivered = 0;
  readonly #own: typeof OWN;
  readonly #hop: typeof OWN;

  constructor(own: typeof OWN, hop: typeof OWN, tuple: FourTuple) {
    this.#own = own;
    this.#hop = hop;
    this.host = new BenchHost(String(own.address));
    this.tcp = new HandTcp(tuple, MTU - HEADERS_BYTES + ETHERNET_HEADER_BYTES);
    this.host.attach(new IntermediateDriverLayer(this.host, '2006', { mac: own.mac, mtu: MTU }), {
      upper: ({ bytes }: Frame) => this.#toTcp(bytes.subarray(ETHERNET_HEADER_BYTES)),
      lower: ({ bytes }: Frame) => void this.line.push(bytes),
    });
  }

  /** A packet of the local TCP. */
  sends(packet: Uint8Array): void {
    this.host.inject('upper', this.frame(packet));
  }

  frame(packet: Uint8Array): Frame {
    return this.host.frame(ethernetFrame(this.#own, this.#hop, packet));
  }

  #toTcp(packet: Uint8Array): void {
    const { flags, payload_bytes } = this.tcp.takes(packet);
    if (payload_bytes > 0) this.delivered += 1;
    const isSyn = (flags & Flag.SYN) !== 0;
    const answer =
      isSyn && (flags & Flag.ACK) === 0 ? this.tcp.synAck() : isSyn || payload_bytes > 0 ? this.tcp.ack() : undefined;
    if (answer !== undefined) this.host.peer('upper').send(this.frame(answer));
  }
}

/** Two drivers whose leg stands, and whose applications have announced the records' connection id. */
function pair(): { readonly near: DriverEnd; readonly far: DriverEnd } {
  const near = new DriverEnd(OTHER, OWN, INBOUND);
  const far = new DriverEnd(OWN, OTHER, OUTBOUND);
  far.host.inject('settings', { kind: 'announce-listen', address: OUTBOUND.local, port: OUTBOUND.localPort, ...MARK });
  near.host.inject('settings', { kind: 'announce-connect', tuple: INBOUND, ...MARK });
  near.sends(near.tcp.syn());
  while (near.line.length + far.line.length > 0) {
    for (const bytes of near.line.splice(0)) far.host.inject('lower', far.host.frame(bytes));
    for (const bytes of far.line.splice(0)) near.host.inject('lower', near.host.frame(bytes));
  }
  far.host.inject('settings', { kind: 'announce-records', tuple: OUTBOUND, receiveConnectionId: CONNECTION_ID });
  return { near, far };
}

/** So many frames of the local TCP, each with one record that makes a frame of `frame_bytes` on the line. */
function recordFrames(end: DriverEnd, frame_bytes: number, count: number): Frame[] {
  const record = new Uint8Array(Math.max(RECORD_OVERHEAD_BYTES, frame_bytes - HEADERS_BYTES));
  const fields = { type: UNIT_DATA, connectionId: CONNECTION_ID, epoch: 0, sequence: 1 };
  writeRecordHeader(record, 0, fields, record.length - RECORD_OVERHEAD_BYTES);
  return Array.from({ length: count }, () => end.frame(end.tcp.data(record)));
}

function goingOut(frame_bytes: number): Running {
  const { near } = pair();
  return {
    prepare(operations) {
      const frames = recordFrames(near, frame_bytes, operations);
      return () => {
        for (const frame of frames) near.host.inject('upper', frame);
        mustEqual('intermediate driver: records that left', near.line.splice(0).length, operations);
        return { operations, bytes: operations * frame_bytes };
      };
    },
  };
}

function comingIn(frame_bytes: number): Running {
  const { near, far } = pair();
  return {
    prepare(operations) {
      for (const frame of recordFrames(near, frame_bytes, operations)) near.host.inject('upper', frame);
      const frames = near.line.splice(0).map((bytes) => far.host.frame(bytes));
      return () => {
        const before = far.delivered;
        for (const frame of frames) far.host.inject('lower', frame);
        mustEqual('intermediate driver: records for the local TCP', far.delivered - before, operations);
        far.line.length = 0;
        return { operations, bytes: operations * frame_bytes };
      };
    },
  };
}

/**
 * Intermediate driver 2006. Pass: one operation is one foreign frame that goes through untouched. Out: one record from the local TCP,
 * whose segment is acknowledged in the far one's name, leaves as a datagram of the leg. In: one such datagram becomes a segment for
 * the local TCP, which acknowledges it. A record has 32 bytes at least, so that the smallest frame with one is a little longer than 60.
 */
export const intermediateDriverBenchmarks: Benchmark[] = [
  ...layerBenchmarks('intermediate-driver pass', (frame_bytes) =>
    passing(
      (host) => new IntermediateDriverLayer(host, '2006', { mac: OWN.mac, mtu: MTU }),
      'lower',
      'upper',
      tcpFrame(OTHER, OWN, INBOUND, frame_bytes),
    ),
  ),
  ...FRAME_SIZES_BYTES.flatMap((frame_bytes): Benchmark[] => [
    {
      table: 'layers',
      name: `intermediate-driver out ${frame_bytes} B`,
      unit: 'frames',
      open: () => goingOut(frame_bytes),
    },
    {
      table: 'layers',
      name: `intermediate-driver in ${frame_bytes} B`,
      unit: 'frames',
      open: () => comingIn(frame_bytes),
    },
  ]),
];
