import type { Device } from '../../src/actors/device.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { Config } from '../../src/config/schema.ts';
import type { Journal } from '../../src/journal/store.ts';
import type { ReceivedFrame, SentFrame } from '../../src/transport/os/types.ts';
import type { GatewayEvent } from '../../src/transport/runtime/control-protocol.ts';
import { GatewayRuntime, type RuntimePort } from '../../src/transport/runtime/gateway-runtime.ts';
import { ownMac } from '../../src/transport/runtime/own-mac.ts';
import { RealClock } from '../../src/transport/runtime/real-clock.ts';
import { opensslTls, realVault } from '../../src/transport/runtime/real-world.ts';
import { secureRandom } from '../../src/transport/runtime/secure-random.ts';
import { createAuthority, issueCertificate, type KeyPairPem } from '../../src/transport/tls/certificates.ts';

const ZERO = {
  receivedBatches: 0,
  receivedSuperFrames: 0,
  receivedTruncated: 0,
  receivedMalformed: 0,
  receiveErrors: 0,
  kernelDropped: 0,
  sentQueued: 0,
  sendQueued: 0,
  sendDropped: 0,
};

/** One end of a cable in memory, with an interface's manners. What is sent arrives at the other end in a later turn. */
export class CablePort implements RuntimePort {
  readonly name: string;
  readonly mac: string;
  readonly mtu = 1500;
  readonly counters = { ...ZERO, receivedFrames: 0, receivedBytes: 0, sentFrames: 0, sentBytes: 0 };
  other: CablePort | undefined;
  /** Hears what leaves here. */
  onSent: (bytes: Uint8Array) => void = () => {};
  #listener: (frames: ReceivedFrame[]) => void = () => {};

  constructor(name: string, mac: string) {
    this.name = name;
    this.mac = mac;
  }

  onBatch(listener: (frames: ReceivedFrame[]) => void): void {
    this.#listener = listener;
  }

  send(frames: SentFrame[]): void {
    for (const { bytes } of frames) {
      this.counters.sentFrames += 1;
      this.counters.sentBytes += bytes.length;
      this.onSent(bytes);
    }
    const copies = frames.map(({ bytes }) => ({ bytes: bytes.slice() }));
    setImmediate(() => this.other?.deliver(copies));
  }

  deliver(frames: ReceivedFrame[]): void {
    for (const { bytes } of frames) {
      this.counters.receivedFrames += 1;
      this.counters.receivedBytes += bytes.length;
    }
    this.#listener(frames);
  }
}

export interface PairMember {
  readonly runtime: GatewayRuntime;
  readonly device: Device;
  readonly port: CablePort;
  readonly events: GatewayEvent[];
  readonly config: Config;
}

export interface PairOptions {
  readonly embodiment?: Config['embodiment'];
  readonly f13?: 'tcp' | 'udp';
  /** What gateway 30 has otherwise than gateway 20. */
  readonly of30?: { readonly f13?: 'tcp' | 'udp'; readonly handshake?: 'hold' | 'immediate'; readonly port?: number };
  readonly journal?: (name: string, snapshot: GatewayRuntime['snapshot']) => Journal;
  /** Certificates other than the right ones, by gateway. */
  readonly certificates?: Readonly<Record<string, KeyPairPem>>;
  readonly authority?: KeyPairPem;
  readonly more?: string;
  /** Hears a copy of every secret that the vaults come to hold. */
  readonly onSecret?: (bytes: Uint8Array) => void;
}

/** Gateways 20 (listens) and 30 (connects) on one cable, in real time, with OpenSSL's TLS. Neither is started. */
export async function gatewayPair(options: PairOptions = {}): Promise<{ g20: PairMember; g30: PairMember }> {
  const ca = options.authority ?? (await createAuthority('CA', new Date()));
  const [g20, g30] = await Promise.all(['gateway20', 'gateway30'].map((name) => member(name, ca, options)));
  g20!.port.other = g30!.port;
  g30!.port.other = g20!.port;
  return { g20: g20!, g30: g30! };
}

async function member(name: string, ca: KeyPairPem, options: PairOptions): Promise<PairMember> {
  const config = configOf(name, options);
  const own = options.certificates?.[name] ?? (await issueCertificate(ca, name, new Date()));
  const port = new CablePort('cable0', `02:00:00:00:01:${name.slice(-2)}`);
  const vault = realVault(options.onSecret);
  const tls = opensslTls({ ...own, ca: ca.certificate }, vault);
  let runtime: GatewayRuntime | undefined;
  const journal = options.journal?.(name, () => runtime?.snapshot() ?? []);
  runtime = new GatewayRuntime({
    config,
    mac: ownMac(config, port.mac),
    port,
    clock: new RealClock(),
    random: secureRandom,
    vault,
    tls,
    journal,
    wallClock: () => new Date(),
  });
  const events: GatewayEvent[] = [];
  runtime.subscribe((event) => events.push(event));
  return { runtime, device: runtime.device, port, events, config };
}

function configOf(name: string, options: PairOptions): Config {
  const is20 = name === 'gateway20';
  const { embodiment = 'engine', more = '' } = options;
  const { f13 = options.f13 ?? 'tcp', handshake = 'hold', port = 4433 } = is20 ? {} : (options.of30 ?? {});
  const dialling = is20 ? '' : `, address: 10.9.0.20, port: ${port}, connect: true`;
  const parsed = parseConfig(
    `
name: ${name}
embodiment: ${embodiment}
numerals: ${is20 ? 2000 : 3000}
interface: { name: cable0 }
address: 10.9.0.${name.slice(-2)}/24
tls: { ca: ca, certificate: c, key: k }
${is20 ? `listen: { port: 4433, f13: ${f13} }` : ''}
peers:
  - { name: ${is20 ? 'gateway30' : 'gateway20'}, f13: ${f13}, handshake: ${handshake}${dialling} }
${more}`,
    name,
  );
  if (!parsed.ok) throw new Error(parsed.errors.join('\n'));
  return parsed.config;
}
