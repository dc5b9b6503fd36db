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
import type { World } from '../../src/actors/world.ts';
import { nobleProvider } from '../../src/engine/crypto/noble.ts';
import { labWorld } from '../../src/lab/world.ts';
import type { Ip4 } from '../../src/wire/address.ts';
import { FakeTcpLayer, type WireMessage } from './fake-tcp.ts';

export const GATEWAY_A = 'gateway-a';
export const GATEWAY_B = 'gateway-b';
const ADDRESS: Readonly<Record<string, Ip4>> = { [GATEWAY_A]: 0x0a00_0001, [GATEWAY_B]: 0x0a00_0002 };
const PORT = 4433;
const CHOICE = { shape: 'tcp', handshake: 'hold' } as const;
/** One way. */
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

export class TunnelEnd {
  readonly address: Ip4;
  readonly device: Device;
  readonly gateway: GatewayApplicationLayer;
  readonly ssl: SslLayer;
  readonly #nic: NicProbe;

  constructor(
    world: World,
    name: string,
    config: Partial<GatewayApplicationConfig>,
    peer: Partial<GatewayPeer>,
    send: (message: WireMessage) => void,
  ) {
    const other = name === GATEWAY_A ? GATEWAY_B : GATEWAY_A;
    const address = ADDRESS[name] as Ip4;
    const peers = [
      { name: other, address: ADDRESS[other] as Ip4, port: PORT, connect: name === GATEWAY_A, ...CHOICE, ...peer },
    ];
    this.address = address;
    this.device = new Device(world, name, (host) => {
      const gateway = new GatewayApplicationLayer(host, '2001A', {
        name,
        address,
        listen: { port: PORT, ...CHOICE },
        peers,
        ...config,
      });
      const nic = new NicProbe(host, '2010');
      const ssl = new SslLayer(host, '2002', { address, peers: [{ name: other }] });
      const tcp = new FakeTcpLayer(host, '2003', address, send);
      Port.join(nic.port, gateway.ports.nic as never);
      Port.join(gateway.ports.ssl as never, ssl.ports.upper as never);
      Port.join(tcp.upper, ssl.ports.lower as never);
      return [gateway, nic, ssl, tcp];
    });
    this.gateway = this.device.layer('2001A') as GatewayApplicationLayer;
    this.ssl = this.device.layer('2002') as SslLayer;
    this.#nic = this.device.layer('2010') as NicProbe;
  }

  /** State of the only peer. */
  get state(): string | undefined {
    return this.gateway.status().peers[0]?.state;
  }

  get received(): Uint8Array[] {
    return this.#nic.frames.map(({ bytes }) => bytes);
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

export interface TunnelPairOptions {
  readonly a?: Partial<GatewayApplicationConfig>;
  readonly b?: Partial<GatewayApplicationConfig>;
  /** Of the peer entry that each has for the other. */
  readonly aPeer?: Partial<GatewayPeer>;
  readonly bPeer?: Partial<GatewayPeer>;
  /** Microseconds that B starts after A. */
  readonly bLater_us?: number;
}

/** Two gateways without drivers over a reliable byte stream: both listen, A dials, unless told otherwise. */
export class TunnelPair {
  readonly scheduler = new VirtualScheduler();
  readonly journal: JournalRecord[] = [];
  readonly a: TunnelEnd;
  readonly b: TunnelEnd;

  constructor({ a = {}, b = {}, aPeer = {}, bPeer = {}, bLater_us = 0 }: TunnelPairOptions = {}) {
    const tap = {
      ...NO_JOURNAL,
      level: 'control' as const,
      record: (record: JournalRecord) => void this.journal.push(record),
    };
    const world = labWorld({ scheduler: this.scheduler, seed: 1, tap, aead: nobleProvider });
    this.a = new TunnelEnd(world, GATEWAY_A, a, aPeer, (message) => this.#carry(() => this.b, message));
    this.b = new TunnelEnd(world, GATEWAY_B, b, bPeer, (message) => this.#carry(() => this.a, message));
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

  #carry(to: () => TunnelEnd, message: WireMessage): void {
    this.scheduler.at(this.scheduler.now_us() + DELAY_US, () => to().tcpEvent('wire', message));
  }
}
