import { setTimeout as sleep } from 'node:timers/promises';
import { ipBytes, isIp6, parseIp } from '../../wire/ip-address.ts';
import { Arena, check, libc } from '../os/libc.ts';
import { POLLIN, poller } from '../os/poller.ts';
import { inHostNetwork } from './host-network.ts';
import type { HostName } from './hosts.ts';

export interface PingOptions {
  count?: number;
  interval_ms?: number;
  /** How long to wait for answers after the last request. */
  timeout_ms?: number;
  /** Bytes of data in each echo request. */
  size?: number;
}

export interface PingResult {
  sent: number;
  received: number;
  /** Round-trip times in the order of the requests; missing answers are left out. */
  roundTrips_ms: number[];
}

const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
/** Room for the socket address of either family. */
const SOCKADDR_BYTES = 28;
/** What differs between the families; a raw ICMPv6 socket gives messages without their IP header, and makes the checksum. */
const FAMILIES = {
  ip4: { family: 2, protocol: 1, addressAt: 4, addressBytes: 16, request: 8, reply: 0, hasHeader: true },
  ip6: { family: 10, protocol: 58, addressAt: 8, addressBytes: 28, request: 128, reply: 129, hasHeader: false },
} as const;
const BUFFER_BYTES = 66_000;
const ICMP_HEADER_BYTES = 8;

/** Sends ICMP or ICMPv6 (to a global address) echo requests from a host through its kernel's IP stack (no ping command needed) and waits for the answers. */
export async function ping(host: HostName, target: string, options: PingOptions = {}): Promise<PingResult> {
  const { count = 3, interval_ms = 200, timeout_ms = 1000, size = 56 } = options;
  const socket = new EchoSocket(host, target);
  const result: PingResult = { sent: 0, received: 0, roundTrips_ms: [] };
  try {
    for (let sequence = 1; sequence <= count; sequence += 1) {
      socket.request(sequence, size);
      result.sent += 1;
      if (sequence < count) await sleep(interval_ms);
    }
    const until = performance.now() + timeout_ms;
    while (socket.answers.size < count && performance.now() < until) await sleep(5);
  } finally {
    await socket.close();
  }
  result.received = socket.answers.size;
  result.roundTrips_ms = [...socket.answers].sort(([a], [b]) => a - b).map(([, time_ms]) => time_ms);
  return result;
}

class EchoSocket {
  /** Round-trip time by sequence number. */
  readonly answers = new Map<number, number>();
  readonly #fd: number;
  readonly #kind: (typeof FAMILIES)['ip4' | 'ip6'];
  readonly #identifier = nextIdentifier();
  readonly #sentAt = new Map<number, number>();
  readonly #memory = new Arena(SOCKADDR_BYTES + BUFFER_BYTES);

  constructor(host: HostName, target: string) {
    const address = parseIp(target) ?? 0;
    this.#kind = isIp6(address) ? FAMILIES.ip6 : FAMILIES.ip4;
    const { family, protocol, addressAt } = this.#kind;
    this.#memory.bytes.fill(0, 0, SOCKADDR_BYTES);
    this.#memory.view.setUint16(0, family, true);
    this.#memory.bytes.set(ipBytes(address), addressAt);
    this.#fd = inHostNetwork(host, () =>
      check(libc().socket(family, SOCK_RAW_NONBLOCK_CLOEXEC, protocol), 'open an ICMP socket', host, {
        EPERM: 'needs the capability CAP_NET_RAW',
      }),
    );
    poller().watch({ fd: this.#fd, wanted: POLLIN, ready: () => this.#receive() });
  }

  /** A failure to send (no route, no neighbour) is an unanswered request. */
  request(sequence: number, size: number): void {
    const { view, bytes, address } = this.#memory;
    const length = ICMP_HEADER_BYTES + size;
    bytes.fill(0, SOCKADDR_BYTES, SOCKADDR_BYTES + length);
    const { request, addressBytes } = this.#kind;
    view.setUint8(SOCKADDR_BYTES, request);
    view.setUint16(SOCKADDR_BYTES + 4, this.#identifier);
    view.setUint16(SOCKADDR_BYTES + 6, sequence);
    // The data is zeros: the sum has three terms.
    const sum = (request << 8) + this.#identifier + sequence;
    view.setUint16(SOCKADDR_BYTES + 2, ~((sum & 0xffff) + (sum >> 16)));
    this.#sentAt.set(sequence, performance.now());
    libc().sendto(this.#fd, address + SOCKADDR_BYTES, length, 0, address, addressBytes);
  }

  async close(): Promise<void> {
    await poller().unwatch(this.#fd);
    libc().close(this.#fd);
  }

  /** A raw socket sees every ICMP packet of its host. */
  #receive(): void {
    const { view, bytes, address } = this.#memory;
    const length = libc().read(this.#fd, address + SOCKADDR_BYTES, BUFFER_BYTES);
    if (length <= 0) return;
    const { hasHeader, reply } = this.#kind;
    const at = SOCKADDR_BYTES + (hasHeader ? (bytes[SOCKADDR_BYTES] & 0x0f) * 4 : 0);
    if (at + ICMP_HEADER_BYTES > SOCKADDR_BYTES + length || view.getUint8(at) !== reply) return;
    const sequence = view.getUint16(at + 6);
    const sentAt = this.#sentAt.get(sequence);
    if (view.getUint16(at + 4) !== this.#identifier || sentAt === undefined || this.answers.has(sequence)) return;
    this.answers.set(sequence, performance.now() - sentAt);
  }
}

/** Two processes in one host must differ, and two pings of one process. */
let identifiers = process.pid & 0xffff;

function nextIdentifier(): number {
  identifiers = (identifiers + 1) & 0xffff;
  return identifiers;
}
