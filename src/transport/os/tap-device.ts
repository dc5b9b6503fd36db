import { type FrameDevice, type RawFrame, Slots } from './device.ts';
import { writeInterfaceName } from './interface-info.ts';
import { Arena, addressOf, check, EAGAIN, lastErrno, libc } from './libc.ts';
import { BATCH_FRAMES, type SentFrame } from './types.ts';
import { VIRTIO_HEADER_BYTES } from './virtio.ts';

const TUN_DEVICE = '/dev/net/tun';
const O_RDWR_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const IFF_TAP_NO_PI = 0x0002 | 0x1000;
const IFF_VNET_HDR = 0x4000;
/** Checksums, TCP segmentation for both IP versions, ECN; UDP segmentation came with Linux 6.2. */
const OFFLOAD_TCP = 0x01 | 0x02 | 0x04 | 0x08;
const OFFLOAD_UDP = 0x20 | 0x40;
const IFREQ_FLAGS_AT = 16;
/** From this length on a frame is written without being copied first. */
const GATHERED_BYTES = 4096;
/** No more is read at once: super-frames are worked off while the processor's cache still has them, and answered soon. */
const BATCH_BYTES = 512 * 1024;

const OPEN_REMEDIES = {
  ENOENT: 'load the tun module (`modprobe tun`), or make the device: `mknod /dev/net/tun c 10 200`',
  ENODEV: 'load the tun module (`modprobe tun`)',
  EACCES: 'the device must be readable and writable for this user (`chmod 666 /dev/net/tun`), or run as root',
  EPERM: 'needs the capability CAP_NET_ADMIN and access to the device',
};
const ATTACH_REMEDIES = {
  EPERM: 'needs the capability CAP_NET_ADMIN (run as root, or inside an own network namespace)',
  EBUSY: 'another process has opened it, or the name belongs to an interface that is no TAP',
  ENOTTY: `${TUN_DEVICE} is not the TUN device (character device 10, 200)`,
  EINVAL: 'the name belongs to an interface that is no TAP, or was made with other flags',
};

/** Opens or makes the TAP interface `name`. It goes away when closed, unless it was there before. */
export function openTapDevice(name: string, vnetHeader: boolean): FrameDevice {
  const request = new Arena(64);
  writeInterfaceName(name, request.bytes);
  request.view.setUint16(IFREQ_FLAGS_AT, IFF_TAP_NO_PI | (vnetHeader ? IFF_VNET_HDR : 0), true);
  const fd = check(libc().open(TUN_DEVICE, O_RDWR_NONBLOCK_CLOEXEC), 'open', TUN_DEVICE, OPEN_REMEDIES);
  try {
    check(libc().ioctl(fd, TUNSETIFF, request.address), 'open TAP', name, ATTACH_REMEDIES);
    if (vnetHeader) setHeaderSize(fd, name);
    // A TAP that was there before may still have those of its last user.
    if (!vnetHeader) libc().ioctl(fd, TUNSETOFFLOAD, 0);
    if (vnetHeader && libc().ioctl(fd, TUNSETOFFLOAD, OFFLOAD_TCP | OFFLOAD_UDP) < 0) {
      check(libc().ioctl(fd, TUNSETOFFLOAD, OFFLOAD_TCP), 'set the offloads of TAP', name);
    }
    return new TapDevice(fd, vnetHeader);
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

/** A TAP that was there before may have another size. */
function setHeaderSize(fd: number, name: string): void {
  const size = new Arena(4);
  size.view.setInt32(0, VIRTIO_HEADER_BYTES, true);
  check(libc().ioctl(fd, TUNSETVNETHDRSZ, size.address), 'set the virtio header size of TAP', name);
}

class TapDevice implements FrameDevice {
  readonly fd: number;
  readonly #incoming: Slots;
  readonly #outgoing: Slots;
  readonly #lengths = new Uint32Array(BATCH_FRAMES);
  /** Two `struct iovec`: address and length of the virtio header and of the frame. */
  readonly #pieces = new Arena(32);

  constructor(fd: number, vnetHeader: boolean) {
    this.fd = fd;
    this.#incoming = new Slots(vnetHeader);
    this.#outgoing = new Slots(vnetHeader, 1);
  }

  receive(): number {
    let count = 0;
    for (let bytes = 0; count < BATCH_FRAMES && bytes < BATCH_BYTES; count += 1) {
      const length = libc().read(this.fd, this.#incoming.address(count), this.#incoming.room);
      if (length < 0) return count > 0 ? count : -lastErrno();
      if (length === 0) return count > 0 ? count : -EAGAIN;
      this.#lengths[count] = length;
      bytes += length;
    }
    return count;
  }

  rawFrame(index: number): RawFrame {
    return this.#incoming.raw(index, this.#lengths[index]);
  }

  send(frames: readonly SentFrame[], first: number): number {
    for (let i = first; i < frames.length; i += 1) {
      if (this.#write(frames[i]) < 0) return i > first ? i - first : -lastErrno();
    }
    return frames.length - first;
  }

  /** Large frames go from where they lie: a copy of 64 KB costs more than a second piece of memory in the call. */
  #write(frame: SentFrame): number {
    if (frame.bytes.length < GATHERED_BYTES) {
      return libc().write(this.fd, this.#outgoing.address(0), this.#outgoing.put(0, frame));
    }
    const { view, address } = this.#pieces;
    const header = this.#outgoing.putHeader(0, frame.offload);
    view.setBigUint64(0, BigInt(header.address), true);
    view.setBigUint64(8, BigInt(header.length), true);
    view.setBigUint64(16, BigInt(addressOf(frame.bytes)), true);
    view.setBigUint64(24, BigInt(frame.bytes.length), true);
    return libc().writev(this.fd, address, 2);
  }

  kernelDropped(): number {
    return 0;
  }
}
