import { ipRoutingMachine } from '../../machines/ip-routing.ts';
import { inNetwork } from '../../wire/address.ts';
import { u16 } from '../../wire/bytes.ts';
import { type IpAddress, isIp6 } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { ICMP_ERRORS_BURST, ICMP_ERRORS_PER_SECOND } from '../icmp-error.ts';
import { addresses6, isOnLink6 } from '../ip-stack/interface6.ts';
import { nextHop4 } from '../ip-stack/routes.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { InterfaceAddress } from '../services.ts';
import { TokenBucket } from '../token-bucket.ts';
import { quotedOwner, type RoutedPacket, refusalOf, routedPacket } from './packet.ts';

/** An IP stack below. */
export interface LowerRoute {
  /** Name of the port. */
  readonly port: string;
  /** Left out: only for the users that are bound to it. */
  readonly interface?: InterfaceAddress;
}

/** A user of IP above. */
export interface UpperUser {
  /** Name of the port. */
  readonly port: string;
  /** IP protocol number. */
  readonly protocol: number;
  /** Its own ports, and the hosts that only it speaks with; both left out: all that no other user of the protocol has. */
  readonly localPorts?: readonly number[];
  readonly remotes?: readonly IpAddress[];
  /** Bound to this port below: it gets what comes from there and sends only there, whatever the destination. */
  readonly lower?: string;
}

/** Whom a routing layer passes packets to, up and down. */
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

/** Who a packet, or the packet that an ICMP error quotes, belongs to above. */
interface Wanted {
  readonly protocol: number;
  readonly localPort: number;
  readonly remote: IpAddress;
  /** Port below that it came from; undefined: from above. */
  readonly lower: string | undefined;
}

/**
 * IP routing 2004 and its like, for both families: hands packets up to whoever owns protocol and port, and down to the IP stack that leads to the
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
    this.#userPorts = new Map(
      this.#users.map((user) => [user.port, this.addPort<Frame, Frame>(user.port, (f) => this.#output(f, user.lower))]),
    );
    this.#lowers = options.lowers.map((route) => ({
      route,
      port: this.addPort(route.port, (packet: Frame) => this.#input(packet, route.port)),
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

  /** `bound`: the port below that its sender is bound to. */
  #output(packet: Frame, bound?: string): void {
    if (!this.#machine.decision.running) return this.drop('stopped', packet);
    const ip = routedPacket(packet.bytes);
    if (!ip.ok) return this.drop('malformed', packet, ip.reason);
    if (this.#isOwn(ip.destination)) return this.#deliver(packet, ip, undefined);
    const lower = bound === undefined ? this.#routeTo(ip.destination, ip.source) : this.#lowerAt(bound);
    if (lower === undefined) this.drop('no-route', packet);
    else if (lower.port.send(packet)) this.count('sent');
    else this.drop('not-joined', packet);
  }

  /** The destination's own network first, then the interface of the source address, then any with a default route. */
  #routeTo(destination: IpAddress, source: IpAddress): Lower | undefined {
    const onLink = this.#lowers.filter(({ route }) => isOnLink(route.interface, destination));
    const candidates =
      onLink.length > 0 ? onLink : this.#lowers.filter(({ route }) => hasGateway(route.interface, destination));
    return candidates.find(({ route }) => hasAddress(route.interface, source)) ?? candidates[0] ?? this.#onlyLower();
  }

  #lowerAt(port: string): Lower | undefined {
    return this.#lowers.find(({ route }) => route.port === port);
  }

  /** A single IP stack gets everything: it says itself that there is no route, and tells the sender. */
  #onlyLower(): Lower | undefined {
    return this.#lowers.length === 1 ? this.#lowers[0] : undefined;
  }

  #isOwn(address: IpAddress): boolean {
    return this.#lowers.some(({ route }) => hasAddress(route.interface, address));
  }

  // ---- from below ----

  #input(packet: Frame, lower: string): void {
    if (!this.#machine.decision.running) return this.drop('stopped', packet);
    const ip = routedPacket(packet.bytes);
    if (!ip.ok) return this.drop('malformed', packet, ip.reason);
    this.#deliver(packet, ip, lower);
  }

  #deliver(packet: Frame, ip: RoutedPacket, lower: string | undefined): void {
    const user = ip.isIcmp ? this.#userOfIcmp(packet.bytes, ip, lower) : this.#userOf(packet.bytes, ip, lower);
    if (user === undefined) return this.#refuse(packet, ip);
    if (this.#userPorts.get(user.port)?.send(packet)) this.count('received');
    else this.drop('not-joined', packet);
  }

  #userOf(bytes: Uint8Array, ip: RoutedPacket, lower: string | undefined): UpperUser | undefined {
    const hasPorts = ip.end - ip.headerEnd >= PORTS_BYTES;
    const localPort = hasPorts ? u16(bytes, ip.headerEnd + 2) : 0;
    return this.#owner({ protocol: ip.protocol, localPort, remote: ip.source, lower });
  }

  #userOfIcmp(bytes: Uint8Array, ip: RoutedPacket, lower: string | undefined): UpperUser {
    const quoted = quotedOwner(bytes, ip);
    return (quoted && this.#owner({ ...quoted, lower })) ?? ICMP_USER;
  }

  /** Of those that may have it the one that names its port or its host, else the one that names none. */
  #owner({ protocol, localPort, remote, lower }: Wanted): UpperUser | undefined {
    const users = this.#users.filter((user) => user.protocol === protocol);
    const bound = lower === undefined ? [] : users.filter((user) => user.lower === lower);
    const candidates = bound.length > 0 ? bound : users.filter((user) => user.lower === undefined);
    const isNamed = ({ localPorts, remotes }: UpperUser) =>
      localPorts?.includes(localPort) || remotes?.includes(remote);
    return candidates.find(isNamed) ?? candidates.find((user) => !user.localPorts && !user.remotes);
  }

  #refuse(packet: Frame, ip: RoutedPacket): void {
    if (packet.checksum === 'bad') return this.drop('bad-checksum', packet);
    const isPort = ip.protocol === IpProtocol.UDP || ip.protocol === IpProtocol.TCP;
    this.drop(isPort ? 'no-listener' : 'unknown-protocol', packet);
    const bytes = this.#isOwn(ip.destination) ? refusalOf(packet.bytes, ip, isPort) : undefined;
    if (bytes === undefined) return;
    if (this.#errorBudget.take(this.host.now_us())) this.#output(this.host.frame(bytes, packet));
    else this.count('icmp-rate');
  }
}

function isOnLink(own: InterfaceAddress | undefined, address: IpAddress): boolean {
  if (own === undefined) return false;
  if (isIp6(address)) return own.ip6 !== undefined && isOnLink6(own, address);
  return inNetwork(address, { address: own.address, prefix: own.prefixLength });
}

function hasGateway(own: InterfaceAddress | undefined, destination: IpAddress): boolean {
  if (own === undefined) return false;
  return (isIp6(destination) ? own.ip6?.gateway : nextHop4(own, destination)) !== undefined;
}

function hasAddress(own: InterfaceAddress | undefined, address: IpAddress): boolean {
  if (own === undefined) return false;
  return isIp6(address) ? addresses6(own).includes(address) : own.address === address;
}
