import type { TcpIndication, TcpRequest } from '../../src/actors/services.ts';
import { UdpLayer } from '../../src/actors/udp/layer.ts';
import { udpPacket } from '../../src/actors/udp/packet.ts';
import { buildUdpPacket } from '../../src/wire/build.ts';
import { concat } from '../../src/wire/bytes.ts';
import { IpProtocol, parseIp4Packet } from '../../src/wire/ipv4.ts';
import { type LegView, legKindName, parseLeg } from '../../src/wire/leg.ts';
import { splitUnits, UNIT_DATA, UNIT_LEG } from '../../src/wire/unit.ts';
import { TestHost } from './test-host.ts';

export type UdpSide = 'near' | 'far';

export const NEAR = { address: 0xc6_33_64_1e, port: 50_000 };
export const FAR = { address: 0xc0_00_02_14, port: 443 };
/** Name of the near end's connection. */
export const DIALLED = 'dial-1';
export const TUPLE = { local: FAR.address, localPort: FAR.port, remote: NEAR.address, remotePort: NEAR.port };

export class UdpEnd {
  readonly host: TestHost;
  readonly layer: UdpLayer;
  #seen = 0;

  constructor(side: UdpSide) {
    this.host = new TestHost(side === 'near' ? 1 : 2);
    const { address } = side === 'near' ? NEAR : FAR;
    this.layer = this.host.attach(new UdpLayer(this.host, side === 'near' ? '3003' : '2003', { address }));
    this.host.start();
  }

  asks(request: TcpRequest): void {
    this.host.inject('upper', request);
  }

  told(): TcpIndication[] {
    return this.host.sentOn<TcpIndication>('upper');
  }

  /** Kinds of what the user was told, the reason behind `closed`. */
  toldKinds(): string[] {
    return this.told().map((each) => (each.kind === 'closed' ? `closed ${each.reason}` : each.kind));
  }

  /** All bytes of one kind that the user was told: of the stream, or of records. */
  received(kind: 'tls' | 'record'): Uint8Array[] {
    return this.told().flatMap((each) =>
      each.kind === 'data' && (each.bytes[0] === UNIT_DATA) === (kind === 'record') ? [each.bytes] : [],
    );
  }

  /** State of the one connection. */
  get state(): string | undefined {
    return this.layer.machines().find(({ machine }) => machine.id === 'udp')?.state;
  }

  /** Packets that were sent since the last call. */
  taken(): Uint8Array[] {
    const packets = this.host.sentOn('lower').slice(this.#seen);
    this.#seen += packets.length;
    return packets.map(({ bytes }) => bytes);
  }
}

interface UnderWay {
  readonly to: UdpSide;
  readonly due_us: number;
  readonly bytes: Uint8Array;
}

/** Two UDP layers and the network between their IP routing layers; `fate` says how late each copy of a packet arrives. */
export class UdpPair {
  readonly near = new UdpEnd('near');
  readonly far = new UdpEnd('far');
  readonly line: { readonly from: UdpSide; readonly bytes: Uint8Array }[] = [];
  fate: (from: UdpSide, bytes: Uint8Array) => readonly number[] = () => [0];
  #underWay: UnderWay[] = [];

  constructor({ listens = true }: { listens?: boolean } = {}) {
    if (listens) this.far.asks({ kind: 'listen', port: FAR.port });
  }

  connect(): this {
    const { address: destination, port: destinationPort } = FAR;
    this.near.asks({ kind: 'connect', connection: DIALLED, destination, destinationPort, sourcePort: NEAR.port });
    return this.settle();
  }

  /** The connection stands at both ends. */
  established(): this {
    this.connect();
    this.near.asks({ kind: 'write', connection: DIALLED, bytes: tls(1, 100) });
    return this.settle();
  }

  /** Everything that happens without time passing. */
  settle(): this {
    for (let moved = true; moved; ) {
      for (const from of ['near', 'far'] as const) for (const bytes of this[from].taken()) this.#send(from, bytes);
      moved = this.#deliver();
    }
    return this;
  }

  advance(time_us: number): this {
    const end_us = this.near.host.now_us() + time_us;
    for (;;) {
      const timers = [this.near, this.far].flatMap(({ host }) => host.timers().map(([, deadline_us]) => deadline_us));
      const next_us = Math.min(end_us, ...timers, ...this.#underWay.map(({ due_us }) => due_us));
      for (const { host } of [this.near, this.far]) host.advance(Math.max(0, next_us - host.now_us()));
      this.settle();
      if (next_us === end_us) return this;
    }
  }

  /** A packet arrives that nobody of the two has sent. */
  forge(to: UdpSide, payload: Uint8Array, from: { address: number; port: number } = to === 'near' ? FAR : NEAR): void {
    const own = to === 'near' ? NEAR : FAR;
    const ip = { source: from.address, destination: own.address };
    this[to].host.injectBytes(
      'lower',
      buildUdpPacket({ ip, udp: { sourcePort: from.port, destinationPort: own.port } }, payload),
    );
    this.settle();
  }

  /** What crossed the line, in order: names of leg packets, `record`, `icmp`. */
  crossed(side?: UdpSide): string[] {
    return this.line.flatMap(({ from, bytes }) => (side === undefined || side === from ? namesOf(bytes) : []));
  }

  #send(from: UdpSide, bytes: Uint8Array): void {
    this.line.push({ from, bytes });
    const now_us = this[from].host.now_us();
    for (const delay_us of this.fate(from, bytes)) {
      this.#underWay.push({ to: from === 'near' ? 'far' : 'near', due_us: now_us + delay_us, bytes });
    }
  }

  #deliver(): boolean {
    const now_us = this.near.host.now_us();
    const due = this.#underWay.filter(({ due_us }) => due_us <= now_us).sort((a, b) => a.due_us - b.due_us);
    this.#underWay = this.#underWay.filter(({ due_us }) => due_us > now_us);
    for (const { to, bytes } of due) this[to].host.injectBytes('lower', bytes);
    return due.length > 0;
  }
}

/** Leg packets of an IP packet. */
export function legsOf(bytes: Uint8Array): LegView[] {
  const read = udpPacket(bytes);
  if (read.kind !== 'datagram') return [];
  return splitUnits(bytes, read.udp.headerEnd, read.udp.end).units.flatMap(({ type, offset, length }) => {
    const leg = type === UNIT_LEG ? parseLeg(bytes, offset, offset + length) : undefined;
    return leg?.ok ? [leg] : [];
  });
}

function namesOf(bytes: Uint8Array): string[] {
  const ip = parseIp4Packet(bytes, 0, bytes.length);
  if (ip.ok && ip.protocol === IpProtocol.ICMP) return ['icmp'];
  const legs = legsOf(bytes);
  return legs.length === 0 ? ['record'] : legs.map(({ kind }) => legKindName(kind));
}

/** A whole TLS record (handshake type) with a recognisable body. */
export function tls(seed: number, length: number): Uint8Array {
  const body = new Uint8Array(length).map((_, index) => seed + index);
  return concat(Uint8Array.of(0x16, 3, 3, length >> 8, length & 0xff), body);
}

/** What looks like a data record on the wire. */
export function record(seed: number, length = 200): Uint8Array {
  const bytes = new Uint8Array(length + 32).fill(seed);
  bytes.set([UNIT_DATA, 0, (length + 32) >> 8, (length + 32) & 0xff]);
  return bytes;
}
