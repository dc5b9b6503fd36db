import type { Frame } from '../../src/actors/frame.ts';
import { IntermediateDriverLayer } from '../../src/actors/intermediate-driver/layer.ts';
import type { HandshakeMode, SettingIndication } from '../../src/actors/services.ts';
import { type ConnectionEvent, TcpConnection } from '../../src/actors/tcp/connection.ts';
import { packetFromSegment, segmentFromPacket, type TcpTuple } from '../../src/actors/tcp/segment.ts';
import type { F13Shape, FourTuple } from '../../src/engine/f13.ts';
import { CONTROL_MAC_FIRST, CONTROL_MAC_LAST } from '../../src/wire/address.ts';
import { buildEthernet, ETHERNET_HEADER_BYTES, EtherType } from '../../src/wire/ethernet.ts';
import { TestHost } from './test-host.ts';

export const NEAR = { mac: 0x02_00_00_00_00_30, ip: 0xc6_33_64_1e, port: 40_000 };
export const FAR = { mac: 0x02_00_00_00_00_20, ip: 0xc0_00_02_14, port: 443 };
export const NEAR_HOP = 0x02_00_00_00_03_31;
export const FAR_HOP = 0x02_00_00_00_03_32;

/** One host: a driver under test and the operating system's TCP above it. */
export class DriverEnd {
  readonly host: TestHost;
  readonly driver: IntermediateDriverLayer;
  readonly tuple: FourTuple;
  readonly events: ConnectionEvent[] = [];
  tcp: TcpConnection | undefined;
  readonly #mac: number;
  readonly #hop: number;
  #upSeen = 0;
  #downSeen = 0;

  constructor(end: 'near' | 'far') {
    const [own, peer] = end === 'near' ? [NEAR, FAR] : [FAR, NEAR];
    this.host = new TestHost(end === 'near' ? 1 : 2);
    this.#mac = own.mac;
    this.#hop = end === 'near' ? NEAR_HOP : FAR_HOP;
    this.tuple = { local: own.ip, localPort: own.port, remote: peer.ip, remotePort: peer.port };
    this.driver = this.host.attach(
      new IntermediateDriverLayer(this.host, end === 'near' ? '3006' : '2006', { mac: own.mac, mtu: 1500 }),
    );
    this.host.start();
  }

  announceListen(shape: F13Shape, handshake: HandshakeMode = 'hold'): void {
    this.host.inject('settings', {
      kind: 'announce-listen',
      address: this.tuple.local,
      port: this.tuple.localPort,
      shape,
      handshake,
    });
  }

  announceSpecial(): void {
    this.host.inject('settings', { kind: 'announce-special', first: CONTROL_MAC_FIRST, last: CONTROL_MAC_LAST });
  }

  announceConnect(shape: F13Shape, handshake: HandshakeMode = 'hold'): void {
    this.host.inject('settings', { kind: 'announce-connect', tuple: this.tuple, shape, handshake });
  }

  /** The local operating system connects to the far end. */
  connect(): void {
    this.tcp = this.#newTcp(this.tuple);
    this.tcp.openActive();
  }

  indications(): SettingIndication[] {
    return this.host.sentOn<SettingIndication>('settings');
  }

  received(): number[] {
    return this.events.flatMap((event) => (event.kind === 'data' ? [...event.bytes] : []));
  }

