import { Device } from '../../src/actors/device.ts';
import type { Frame } from '../../src/actors/frame.ts';
import type { GatewayPeer } from '../../src/actors/gateway/config.ts';
import {
  type GatewayApplicationConfig,
  GatewayApplicationLayer,
} from '../../src/actors/gateway/gateway-application.ts';
import type { LayerHost } from '../../src/actors/host.ts';
import { Layer, type SavedLayer } from '../../src/actors/layer.ts';
import { Port } from '../../src/actors/port.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import { SslLayer } from '../../src/actors/ssl/layer.ts';
import { type JournalRecord, NO_JOURNAL } from '../../src/actors/tap.ts';
import { nobleProvider } from '../../src/engine/crypto/noble.ts';
import { labWorld } from '../../src/lab/world.ts';
import type { Ip4 } from '../../src/wire/address.ts';
import { FakeTcpLayer, type WireMessage } from './fake-tcp.ts';

export const GATEWAY_A = 'gateway-a';
export const GATEWAY_B = 'gateway-b';
export const GATEWAY_PORT = 4433;
const DELAY_US = 10_000;

/** Stands where the virtual NIC stands: keeps what comes out of the tunnel. */
class NicProbe extends Layer {
  readonly kind = 'nic-probe';
  readonly frames: Frame[] = [];
  readonly port: Port<Frame, Frame>;

  constructor(host: LayerHost, label: string) {
    super(host, label);
    this.port = this.addPort<Frame, Frame>('nic', (frame) => this.frames.push(frame));
  }

  override outsideEvent(_name: string, data: never): boolean {
    return this.port.send(this.host.frame(data));
  }

  save(): SavedLayer {
    return { version: 1 };
  }

  restore(): void {}
}

export class GatewayEnd {
  readonly name: string;
  readonly address: Ip4;
  readonly device: Device;

  constructor(device: Device, address: Ip4) {
    this.device = device;
    this.name = device.name;
    this.address = address;
  }

  get gateway(): GatewayApplicationLayer {
    return this.device.layer('2001A') as GatewayApplicationLayer;
  }

  get ssl(): SslLayer {
    return this.device.layer('2002') as SslLayer;
  }

  /** State of the only peer. */
  get state(): string | undefined {
    return this.gateway.status().peers[0]?.state;
  }

  get received(): Uint8Array[] {
    return (this.device.layer('2010') as NicProbe).frames.map(({ bytes }) => bytes);
  }

  event(name: string, data: object = {}): void {
    this.device.input({ kind: 'event', layer: '2001A', name, data: data as never });
  }

  tcpEvent(name: string, data: object): void {
    this.device.input({ kind: 'event', layer: '2003', name, data: data as never });
  }

  /** A frame of the LAN. */
  lan(bytes: Uint8Array): void {
    this.device.input({ kind: 'event', layer: '2010', name: 'frame', data: bytes });
  }
}

export interface GatewayPairOptions {
  readonly a?: Partial<GatewayApplicationConfig>;
  readonly b?: Partial<GatewayApplicationConfig>;
  /** Of the peer entry that each has for the other. */
  readonly aPeer?: Partial<GatewayPeer>;
  readonly bPeer?: Partial<GatewayPeer>;
  readonly seed?: number;
  /** Microseconds that B starts after A. */
  readonly bLater_us?: number;
  readonly tamper?: (from: string, message: WireMessage) => WireMessage | undefined;
}

/** Two gateways without drivers over a reliable byte stream: A dials, B listens, unless told otherwise. */
export class GatewayPair {
  readonly scheduler = new VirtualScheduler();
  readonly journal: JournalRecord[] = [];
  readonly a: GatewayEnd;
  readonly b: GatewayEnd;

  constructor(options: GatewayPairOptions = {}) {
    const {
      a = {},
      b = {},
      aPeer = {},
      bPeer = {},
      seed = 1,
      bLater_us = 0,
      tamper = (_from, message) => message,
    } = options;
    const tap = {
      ...NO_JOURNAL,
      level: 'control' as const,
      record: (record: JournalRecord) => void this.journal.push(record),
    };
    const world = labWorld({ scheduler: this.scheduler, seed, tap, aead: nobleProvider });
    const make = (
      name: string,
      other: string,
      address: Ip4,
      config: Partial<GatewayApplicationConfig>,
      peer: Partial<GatewayPeer>,
    ) =>
      new GatewayEnd(
        new Device(world, name, (host) => {
          const remote = {
            name: other,
            address: address ^ 3,
            port: GATEWAY_PORT,
            shape: 'tcp' as const,
            handshake: 'hold' as const,
          };
          const peers = [{ ...remote, connect: name === GATEWAY_A, ...peer }];
          const listen = { port: GATEWAY_PORT, shape: 'tcp' as const, handshake: 'hold' as const };
          const gateway = new GatewayApplicationLayer(host, '2001A', { name, address, listen, peers, ...config });
          const nic = new NicProbe(host, '2010');
          const ssl = new SslLayer(host, '2002', { address, peers: [{ name: other }] });
          const tcp = new FakeTcpLayer(host, '2003', address, (message) => carry(name, message));
          Port.join(nic.port, gateway.ports.nic as typeof nic.port);
          Port.join(gateway.ports.ssl as never, ssl.ports.upper as never);
          Port.join(tcp.upper, ssl.ports.lower as typeof tcp.upper);
          return [gateway, nic, ssl, tcp];
        }),
        address,
      );
    const carry = (from: string, sent: WireMessage) => {
      const message = tamper(from, sent);
      if (message === undefined) return;
      this.scheduler.at(this.scheduler.now_us() + DELAY_US, () =>
        (from === GATEWAY_A ? this.b : this.a).tcpEvent('wire', message),
      );
    };
    this.a = make(GATEWAY_A, GATEWAY_B, 0x0a00_0001, a, aPeer);
    this.b = make(GATEWAY_B, GATEWAY_A, 0x0a00_0002, b, bPeer);
    this.a.device.start();
    this.scheduler.at(bLater_us, () => this.b.device.start());
  }

  run(time_us = 1_000_000): this {
    this.scheduler.runUntil(this.scheduler.now_us() + time_us);
    return this;
  }

  notes(device: string, name: string): unknown[] {
    const wanted = this.journal.filter(
      (record) => record.kind === 'note' && record.device === device && record.name === name,
    );
    return wanted.map(({ data }) => data);
  }
}
