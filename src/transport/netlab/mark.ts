import { u16 } from '../../wire/bytes.ts';
import { replace16 } from '../../wire/checksum.ts';
import { ETHERNET_HEADER_BYTES, EtherType } from '../../wire/ethernet.ts';

const ETHERTYPE_AT = 12;
const IP4_CHECKSUM_AT = 10;
/** The ECN field, where a header's first 16 bits are one number: end of the second byte in IPv4, its middle in IPv6. */
const ECN_SHIFT = { ip4: 0, ip6: 4 } as const;
const NOT_ECT = 0;
const CE = 3;

/** Tells of congestion as a router does (RFC 3168 section 5). False where the packet's sender would not hear of it, or is told already. */
export function mark(frame: Uint8Array): boolean {
  const etherType = u16(frame, ETHERTYPE_AT);
  if (etherType !== EtherType.IP4 && etherType !== EtherType.IP6) return false;
  const at = ETHERNET_HEADER_BYTES;
  const shift = etherType === EtherType.IP4 ? ECN_SHIFT.ip4 : ECN_SHIFT.ip6;
  const first = u16(frame, at);
  const ecn = (first >>> shift) & CE;
  if (ecn === NOT_ECT || ecn === CE) return false;
  const marked = first | (CE << shift);
  if (etherType === EtherType.IP4) replace16(frame, at, marked, at + IP4_CHECKSUM_AT, at);
  else frame[at + 1] = marked & 0xff;
  return true;
}
