import type { EncapsulationOptions } from '../../src/actors/encapsulation/layer.ts';
import { EncapsulationLayer } from '../../src/actors/encapsulation/layer.ts';
import type {
  Identity,
  IdentityRequest,
  NeighbourQuestion,
  TcpIndication,
  TcpRequest,
} from '../../src/actors/services.ts';
import { parseIp4 } from '../../src/wire/address.ts';
import { concat } from '../../src/wire/bytes.ts';
import { type FrameView, parseFrame } from '../../src/wire/frame.ts';
import { buildInnerFrame, readInnerUnits } from '../../src/wire/inner-frame.ts';
import { INNER_MAX_POSITION, type InnerMessage } from '../../src/wire/inner-leg.ts';
import { TestHost } from './test-host.ts';

const ip = (text: string): number => parseIp4(text) as number;

export const T21: Identity = { address: ip('10.9.0.1'), mac: 0x0200_0000_0021 };
export const T22: Identity = { address: ip('10.9.0.3'), mac: 0x0200_0000_0022 };
export const S31: Identity = { address: ip('10.9.0.2'), mac: 0x0200_0000_0031 };
export const GW30: Identity = { address: ip('10.9.0.30'), mac: 0x0200_0000_0030 };
export const PORT = 40_000;
export const SERVER_PORT = 80;
/** Bytes of a DATA unit that the terminal takes. */
export const MOST_BYTES = 1000;

export const AS_GATEWAY: EncapsulationOptions = { speaksAs: 'gateway', closed: [GW30.address], mtu: 1500 };
export const AS_TERMINAL: EncapsulationOptions = { ...AS_GATEWAY, speaksAs: 'terminal' };

/** A frame of a terminal's driver to a server. */
export function innerFrame(message: InnerMessage, from: Identity = T21, port = PORT, to: Identity = S31): Uint8Array {
  const ends = { local: from.address, localPort: port, remote: to.address, remotePort: SERVER_PORT };
  return buildInnerFrame({ source: from.mac, destination: to.mac }, ends, { seq: 1, ack: 2 }, message);
}

export function request(ownToken = 77, granted = INNER_MAX_POSITION): InnerMessage {
  return { kind: 'conn-req', ownToken, granted, mostBytes: MOST_BYTES };
}

/** Encapsulation processing with nothing but a test around it: the terminal's driver, TCP 3003B, the IP stacks. */
export class Processing {
  readonly host = new TestHost();
  readonly layer: EncapsulationLayer;

  constructor(options: Partial<EncapsulationOptions> = {}) {
    this.layer = this.host.attach(new EncapsulationLayer(this.host, '3001B', { ...AS_GATEWAY, ...options }));
    this.host.start();
  }

  /** The terminal's driver says something. */
  say(message: InnerMessage, ...ends: [from?: Identity, port?: number, to?: Identity]): void {
    this.host.injectBytes('application', innerFrame(message, ...ends));
  }

  /** All that went into the tunnel. */
  get frames(): (FrameView & { readonly messages: readonly InnerMessage[] })[] {
    return this.host.sentOn('application').map(({ bytes }) => {
      const parsed = parseFrame(bytes);
      if (!parsed.ok) throw new Error(parsed.reason);
      const isInner = parsed.tcp !== undefined;
      const messages = isInner ? readInnerUnits(bytes, parsed.payloadOffset, parsed.payloadEnd).messages : [];
      return { ...parsed, messages };
    });
  }

  /** All that the terminal's driver was told. */
  get heard(): InnerMessage[] {
    return this.frames.flatMap(({ messages }) => messages);
  }

  /** Token that the processing has chosen for the last session that it opened. */
  get token(): number {
    const done = this.heard.findLast(({ kind }) => kind === 'conn-done') as InnerMessage & { kind: 'conn-done' };
    return done.ownToken;
  }

  /** What TCP 3003B was asked. */
  asked<K extends TcpRequest['kind']>(kind: K): Extract<TcpRequest, { kind: K }>[] {
    return this.host
      .sentOn<TcpRequest>('tcp')
      .filter((each): each is Extract<TcpRequest, { kind: K }> => each.kind === kind);
  }

  /** Name of the newest connection of TCP 3003B. */
  get connection(): string {
    return this.asked('connect').at(-1)?.connection ?? '';
  }

  get orders(): IdentityRequest[] {
    return this.host.sentOn<IdentityRequest>('identities');
  }

  get sought(): number[] {
    return this.host
      .sentOn<NeighbourQuestion>('neighbours')
      .flatMap((question) => (question.kind === 'find' ? [question.address] : []));
  }

  /** TCP 3003B tells something about its newest connection, or the one that is named. */
  tcp(kind: TcpIndication['kind'], more: object = {}, connection = this.connection): void {
    this.host.inject('tcp', { kind, connection, ...more });
  }

  /** IP stack 3005B answers the newest order. */
  identity(kind: 'taken' | 'refused'): void {
    const order = this.orders.findLast((each) => each.kind === 'take') as IdentityRequest & { kind: 'take' };
    this.host.inject('identities', { kind, name: order.name, ...(kind === 'refused' && { reason: 'full' }) });
  }

  /** A session that stands. */
  opened(granted?: number): this {
    this.say(request(77, granted));
    if (this.orders.length > 0) this.identity('taken');
    this.tcp('connected', { localPort: 5 });
    return this;
  }

  /** What was written to the server. */
  get written(): Uint8Array {
    return concat(...this.asked('write').map(({ bytes }) => bytes));
  }
}
