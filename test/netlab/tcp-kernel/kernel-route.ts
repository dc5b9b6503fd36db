import { promisify } from 'node:util';
import koffi from 'koffi';
import { Arena, check, libc } from '../../../src/transport/os/libc.ts';
import { parseIp4 } from '../../../src/wire/address.ts';
import { put16, put32 } from '../../../src/wire/bytes.ts';

const [AF_INET, SOCK_STREAM, IPPROTO_IP, IP_OPTIONS] = [2, 1, 0, 4];
const LOOSE_ROUTE = 131;
const ADDRESS_BYTES = 16;

const connect = koffi.load(null).func('int connect(int, uintptr_t, uint)');
const connectLater = promisify(connect.async) as (fd: number, address: number, length: number) => Promise<number>;

/** A connected socket of the kernel, as a file descriptor, whose packets take a loose source route: node has no such option. */
export async function connectOver(hops: readonly string[], address: string, port: number): Promise<number> {
  const fd = check(libc().socket(AF_INET, SOCK_STREAM, 0), 'open a socket', 'here');
  const options = new Arena(40);
  options.bytes.set([LOOSE_ROUTE, 3 + 4 * hops.length, 4]);
  for (const [i, hop] of hops.entries()) put32(options.bytes, 3 + 4 * i, parseIp4(hop) ?? 0);
  // The kernel puts the destination behind the hops itself, and pads.
  check(
    libc().setsockopt(fd, IPPROTO_IP, IP_OPTIONS, options.address, 3 + 4 * hops.length),
    'set the route',
    hops.join(' '),
  );
  const to = new Arena(ADDRESS_BYTES);
  to.view.setUint16(0, AF_INET, true);
  put16(to.bytes, 2, port);
  put32(to.bytes, 4, parseIp4(address) ?? 0);
  check(await connectLater(fd, to.address, ADDRESS_BYTES), 'connect', address);
  return fd;
}
