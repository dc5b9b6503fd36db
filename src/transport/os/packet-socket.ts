import { type FrameDevice, type RawFrame, Slots } from './device.ts';
import { interfaceInfo } from './interface-info.ts';
import { Arena, check, lastErrno, libc } from './libc.ts';
import { BATCH_FRAMES, type SentFrame } from './types.ts';

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_STATISTICS = 6;
const PACKET_AUXDATA = 8;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const PACKET_MR_PROMISC = 1;
/** Of each direction; the kernel counts its own book-keeping too (about 2 KB for a frame of 1500). */
const SOCKET_BUFFER_BYTES = 8 * 1024 * 1024;

const IOVEC_BYTES = 16;
const MMSGHDR_BYTES = 64;
const CONTROL_BYTES = 64;
/** Offsets in `struct mmsghdr` (64-bit Linux). */
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_CONTROL = 32;
const MSG_CONTROLLEN = 40;
const MSG_FLAGS = 48;
const MSG_LEN = 56;
const MSG_TRUNC = 0x20;
/** Offsets in the control message: `struct cmsghdr`, then `struct tpacket_auxdata`. */
const AUX_STATUS = 16;
const AUX_VLAN_TCI = 32;
const AUX_VLAN_TPID = 34;
const AUX_BYTES = 36;
const TP_STATUS_VLAN_VALID = 0x10;
const TP_STATUS_VLAN_TPID_VALID = 0x40;
const ETHERTYPE_VLAN = 0x8100;

/** How a packet socket is bound. */
export interface PacketSocketOptions {
  interface: string;
  promiscuous: boolean;
  vnetHeader: boolean;
}

const NEEDS_RAW = 'needs the capability CAP_NET_RAW (run as root, or inside an own network namespace)';

