/** Reader of pcapng files with Ethernet packets, as far as captures of this project have it: one section, little-endian, microseconds. */

export interface CapturedPacket {
  /** Name of the interface: the place that was tapped. */
  readonly place: string;
  readonly time_us: number;
  readonly bytes: Uint8Array;
}

const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const INTERFACE_NAME = 2;
const HEAD_BYTES = 8;

/** All packets of a capture, in order. */
export function readPcapng(file: Uint8Array): CapturedPacket[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const places: string[] = [];
  const packets: CapturedPacket[] = [];
  for (let at = 0; at + HEAD_BYTES < file.length; at += view.getUint32(at + 4, true)) {
    const type = view.getUint32(at, true);
    const body = at + HEAD_BYTES;
    if (type === INTERFACE_DESCRIPTION) places.push(nameOf(view, file, body + 8));
    if (type !== ENHANCED_PACKET) continue;
    const length = view.getUint32(body + 12, true);
    packets.push({
      place: places[view.getUint32(body, true)] as string,
      time_us: view.getUint32(body + 4, true) * 2 ** 32 + view.getUint32(body + 8, true),
      bytes: file.subarray(body + 20, body + 20 + length),
    });
  }
  return packets;
}

function nameOf(view: DataView, file: Uint8Array, options: number): string {
  for (let at = options; ; ) {
    const [code, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (code === INTERFACE_NAME) return new TextDecoder().decode(file.subarray(at + 4, at + 4 + length));
    if (code === 0) return '';
    at += 4 + Math.ceil(length / 4) * 4;
  }
}