  /** Hands what the driver sent up to the local TCP; true when there was something. `listening`: SYNs are accepted. */
  workOff(listening: boolean): boolean {
    const frames = this.host.sentOn('upper').slice(this.#upSeen);
    this.#upSeen += frames.length;
    for (const frame of frames) this.#toTcp(frame, listening);
    return frames.length > 0;
  }

  /** Frames that the driver sent towards the line since the last call. */
  taken(): Frame[] {
    const frames = this.host.sentOn('lower').slice(this.#downSeen);
    this.#downSeen += frames.length;
    return frames;
  }

  #toTcp(frame: Frame, listening: boolean): void {
    const read = segmentFromPacket(frame.bytes.subarray(ETHERNET_HEADER_BYTES));
    if (!read.ok) return;
    const { segment, tuple } = read;
    if (this.tcp !== undefined) this.tcp.segment(segment);
    else if (listening) {
      this.tcp = this.#newTcp(tuple);
      this.tcp.openPassive(segment);
    } else {
      const refusing = this.#newTcp(tuple, true);
      refusing.openPassive(segment);
      refusing.refuse();
    }
  }

  #newTcp(tuple: TcpTuple, holdSynAck = false): TcpConnection {
    return new TcpConnection(
      {
        now_us: () => this.host.now_us(),
        setTimer: () => {},
        clearTimer: () => {},
        isn: () => 7000,
        transmit: (segment) => {
          const link = { destination: this.#hop, source: this.#mac, etherType: EtherType.IP4 };
          this.host.injectBytes('upper', buildEthernet(link, packetFromSegment(segment, tuple)));
        },
        indicate: (event) => {
          if (!holdSynAck) this.events.push(event.kind === 'data' ? { ...event, bytes: event.bytes.slice() } : event);
        },
        observer: { transition: () => {}, command: () => {} },
      },
      { name: 'os', ...tuple, mss: 1460, holdSynAck },
    );
  }
}

/** Two drivers with a router between them; what crosses is kept, and may be lost. */
export class DriverPair {
  readonly near = new DriverEnd('near');
  readonly far = new DriverEnd('far');
  readonly line: { from: 'near' | 'far'; bytes: Uint8Array }[] = [];
  passes: (from: 'near' | 'far', bytes: Uint8Array) => boolean = () => true;
  listening = true;

  constructor(options: { shape?: F13Shape; handshake?: HandshakeMode } = {}) {
    const { shape = 'tcp', handshake = 'hold' } = options;
    this.far.announceListen(shape, handshake);
    this.near.announceConnect(shape, handshake);
  }

  /** The near operating system connects, and everything that follows without time passing. */
  connect(): void {
    this.near.connect();
    this.settle();
  }

  settle(): void {
    for (let moved = true; moved; ) {
      moved = this.near.workOff(false);
      moved = this.far.workOff(this.listening) || moved;
      moved = this.#carry('near', 'far') || moved;
      moved = this.#carry('far', 'near') || moved;
    }
  }

  advance(time_us: number): void {
    const step_us = 50_000;
    for (let done_us = 0; done_us < time_us; done_us += step_us) {
      this.near.host.advance(step_us);
      this.far.host.advance(step_us);
      this.settle();
    }
  }

  state(end: 'near' | 'far'): string | undefined {
    return this[end].driver.machines().find(({ machine }) => machine.id === 'leg')?.state;
  }

  /** A frame as it arrives behind the router: another F11. */
  arrives(to: 'near' | 'far', bytes: Uint8Array, checksum: 'good' | 'bad' = 'good'): void {
    this[to].host.injectBytes('lower', withMacs(bytes, to), checksum);
  }

  #carry(from: 'near' | 'far', to: 'near' | 'far'): boolean {
    const frames = this[from].taken();
    for (const { bytes } of frames) {
      this.line.push({ from, bytes });
      if (this.passes(from, bytes)) this.arrives(to, bytes);
    }
    return frames.length > 0;
  }
}

function withMacs(bytes: Uint8Array, to: 'near' | 'far'): Uint8Array {
  const copy = bytes.slice();
  const [destination, source] = to === 'near' ? [NEAR.mac, NEAR_HOP] : [FAR.mac, FAR_HOP];
  for (let at = 0; at < 6; at++) {
    copy[at] = Math.floor(destination / 2 ** (40 - 8 * at)) & 0xff;
    copy[6 + at] = Math.floor(source / 2 ** (40 - 8 * at)) & 0xff;
  }
  return copy;
}
