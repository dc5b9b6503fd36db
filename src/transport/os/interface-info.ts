import { type Ip4, type Mac, netmask } from '../../wire/address.ts';
import { put48 } from '../../wire/bytes.ts';
import { Arena, check, libc } from './libc.ts';
import { OsError } from './os-error.ts';

/** What the kernel says of an interface. `mtu` in bytes, `mac` as `02:00:5e:…`. */
export interface InterfaceInfo {
  name: string;
  index: number;
  mac: string;
  mtu: number;
  up: boolean;
}

/** Room for a name with its final zero (IFNAMSIZ). */
const NAME_BYTES = 16;
const IFREQ_BYTES = 40;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const SIOCSIFHWADDR = 0x8924;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const IFF_UP = 1;
const ARPHRD_ETHER = 1;

/** Asks the kernel (in the network namespace of this process). Throws {@link OsError} when there is no such interface. */
export function interfaceInfo(name: string): InterfaceInfo {
  return withRequest(name, (request, call) => {
    call(SIOCGIFINDEX, 'look up interface');
    const index = request.view.getInt32(NAME_BYTES, true);
    call(SIOCGIFHWADDR, 'read the MAC of interface');
    const mac = formatMac(request.bytes.subarray(NAME_BYTES + 2, NAME_BYTES + 8));
    call(SIOCGIFMTU, 'read the MTU of interface');
    const mtu = request.view.getInt32(NAME_BYTES, true);
    call(SIOCGIFFLAGS, 'read the flags of interface');
    return { name, index, mac, mtu, up: (request.view.getUint16(NAME_BYTES, true) & IFF_UP) !== 0 };
  });
}

/** Sets the MTU (bytes) and brings the interface up; needs CAP_NET_ADMIN. */
export function configureInterface(name: string, mtu: number): void {
  withRequest(name, (request, call) => {
    request.view.setInt32(NAME_BYTES, mtu, true);
    call(SIOCSIFMTU, `set MTU ${mtu} on interface`);
    call(SIOCGIFFLAGS, 'read the flags of interface');
    request.view.setUint16(NAME_BYTES, request.view.getUint16(NAME_BYTES, true) | IFF_UP, true);
    call(SIOCSIFFLAGS, 'bring up interface');
  });
}

/** Changes the MAC of an interface; needs CAP_NET_ADMIN. */
export function setMac(name: string, mac: Mac): void {
  withRequest(name, (request, call) => {
    request.view.setUint16(NAME_BYTES, ARPHRD_ETHER, true);
    put48(request.bytes, NAME_BYTES + 2, mac);
    call(SIOCSIFHWADDR, 'set the MAC of interface');
  });
}

/** Gives an interface its IPv4 address, with the network behind it; needs CAP_NET_ADMIN. */
export function setIp4(name: string, address: Ip4, prefix: number): void {
  const put = (value: Ip4, request: number, what: string): void =>
    withRequest(name, (memory, call) => {
      memory.view.setUint16(NAME_BYTES, AF_INET, true);
      memory.view.setUint32(NAME_BYTES + 4, value);
      call(request, what);
    });
  put(address, SIOCSIFADDR, 'set the address of interface');
  put(netmask(prefix), SIOCSIFNETMASK, 'set the netmask of interface');
}

/** Writes an interface's name as the kernel wants it; throws when it is too long or empty. */
export function writeInterfaceName(name: string, target: Uint8Array): void {
  const bytes = Buffer.from(name, 'latin1');
  if (bytes.length === 0 || bytes.length >= NAME_BYTES || /[\s/]/.test(name)) {
    throw new OsError(
      'EINVAL',
      'use interface name',
      `'${name}'`,
      'a name has 1 to 15 characters, no space and no slash',
    );
  }
  target.fill(0, 0, NAME_BYTES);
  target.set(bytes);
}

type Call = (request: number, what: string) => void;

function withRequest<T>(name: string, body: (request: Arena, call: Call) => T): T {
  const request = new Arena(IFREQ_BYTES);
  writeInterfaceName(name, request.bytes);
  const fd = check(libc().socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'open a socket', 'to ask for interfaces');
  try {
    return body(request, (number, what) => {
      check(libc().ioctl(fd, number, request.address), what, name, {
        ENODEV: 'no such interface here; `ip link` lists those there are',
        EPERM: 'needs the capability CAP_NET_ADMIN',
        EINVAL: 'the interface does not take that value',
      });
    });
  } finally {
    libc().close(fd);
  }
}

function formatMac(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:');
}
