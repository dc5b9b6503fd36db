/** Writer of pcapng files (draft-ietf-opsawg-pcapng), little-endian, times in microseconds. It makes bytes; the caller writes them. */
import { concat } from '../wire/bytes.ts';

/** LINKTYPE_ETHERNET and LINKTYPE_RAW (the packet begins with an IP header). */
export const LINK_ETHERNET = 1;
export const LINK_RAW = 101;

const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const DECRYPTION_SECRETS = 10;
/** Decryption secrets type "TLS Key Log". */
const TLS_KEY_LOG = 0x544c534b;

const OPTION_END = 0;
const OPTION_COMMENT = 1;
const SECTION_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_TIME_RESOLUTION = 9;
const PACKET_FLAGS = 2;
/** if_tsresol 6: 10^-6 seconds. */
const MICROSECONDS = 6;
const FLAG_INBOUND = 1;
const FLAG_OUTBOUND = 2;
/** 0: packets are cut by no fixed length. */
const NO_SNAP_LENGTH = 0;
const UINT32 = 0x1_0000_0000;

const utf8 = new TextEncoder();

export interface Packet {
  readonly interface: number;
  /** Since 1970, microseconds. */
  readonly time_us: number;
  /** What was captured. */
  readonly bytes: Uint8Array;
  /** Length on the wire; that of `bytes` when left out. */
  readonly length?: number;
  readonly comment?: string;
  /** As its interface's owner sees it. */
  readonly direction?: 'in' | 'out';
}

/** Writes one section. `write` gets whole blocks, in order. */
export class PcapngWriter {
  readonly #write: (block: Uint8Array) => void;
  readonly #interfaces = new Map<string, number>();

  constructor(write: (block: Uint8Array) => void) {
    this.#write = write;
    // Section length -1: unknown.
    const fixed = concat(u32(BYTE_ORDER_MAGIC), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff));
    this.#write(block(SECTION_HEADER, fixed, [option(SECTION_APPLICATION, utf8.encode('glassgate'))]));
  }

  get interfaces(): number {
    return this.#interfaces.size;
  }

  /** Number of the interface of this name and link type; the first call describes it in the file. */
  interface(name: string, linkType = LINK_ETHERNET): number {
    const key = `${linkType} ${name}`;
    const known = this.#interfaces.get(key);
    if (known !== undefined) return known;
    const number = this.#interfaces.size;
    this.#interfaces.set(key, number);
    const fixed = concat(u16(linkType), u16(0), u32(NO_SNAP_LENGTH));
    const resolution = option(INTERFACE_TIME_RESOLUTION, Uint8Array.of(MICROSECONDS));
    this.#write(block(INTERFACE_DESCRIPTION, fixed, [option(INTERFACE_NAME, utf8.encode(name)), resolution]));
    return number;
  }

  packet({ interface: number, time_us, bytes, length, comment, direction }: Packet): void {
    const time = concat(u32(Math.floor(time_us / UINT32)), u32(time_us % UINT32));
    const fixed = concat(u32(number), time, u32(bytes.length), u32(length ?? bytes.length), padded(bytes));
    const options: Uint8Array[] = [];
    if (comment !== undefined) options.push(option(OPTION_COMMENT, utf8.encode(comment)));
    if (direction !== undefined)
      options.push(option(PACKET_FLAGS, u32(direction === 'in' ? FLAG_INBOUND : FLAG_OUTBOUND)));
    this.#write(block(ENHANCED_PACKET, fixed, options));
  }

  /** Puts TLS secrets (NSS key log lines) into the file. Only where the user asked for a key log. */
  secrets(keyLog: string): void {
    const bytes = utf8.encode(keyLog);
    this.#write(block(DECRYPTION_SECRETS, concat(u32(TLS_KEY_LOG), u32(bytes.length), padded(bytes)), []));
  }
}

function block(type: number, fixed: Uint8Array, options: readonly Uint8Array[]): Uint8Array {
  const end = options.length === 0 ? new Uint8Array(0) : option(OPTION_END, new Uint8Array(0));
  const length = u32(12 + fixed.length + options.reduce((sum, { length: bytes }) => sum + bytes, 0) + end.length);
  return concat(u32(type), length, fixed, ...options, end, length);
}

function option(code: number, value: Uint8Array): Uint8Array {
  return concat(u16(code), u16(value.length), padded(value));
}

/** With zeros up to a multiple of 4 bytes. */
function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const out = new Uint8Array(bytes.length + 4 - (bytes.length % 4));
  out.set(bytes);
  return out;
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}
