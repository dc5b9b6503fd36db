import { expect } from 'vitest';
import { buildTcpFrame } from '../../src/wire/build.ts';
import { checksumVerdict, type FrameView, parseFrame } from '../../src/wire/frame.ts';
import { buildLeg, LegKind, legKindName, parseLeg } from '../../src/wire/leg.ts';
import { buildRequest } from '../../src/wire/leg-body.ts';
import { writeRecordHeader } from '../../src/wire/record.ts';
import { flagNames } from '../../src/wire/tcp.ts';
import { PROTOCOL_VERSION } from '../../src/wire/terms.ts';
import { type DriverPair, FAR, FAR_HOP, NEAR } from './driver-pair.ts';

/** A word for a packet on the line: the leg packet's kind, `record`, or the TCP shape. */
export function word(bytes: Uint8Array): string {
  const parsed = parseFrame(bytes) as FrameView;
  expect(checksumVerdict(bytes, parsed)).toBe('good');
  if (parsed.payloadOffset === parsed.payloadEnd) return flagNames(parsed.tcp?.flags ?? 0);
  const leg = parseLeg(bytes, parsed.payloadOffset, parsed.payloadEnd);
  return leg.ok ? legKindName(leg.kind) : 'record';
}

export const words = (pair: DriverPair): string[] => pair.line.map(({ from, bytes }) => `${from} ${word(bytes)}`);

export function tls(length: number): Uint8Array {
  const bytes = new Uint8Array(5 + length).fill(3);
  bytes.set([0x16, 3, 3, length >> 8, length & 0xff]);
  return bytes;
}

export function record(connectionId: number, length = 100): Uint8Array {
  const bytes = new Uint8Array(32 + length).fill(8);
  writeRecordHeader(bytes, 0, { type: 0x40, connectionId, epoch: 0, sequence: 1 }, length);
  return bytes;
}

export function shaped(
  flags: number,
  fields: { seq?: number; ack?: number; payload?: Uint8Array; port?: number } = {},
): Uint8Array {
  return buildTcpFrame(
    {
      ethernet: { source: FAR_HOP, destination: FAR.mac },
      ip: { source: NEAR.ip, destination: FAR.ip },
      tcp: {
        sourcePort: NEAR.port,
        destinationPort: fields.port ?? FAR.port,
        seq: fields.seq ?? 1,
        ack: fields.ack ?? 0,
        flags,
        window: 65535,
      },
    },
    fields.payload ?? new Uint8Array(0),
  );
}

/** A connection request of the near end, or of who says to be it. */
export const request = (fields: { udp?: boolean; token?: string; cookie?: Uint8Array } = {}): Uint8Array =>
  buildLeg(
    { kind: LegKind.REQUEST, senderToken: fields.token ?? '0102030405060708', sequence: 0, acknowledgement: 0 },
    buildRequest({
      protocolVersion: PROTOCOL_VERSION,
      udp: fields.udp ?? false,
      immediate: false,
      cookie: fields.cookie ?? new Uint8Array(4),
      destination: FAR.ip,
      destinationPort: FAR.port,
      source: NEAR.ip,
      sourcePort: NEAR.port,
    }),
  );

export function withSourcePort(frame: Uint8Array, port: number): Uint8Array {
  const copy = frame.slice();
  copy.set([port >> 8, port & 0xff], 34);
  return copy;
}
