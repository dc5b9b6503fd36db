import { type IpAddress, isIp6 } from '../../wire/ip-address.ts';
import { IP6_MIN_MTU_BYTES } from '../../wire/ipv6.ts';
import { MIN_PATH_MTU_BYTES } from './limits.ts';
import { headersBytes } from './segment.ts';

/** Payload of a full segment, TCP options not taken off, on a path whose MTU somebody on the way has told (RFC 1191, RFC 8201). */
export function mssOfPath(mtu: number, local: IpAddress): number {
  const smallest = isIp6(local) ? IP6_MIN_MTU_BYTES : MIN_PATH_MTU_BYTES;
  return Math.max(smallest, mtu) - headersBytes(local);
}
