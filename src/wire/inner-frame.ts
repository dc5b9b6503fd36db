/**
 * Frames of the inner leg (docs/PROTOCOL.md, "The inner leg"): what stands in the F23 position between intermediate drivers 2106 and 3106,
 * and between 2106 and encapsulation processing 3001B. F21 and F22 are the true ones of terminal and server; behind them is a TCP-shaped
 * header with a mark among its options, where no application's data can stand, then one or more units. No TCP works on this leg.
 */
import type { LinkFields } from './build.ts';
import { put16, put32, u16, u32 } from './bytes.ts';
import { transportChecksum } from './checksum.ts';
import { EtherType, ethernetHeaderLength, writeEthernet } from './ethernet.ts';
import {
  INNER_UNIT_BYTES,
  type InnerMessage,
  type InnerReason,
  innerUnitLength,
  parseInnerUnit,
  writeInnerUnit,
} from './inner-leg.ts';
import { type IpAddress, isIp6 } from './ip-address.ts';
import { IP4_HEADER_BYTES, IpProtocol, writeIp4 } from './ipv4.ts';
import { IP6_HEADER_BYTES, writeIp6 } from './ipv6.ts';
import { Flag, TCP_HEADER_BYTES, type TcpView, writeTcp } from './tcp.ts';

/** Bytes of the TCP-shaped header: the fixed one and the mark. */
export const INNER_TCP_BYTES = 28;
export const INNER_VERSION = 1;

/** TCP option for experiments (RFC 6994), 8 bytes long, with the identifier `GGIL`. */
const MARK = 0xfd08_4747;
const MARK_REST = 0x494c;
const MARK_AT = TCP_HEADER_BYTES;
const WINDOW_FIELD = 0xffff;
const CHECKSUM_AT = 16;
const DATA_OFFSET_AT = 12;

/** The two ends of a session as the sender of a frame sees them; both of one family. */
export interface InnerEnds {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
}

/** F23's numbers: `seq` counts each payload byte, `ack` is the same in all of a session's frames, so that a RST that answers one is known. */
export interface InnerNumbers {
  readonly seq: number;
  readonly ack: number;
}

/** Version of the mark that a TCP header bears; undefined without a mark: the segment is a TCP's. */
export function innerVersion(bytes: Uint8Array, { offset, headerLength }: Pick<TcpView, 'offset' | 'headerLength'>) {
  if (headerLength < INNER_TCP_BYTES || u32(bytes, offset + MARK_AT) !== MARK) return undefined;
  return u16(bytes, offset + MARK_AT + 4) === MARK_REST ? bytes[offset + MARK_AT + 6] : undefined;
}

/** Bytes of the headers in front of the first unit, Ethernet's not included: an MTU less these and {@link INNER_UNIT_BYTES} is one DATA unit's body. */
export function innerHeadersBytes(local: IpAddress): number {
  return (isIp6(local) ? IP6_HEADER_BYTES : IP4_HEADER_BYTES) + INNER_TCP_BYTES;
}

/** Most bytes of a DATA unit in one IP packet of `mtu` bytes. */
export function innerDataBytes(mtu: number, local: IpAddress): number {
  return mtu - innerHeadersBytes(local) - INNER_UNIT_BYTES;
}

/** A whole Ethernet frame with one unit; checksums are right. */
export function buildInnerFrame(
  link: LinkFields,
  ends: InnerEnds,
  { seq, ack }: InnerNumbers,
  message: InnerMessage,
): Uint8Array {
  const ipAt = ethernetHeaderLength(link);
  const length = INNER_TCP_BYTES + innerUnitLength(message);
  const frame = new Uint8Array(ipAt + innerHeadersBytes(ends.local) - INNER_TCP_BYTES + length);
  writeEthernet(frame, 0, { ...link, etherType: isIp6(ends.local) ? EtherType.IP6 : EtherType.IP4 });
  const tcpAt = writeIp(frame, ipAt, ends, length);
  const { localPort: sourcePort, remotePort: destinationPort } = ends;
  const flags = Flag.PSH | Flag.ACK;
  const markAt = writeTcp(frame, tcpAt, { sourcePort, destinationPort, seq, ack, flags, window: WINDOW_FIELD });
  frame[tcpAt + DATA_OFFSET_AT] = (INNER_TCP_BYTES / 4) << 4;
  put32(frame, markAt, MARK);
  put16(frame, markAt + 4, MARK_REST);
  frame[markAt + 6] = INNER_VERSION;
  writeInnerUnit(frame, tcpAt + INNER_TCP_BYTES, message);
  put16(frame, tcpAt + CHECKSUM_AT, transportChecksum(frame, ipAt, tcpAt, length));
  return frame;
}

function writeIp(frame: Uint8Array, at: number, { local, remote }: InnerEnds, length: number): number {
  if (isIp6(local) && isIp6(remote)) {
    return writeIp6(frame, at, { source: local, destination: remote, nextHeader: IpProtocol.TCP }, length);
  }
  const [source, destination] = [local as number, remote as number];
  return writeIp4(frame, at, { source, destination, protocol: IpProtocol.TCP, dontFragment: true }, length);
}

/** All units of a frame's payload; `malformed` is why the rest of it could not be read. */
export function readInnerUnits(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { readonly messages: readonly InnerMessage[]; readonly malformed: InnerReason | undefined } {
  const messages: InnerMessage[] = [];
  let at = offset;
  do {
    const unit = parseInnerUnit(bytes, at, end);
    if (!unit.ok) return { messages, malformed: unit.reason };
    messages.push(unit.message);
    at = unit.end;
  } while (at < end);
  return { messages, malformed: undefined };
}
