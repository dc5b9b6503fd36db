import { Device } from '../../src/actors/device.ts';
import type { Frame } from '../../src/actors/frame.ts';
import type { LayerHost } from '../../src/actors/host.ts';
import { Layer, type SavedLayer } from '../../src/actors/layer.ts';
import { Port } from '../../src/actors/port.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import { SecurityEngineLayer } from '../../src/actors/security-engine/layer.ts';
import type { RecordParameters, SslIndication, SslRequest } from '../../src/actors/services.ts';
import { SslLayer, type SslOptions } from '../../src/actors/ssl/layer.ts';
import { type JournalRecord, NO_JOURNAL } from '../../src/actors/tap.ts';
import type { World } from '../../src/actors/world.ts';
import { nobleProvider } from '../../src/engine/crypto/noble.ts';
import { type LabIdentity, labWorld } from '../../src/lab/world.ts';
import type { Ip4 } from '../../src/wire/address.ts';
import type { ControlFrameMessage } from '../../src/wire/control-frame.ts';
import { FakeTcpLayer, type WireMessage } from './fake-tcp.ts';

export const CLIENT = 'gateway30';
export const SERVER = 'gateway20';
export const PORT = 4433;
export const ADDRESS: Readonly<Record<string, Ip4>> = { [CLIENT]: 0x0a00_001e, [SERVER]: 0x0a00_0014 };
/** One way. */
const DELAY_US = 10_000;

/** An application above SSL that does what a gateway application does, one switch for each of its answers. */
export class ProbeLayer extends Layer {
  readonly kind = 'probe';
  readonly ssl: Port<SslIndication, SslRequest>;
  readonly heard: SslIndication[] = [];
  digest: Uint8Array | undefined = new Uint8Array(32).fill(5);
  shape: 'tcp' | 'udp' = 'tcp';
  handshake: 'hold' | 'immediate' = 'hold';
  takesRecords = true;
  saysInstalled = true;

  constructor(host: LayerHost, label: string) {
    super(host, label);
    this.ssl = this.addPort<SslIndication, SslRequest>('ssl', (indication) => this.#hears(indication));
  }

  override outsideEvent(_name: string, data: never): boolean {
    return this.ssl.send(data);
  }

  save(): SavedLayer {
    return { version: 1 };
  }

  restore(): void {}

  tellLeg(session: string): void {
    const { digest, shape, handshake } = this;
    if (digest !== undefined) this.ssl.send({ kind: 'leg', session, digest, shape, handshake });
  }

  #hears(indication: SslIndication): void {
    this.heard.push(indication);
    const { session } = indication;
    if (indication.kind === 'connected' || indication.kind === 'accepted') this.tellLeg(session);
    if (indication.kind !== 'secured') return;
    if (this.takesRecords) this.ssl.send({ kind: 'records', session, parameters: indication.parameters });
    if (this.saysInstalled) this.ssl.send({ kind: 'installed', session });
  }
}

/** Stands where an in-line cipher is told of sessions: writes down what it hears, and answers that it has started unless told otherwise. */
export class CipherProbeLayer extends Layer {
  readonly kind = 'cipher-probe';
  readonly settings: Port<ControlFrameMessage, ControlFrameMessage>;
  readonly heard: ControlFrameMessage[] = [];
  answer: 'started' | 'stopped' | undefined = 'started';

  constructor(host: LayerHost, label: string) {
    super(host, label);
    this.settings = this.addPort<ControlFrameMessage, ControlFrameMessage>('settings', (message) =>
      this.#hears(message),
    );
  }

  save(): SavedLayer {
    return { version: 1 };
  }

  restore(): void {}

  #hears(message: ControlFrameMessage): void {
    this.heard.push(message);
    if (message.kind !== 'start' && message.kind !== 'renew') return;
    const { sessionId } = message.session;
    if (this.answer === 'started') this.settings.send({ kind: 'started', sessionId });
    else if (this.answer === 'stopped') this.settings.send({ kind: 'stopped', sessionId, ...NO_NUMBERS });
  }
}

const NO_NUMBERS = { reason: 4, nextSequence: 0, acknowledgement: 0 };

export interface PairOptions {
  readonly identities?: Readonly<Record<string, LabIdentity>>;
  readonly client?: Partial<SslOptions>;
  readonly server?: Partial<SslOptions>;
  /** Changes, or swallows, what goes over the wire. */
  readonly tamper?: (from: string, message: WireMessage) => WireMessage | undefined;
}

/** One end. */
export class SslEnd {
  readonly name: string;
  readonly device: Device;
  readonly probe: ProbeLayer;
  readonly ssl: SslLayer;
  readonly tcp: FakeTcpLayer;
  /** Joined where the end has an in-line cipher. */
  readonly cipher: CipherProbeLayer;