/** Opens an AF_PACKET socket that gets every frame arriving on one interface, and none that left it. */
export function openPacketSocket(options: PacketSocketOptions): FrameDevice {
  const { index } = interfaceInfo(options.interface);
  const where = `on ${options.interface}`;
  // Protocol 0: nothing is received before the socket is bound to its interface.
  const fd = check(libc().socket(AF_PACKET, SOCK_RAW_NONBLOCK_CLOEXEC, 0), 'open a packet socket', where, {
    EPERM: NEEDS_RAW,
    EACCES: NEEDS_RAW,
    EAFNOSUPPORT: 'the kernel lacks CONFIG_PACKET',
  });
  try {
    configure(fd, index, options, where);
    return new PacketSocket(fd, options.vnetHeader);
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function configure(fd: number, index: number, options: PacketSocketOptions, where: string): void {
  const memory = new Arena(64);
  const set = (level: number, option: number, length: number): number =>
    libc().setsockopt(fd, level, option, memory.address, length);
  const enable = (option: number, what: string, remedy: string): void => {
    memory.view.setInt32(0, 1, true);
    check(set(SOL_PACKET, option, 4), what, where, { ENOPROTOOPT: remedy });
  };
  if (options.vnetHeader) enable(PACKET_VNET_HDR, 'ask for virtio headers', 'needs Linux 2.6.27 or later');
  enable(PACKET_AUXDATA, 'ask for VLAN tags', 'needs Linux 2.6.27 or later');
  enable(PACKET_IGNORE_OUTGOING, 'leave out own transmissions', 'needs Linux 4.20 or later');
  // Larger buffers are a help, not a need: without CAP_NET_ADMIN the default stays.
  memory.view.setInt32(0, SOCKET_BUFFER_BYTES, true);
  set(SOL_SOCKET, SO_RCVBUFFORCE, 4);
  set(SOL_SOCKET, SO_SNDBUFFORCE, 4);
  memory.bytes.fill(0);
  memory.view.setUint16(0, AF_PACKET, true);
  memory.view.setUint16(2, ETH_P_ALL);
  memory.view.setInt32(4, index, true);
  check(libc().bind(fd, memory.address, 20), 'bind a packet socket', where, {
    ENODEV: 'the interface went away meanwhile',
    ENETDOWN: 'bring the interface up first: `ip link set … up`',
  });
  if (!options.promiscuous) return;
  memory.bytes.fill(0);
  memory.view.setInt32(0, index, true);
  memory.view.setUint16(4, PACKET_MR_PROMISC, true);
  check(set(SOL_PACKET, PACKET_ADD_MEMBERSHIP, 16), 'make the interface promiscuous', where);
}

class PacketSocket implements FrameDevice {
  readonly fd: number;
  readonly #incoming: Slots;
  readonly #outgoing: Slots;
  readonly #incomingHeaders: MessageHeaders;
  readonly #outgoingHeaders: MessageHeaders;
  readonly #statistics = new Arena(64);
  /** Slots used by the last receive: only their control lengths need a reset. */
  #used = BATCH_FRAMES;

  constructor(fd: number, vnetHeader: boolean) {
    this.fd = fd;
    this.#incoming = new Slots(vnetHeader);
    this.#outgoing = new Slots(vnetHeader);
    this.#incomingHeaders = new MessageHeaders(this.#incoming, true);
    this.#outgoingHeaders = new MessageHeaders(this.#outgoing, false);
  }

  receive(): number {
    const headers = this.#incomingHeaders;
    for (let i = 0; i < this.#used; i += 1) headers.resetControl(i);
    const count = libc().recvmmsg(this.fd, headers.address, BATCH_FRAMES, 0, 0);
    const result = count < 0 ? -lastErrno() : count;
    this.#used = Math.max(count, 1);
    return result;
  }

  rawFrame(index: number): RawFrame {
    const headers = this.#incomingHeaders;
    if (headers.truncated(index)) return { ok: false, reason: 'truncated' };
    return this.#incoming.raw(index, headers.length(index), headers.vlan(index));
  }

  send(frames: readonly SentFrame[], first: number): number {
    const count = Math.min(frames.length - first, BATCH_FRAMES);
    for (let i = 0; i < count; i += 1) {
      this.#outgoingHeaders.setLength(i, this.#outgoing.put(i, frames[first + i]));
    }
    const sent = libc().sendmmsg(this.fd, this.#outgoingHeaders.address, count, 0);
    return sent < 0 ? -lastErrno() : sent;
  }

  kernelDropped(): number {
    // struct tpacket_stats: packets, drops; reading clears it. The length stands behind it.
    this.#statistics.view.setUint32(16, 8, true);
    const { address } = this.#statistics;
    if (libc().getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, address, address + 16) < 0) return 0;
    return this.#statistics.view.getUint32(4, true);
  }
}

/** The `struct mmsghdr` array for a batch of slots, each with one iovec and room for one control message. */
class MessageHeaders {
  readonly #memory = new Arena(BATCH_FRAMES * (MMSGHDR_BYTES + IOVEC_BYTES + CONTROL_BYTES));

  constructor(slots: Slots, control: boolean) {
    for (let i = 0; i < BATCH_FRAMES; i += 1) {
      this.#setPointer(i * MMSGHDR_BYTES + MSG_IOV, this.address + iovecAt(i));
      this.#setPointer(i * MMSGHDR_BYTES + MSG_IOVLEN, 1);
      this.#setPointer(iovecAt(i), slots.address(i));
      this.#setPointer(iovecAt(i) + 8, slots.room);
      if (control) this.#setPointer(i * MMSGHDR_BYTES + MSG_CONTROL, this.address + controlAt(i));
    }
  }

  get address(): number {
    return this.#memory.address;
  }

  /** The kernel overwrote the length of the control message. */
  resetControl(index: number): void {
    this.#memory.view.setUint32(index * MMSGHDR_BYTES + MSG_CONTROLLEN, CONTROL_BYTES, true);
  }

  setLength(index: number, length: number): void {
    this.#memory.view.setUint32(iovecAt(index) + 8, length, true);
  }

  length(index: number): number {
    return this.#memory.view.getUint32(index * MMSGHDR_BYTES + MSG_LEN, true);
  }

  truncated(index: number): boolean {
    return (this.#memory.view.getUint32(index * MMSGHDR_BYTES + MSG_FLAGS, true) & MSG_TRUNC) !== 0;
  }

  /** The tag that the kernel took out of the frame, if any. */
  vlan(index: number): { tpid: number; tci: number } | undefined {
    const { view } = this.#memory;
    if (view.getUint32(index * MMSGHDR_BYTES + MSG_CONTROLLEN, true) < AUX_BYTES) return undefined;
    const at = controlAt(index);
    const status = view.getUint32(at + AUX_STATUS, true);
    if ((status & TP_STATUS_VLAN_VALID) === 0) return undefined;
    const tpid = status & TP_STATUS_VLAN_TPID_VALID ? view.getUint16(at + AUX_VLAN_TPID, true) : ETHERTYPE_VLAN;
    return { tpid, tci: view.getUint16(at + AUX_VLAN_TCI, true) };
  }

  #setPointer(at: number, value: number): void {
    this.#memory.view.setBigUint64(at, BigInt(value), true);
  }
}

function iovecAt(index: number): number {
  return BATCH_FRAMES * MMSGHDR_BYTES + index * IOVEC_BYTES;
}

function controlAt(index: number): number {
  return BATCH_FRAMES * (MMSGHDR_BYTES + IOVEC_BYTES) + index * CONTROL_BYTES;
}
