import { ipRoutingMachine } from '../../machines/ip-routing.ts';
import { type Ip4, inNetwork } from '../../wire/address.ts';
import { u16 } from '../../wire/bytes.ts';
import { type IcmpFields, IcmpType, icmpQuote, parseIcmp, UnreachableCode } from '../../wire/icmp.ts';
import { type Ip4View, IpProtocol, parseIp4Packet } from '../../wire/ipv4.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { ICMP_ERRORS_BURST, ICMP_ERRORS_PER_SECOND, icmpErrorAbout } from '../icmp-error.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { InterfaceAddress } from '../services.ts';
import { TokenBucket } from '../token-bucket.ts';

/** An IP stack below. */
export interface LowerRoute {
  /** Name of the port. */
  readonly port: string;
  readonly interface: InterfaceAddress;
}

/** A user of IP above. */
export interface UpperUser {
  /** Name of the port. */
  readonly port: string;
  /** IP protocol number. */
  readonly protocol: number;
  /** Its own ports; left out: all that no other user of the protocol has. */
  readonly localPorts?: readonly number[];
}

export interface IpRoutingOptions {
  readonly lowers: readonly LowerRoute[];
  /** Default: one TCP at port `tcp`. ICMP that no other user wants goes to port `icmp`. */
  readonly uppers?: readonly UpperUser[];
}

const DEFAULT_UPPERS: readonly UpperUser[] = [{ port: 'tcp', protocol: IpProtocol.TCP }];
const ICMP_USER: UpperUser = { port: 'icmp', protocol: IpProtocol.ICMP };
/** Source and destination port lead the headers of TCP and UDP. */
const PORTS_BYTES = 4;

interface Lower {
  readonly route: LowerRoute;
  readonly port: Port<Frame, Frame>;
}

/**
 * IP routing 2004 and its like: hands packets up to whoever owns protocol and port, and down to the IP stack that leads to the
 * destination. An ICMP error goes to the owner of the packet that it quotes. Frames start with the IP header on all ports.
 */
export class IpRoutingLayer extends Layer {
  readonly kind = 'ip-routing';
  readonly #users: readonly UpperUser[];
  readonly #userPorts: ReadonlyMap<string, Port<Frame, Frame>>;
  readonly #lowers: readonly Lower[];
  readonly #errorBudget = new TokenBucket(ICMP_ERRORS_PER_SECOND, ICMP_ERRORS_BURST);
  readonly #machine = this.machineHost({
    machine: ipRoutingMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
    execute: () => {},
  });

  constructor(host: LayerHost, label: string, options: IpRoutingOptions) {
    super(host, label);
    this.#users = [...(options.uppers ?? DEFAULT_UPPERS), ICMP_USER];
    const addUser = ({ port }: UpperUser) => [port, this.addPort<Frame, Frame>(port, (f) => this.#output(f))] as const;
    this.#userPorts = new Map(this.#users.map(addUser));
    this.#lowers = options.lowers.map((route) => ({
      route,
      port: this.addPort(route.port, (packet: Frame) => this.#input(packet)),
    }));
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: ipRoutingMachine, state: this.#machine.state }];
  }

  save(): SavedLayer {
    return { version: 1, machine: this.#machine.save(), errorBudget: this.#errorBudget.save() };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#errorBudget.restore(saved.errorBudget as readonly number[]);
  }

  // ---- from above ----

  #output(packet: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', packet);
    const ip = parseIp4Packet(packet.bytes, 0, packet.bytes.length);
    if (!ip.ok) return this.drop('malformed', packet, ip.reason);
    if (this.#isOwn(ip.destination)) return this.#deliver(packet, ip);
    const lower = this.#routeTo(ip.destination, ip.source);
    if (lower === undefined) this.drop('no-route', packet);
    else if (lower.port.send(packet)) this.count('sent');
    else this.drop('not-joined', packet);
  }

  /** The destination's own network first, then the interface of the source address, then any with a default route. */
  #routeTo(destination: Ip4, source: Ip4): Lower | undefined {
    const onLink = this.#lowers.filter(({ route: { interface: own } }) =>
      inNetwork(destination, { address: own.address, prefix: own.prefixLength }),
    );
    const candidates =
      onLink.length > 0 ? onLink : this.#lowers.filter(({ route }) => route.interface.gateway !== undefined);
    return candidates.find(({ route }) => route.interface.address === source) ?? candidates[0] ?? this.#onlyLower();
  }

  /** A single IP stack gets everything: it says itself that there is no route, and tells the sender. */
  #onlyLower(): Lower | undefined {
    return this.#lowers.length === 1 ? this.#lowers[0] : undefined;
  }

  #isOwn(address: Ip4): boolean {
    return this.#lowers.some(({ route }) => route.interface.address === address);
  }

  // ---- from below ----

  #input(packet: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', packet);
    const ip = parseIp4Packet(packet.bytes, 0, packet.bytes.length);
    if (!ip.ok) return this.drop('malformed', packet, ip.reason);
    this.#deliver(packet, ip);
  }

  #deliver(packet: Frame, ip: Ip4View): void {
    const user = ip.protocol === IpProtocol.ICMP ? this.#userOfIcmp(packet.bytes, ip) : this.#userOf(packet.bytes, ip);
    if (user === undefined) return this.#refuse(packet, ip);
    if (this.#userPorts.get(user.port)?.send(packet)) this.count('received');
    else this.drop('not-joined', packet);
  }

  #userOf(bytes: Uint8Array, ip: Ip4View): UpperUser | undefined {
    const hasPorts = ip.end - ip.headerEnd >= PORTS_BYTES;
    return this.#owner(ip.protocol, hasPorts ? u16(bytes, ip.headerEnd + 2) : 0);
  }

  #userOfIcmp(bytes: Uint8Array, ip: Ip4View): UpperUser {
    const icmp = parseIcmp(bytes, ip.headerEnd, ip.end);
    const quote = icmp.ok ? icmpQuote(bytes, icmp) : undefined;
    return (quote && this.#owner(quote.protocol, quote.sourcePort)) ?? ICMP_USER;
  }

  #owner(protocol: number, localPort: number): UpperUser | undefined {
    const users = this.#users.filter((user) => user.protocol === protocol);
    return users.find((user) => user.localPorts?.includes(localPort)) ?? users.find((user) => !user.localPorts);
  }

  #refuse(packet: Frame, ip: Ip4View): void {
    if (packet.checksum === 'bad') return this.drop('bad-checksum', packet);
    const isPort = ip.protocol === IpProtocol.UDP || ip.protocol === IpProtocol.TCP;
    this.drop(isPort ? 'no-listener' : 'unknown-protocol', packet);
    const code = isPort ? UnreachableCode.PORT : UnreachableCode.PROTOCOL;
    const error: IcmpFields = { type: IcmpType.UNREACHABLE, code };
    const bytes = this.#isOwn(ip.destination) ? icmpErrorAbout(packet.bytes, ip, ip.destination, error) : undefined;
    if (bytes === undefined) return;
    if (this.#errorBudget.take(this.host.now_us())) this.#output(this.host.frame(bytes, packet));
    else this.count('icmp-rate');
  }
}