  constructor(world: World, name: string, options: Partial<SslOptions>, send: (message: WireMessage) => void) {
    this.name = name;
    const peers = [{ name: name === CLIENT ? SERVER : CLIENT }];
    this.device = new Device(world, name, (host) => {
      const probe = new ProbeLayer(host, 'application');
      const ssl = new SslLayer(host, 'ssl', { address: ADDRESS[name] as Ip4, peers, ...options });
      const tcp = new FakeTcpLayer(host, 'tcp', ADDRESS[name] as Ip4, send);
      Port.join(probe.ssl, ssl.ports.upper as never);
      Port.join(tcp.upper, ssl.ports.lower as never);
      const engine = ssl.ports.cipher && new SecurityEngineLayer(host, 'engine');
      if (engine !== undefined) Port.join(ssl.ports.cipher, engine.ports.cipher);
      const cipher = new CipherProbeLayer(host, 'cipher');
      if (ssl.ports.inline !== undefined) Port.join(cipher.settings, ssl.ports.inline as never);
      return [probe, ssl, ...(engine ? [engine] : []), tcp, cipher];
    });
    if (options.cipher !== undefined) this.device.start();
    this.probe = this.device.layer('application') as ProbeLayer;
    this.ssl = this.device.layer('ssl') as SslLayer;
    this.tcp = this.device.layer('tcp') as FakeTcpLayer;
    this.cipher = this.device.layer('cipher') as CipherProbeLayer;
  }

  ask(request: SslRequest): void {
    this.device.input({ kind: 'event', layer: 'application', name: 'ask', data: request as never });
  }

  sendFrame(session: string, bytes: Uint8Array): void {
    this.ask({ kind: 'frame', session, frame: this.device.frame(bytes) });
  }

  /** Something happens to this end's TCP. */
  tcpEvent(name: string, data: object): void {
    this.device.input({ kind: 'event', layer: 'tcp', name, data: data as never });
  }

  kinds(): string[] {
    return this.probe.heard.map(({ kind }) => kind);
  }

  frames(): Frame[] {
    return this.probe.heard.flatMap((each) => (each.kind === 'frame' ? [each.frame] : []));
  }

  secured(): RecordParameters[] {
    return this.probe.heard.flatMap((each) => (each.kind === 'secured' ? [each.parameters] : []));
  }

  closedReason(): string | undefined {
    const closed = this.probe.heard.find((each) => each.kind === 'closed');
    return closed?.kind === 'closed' ? closed.reason : undefined;
  }
}

/** Two SSL layers over a reliable byte stream, TLS by the lab's model. */
export class SslPair {
  readonly scheduler = new VirtualScheduler();
  readonly client: SslEnd;
  readonly server: SslEnd;
  readonly journal: JournalRecord[] = [];
  /** Everything on the wire, with the name of its sender. */
  readonly wire: { readonly from: string; readonly message: WireMessage }[] = [];
  readonly #tamper: NonNullable<PairOptions['tamper']>;

  constructor({ identities, client = {}, server = {}, tamper = (_from, message) => message }: PairOptions = {}) {
    const tap = {
      ...NO_JOURNAL,
      level: 'control' as const,
      record: (record: JournalRecord) => void this.journal.push(record),
    };
    const world = labWorld({
      scheduler: this.scheduler,
      seed: 3,
      tap,
      aead: nobleProvider,
      ...(identities && { identities }),
    });
    this.#tamper = tamper;
    this.client = new SslEnd(world, CLIENT, client, (message) => this.#carry(CLIENT, message));
    this.server = new SslEnd(world, SERVER, server, (message) => this.#carry(SERVER, message));
    this.server.ask({ kind: 'listen', port: PORT });
  }

  /** The client's session is `one`, the server's has the name in {@link serverSession}. */
  connect(session = 'one', time_us = 1_000_000): this {
    this.client.ask({
      kind: 'connect',
      session,
      peer: SERVER,
      destination: ADDRESS[SERVER] as Ip4,
      destinationPort: PORT,
      sourcePort: 50_000,
    });
    return this.run(time_us);
  }

  run(time_us = 1_000_000): this {
    this.scheduler.runUntil(this.scheduler.now_us() + time_us);
    return this;
  }

  get serverSession(): string {
    return this.server.probe.heard.find(({ kind }) => kind === 'accepted')?.session ?? '';
  }

  /** Transitions of both ends' machines, `device instance event`. */
  transitions(machine: string): string[] {
    const taken = this.journal.filter(
      ({ kind, data }) => kind === 'transition' && (data as { machine: string }).machine === machine,
    );
    return taken.map(({ device, name, data }) => `${device} ${name} ${(data as { to: string }).to}`);
  }

  notes(name: string): unknown[] {
    return this.journal.filter((record) => record.kind === 'note' && record.name === name).map(({ data }) => data);
  }

  #carry(from: string, sent: WireMessage): void {
    const message = this.#tamper(from, sent);
    if (message === undefined) return;
    this.wire.push({ from, message });
    this.scheduler.at(this.scheduler.now_us() + DELAY_US, () => {
      const to = from === CLIENT ? this.server : this.client;
      to.tcpEvent('wire', message);
    });
  }
}

/** A session that stands. */
export function up(options: ConstructorParameters<typeof SslPair>[0] = {}): SslPair {
  return new SslPair(options).connect();
}

/** Types of units and TLS records that one end wrote, in order; TLS as its content type. */
export function written(pair: SslPair, from: string): number[] {
  return pair.wire.flatMap(({ from: sender, message }) =>
    sender === from && message.kind === 'bytes' ? [message.bytes[0] as number] : [],
  );
}

/** Bytes that the session's TCP delivers to one end, whoever wrote them. */
export function rawBytes(pair: SslPair, to: SslEnd, bytes: Uint8Array): void {
  const id = `one@${ADDRESS[CLIENT]}`;
  to.tcpEvent('wire', { kind: 'bytes', id, bytes });
  pair.run();
}

/** The end knows no session any more. */
export function isGone(end: SslEnd): boolean {
  return end.ssl.status().length === 0;
}
