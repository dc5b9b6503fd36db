import type { Cidr, Mac } from '../../wire/address.ts';
import type { FrameDevice } from './device.ts';
import { configureInterface, interfaceInfo, setIp4, setMac } from './interface-info.ts';
import { libc } from './libc.ts';
import { openPacketSocket } from './packet-socket.ts';
import { realPort } from './real-port.ts';
import { openTapDevice } from './tap-device.ts';
import type { RealPort } from './types.ts';

export type { FrameDevice, RawFrame } from './device.ts';
export { type InterfaceInfo, interfaceInfo } from './interface-info.ts';
export { OsError } from './os-error.ts';
/** The devices under the ports, for a loop of one's own that works in the kernel's buffers. */
export { openPacketSocket } from './packet-socket.ts';
export { openTapDevice } from './tap-device.ts';
export * from './types.ts';

/** Common to both kinds of port. */
interface CommonOptions {
  /** Frames come with virtio headers, so that 64 KB super-frames pass whole. Default true. */
  vnetHeader?: boolean;
  /** Hand super-frames and partial checksums on instead of completing them here. Default false. */
  keepSuperFrames?: boolean;
}

/** The TAP to make. */
export interface TapOptions extends CommonOptions {
  /** At most 15 characters. */
  name: string;
  /** Bytes; the interface is set to it and brought up. */
  mtu: number;
  /** Of the kernel's side; left out: as it is. */
  mac?: Mac;
  /** The kernel's own address there, with the network behind it; left out: as it is. */
  address?: Cidr;
}

/** The interface to receive from and send at. */
export interface PacketOptions extends CommonOptions {
  interface: string;
  /** Also receive frames to other MAC addresses than the interface's own. */
  promiscuous: boolean;
}

/** Opens (or makes) a TAP interface: the kernel is the other end of its cable. Throws OsError. */
export function openTap(options: TapOptions): RealPort {
  return open(openTapDevice(options.name, options.vnetHeader ?? true), options, () => {
    if (options.mac !== undefined) setMac(options.name, options.mac);
    configureInterface(options.name, options.mtu);
    if (options.address !== undefined) setIp4(options.name, options.address.address, options.address.prefix);
    return interfaceInfo(options.name);
  });
}

/** Opens an existing interface by AF_PACKET: receives what arrives there, not what left it. Throws OsError. */
export function openPacket(options: PacketOptions): RealPort {
  const device = openPacketSocket({ ...options, vnetHeader: options.vnetHeader ?? true });
  return open(device, options, () => interfaceInfo(options.interface));
}

function open(device: FrameDevice, options: CommonOptions, info: () => ReturnType<typeof interfaceInfo>): RealPort {
  // Without the header neither side can say what is left to be done.
  const keepSuperFrames = (options.keepSuperFrames ?? false) && (options.vnetHeader ?? true);
  try {
    return realPort(device, info(), { keepSuperFrames });
  } catch (error) {
    libc().close(device.fd);
    throw error;
  }
}
