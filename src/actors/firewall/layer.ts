import { firewallMachine } from '../../machines/firewall.ts';
import { type Cidr, type Ip4, inNetwork } from '../../wire/address.ts';
import { replace16 } from '../../wire/checksum.ts';
import { IcmpType, icmpQuote, isIcmpError, parseIcmp } from '../../wire/icmp.ts';
import { type Ip4View, IpProtocol, parseIp4Packet } from '../../wire/ipv4.ts';
import { Flag, parseTcp, type TcpView } from '../../wire/tcp.ts';
import { parseUdp } from '../../wire/udp.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { ICMP_ERRORS_BURST, ICMP_ERRORS_PER_SECOND, icmpErrorAbout } from '../icmp-error.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { InterfaceAddress } from '../services.ts';
import type { JournalData } from '../tap.ts';
import { TokenBucket } from '../token-bucket.ts';
import { FlowTable, type FlowTuple, type FoundFlow, reversed } from './flows.ts';
import { Masquerade, type MasqueradeOptions } from './masquerade.ts';
import { allows, type FirewallRule } from './rules.ts';

/** Flags of which a sane segment has exactly one combination (Linux, tcp_valid_flags). */
const FLAGS_THAT_COUNT = Flag.FIN | Flag.SYN | Flag.RST | Flag.ACK;
const SANE_FLAGS: ReadonlySet<number> = new Set([
  Flag.SYN,
  Flag.SYN | Flag.ACK,
  Flag.RST,
  Flag.RST | Flag.ACK,
  Flag.FIN | Flag.ACK,
  Flag.ACK,
]);

/** A network that the firewall stands in; its IP stack is joined to the port of the same name. */
export interface FirewallSide {
  readonly name: string;
  readonly interface: InterfaceAddress;
}

/** What a firewall joins, and what it lets through. */
export interface FirewallOptions {
  readonly sides: readonly FirewallSide[];
  /** Which connections may be opened; the first that matches decides, nothing is allowed without one. */
  readonly rules: readonly FirewallRule[];
  /** Networks beyond the sides' own. */
  readonly routes?: readonly { readonly destination: Cidr; readonly side: string }[];
  /** Makes it a NAT router: what opens a connection out of this side is seen there as the router itself. */
  readonly masquerade?: MasqueradeOptions;
}

interface Packet {
  readonly frame: Frame;
  readonly ip: Ip4View;
  readonly ingress: FirewallSide;
}

/** Either a reason to drop, or the connection by which the packet may pass. */
type Verdict = DropReason | FoundFlow;

/**
 * IP routing with filter rules: firewall 23 (2301) and 33. A stateful firewall between IP stacks: what a rule lets open a connection may
 * go on in both directions, segments out of the connection's windows are invalid, all else is dropped without a word to its sender.
 * With `masquerade` it is the NAT router that may stand in its place ([0645], [0789], [0909]).
 */
export class FirewallLayer extends Layer {
  readonly kind = 'firewall';
  readonly #options: FirewallOptions;
  readonly #ports: ReadonlyMap<string, Port<Frame, Frame>>;
  readonly #flows: FlowTable;
  readonly #masquerade: Masquerade | undefined;
  readonly #errorBudget = new TokenBucket(ICMP_ERRORS_PER_SECOND, ICMP_ERRORS_BURST);
  readonly #machine = this.machineHost({
    machine: firewallMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
    execute: () => {},
  });

  constructor(host: LayerHost, label: string, options: FirewallOptions) {
    super(host, label);
    this.#options = options;
    this.#flows = new FlowTable({ host, label });
    this.#masquerade = this.#masqueradeOf(options);
    this.#ports = new Map(
      options.sides.map((side) => [side.name, this.addPort<Frame, Frame>(side.name, (f) => this.#received(f, side))]),
    );
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    this.#flows.clear();
  }

  override timerFired(name: string): void {
    this.#flows.timerFired(name);
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: firewallMachine, state: this.#machine.state }, ...this.#flows.machines()];
  }

  save(): SavedLayer {
    return {
      version: 1,
      machine: this.#machine.save(),
      flows: this.#flows.save(),
      errorBudget: this.#errorBudget.save(),
    };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#flows.restore(saved.flows as JournalData);
    this.#errorBudget.restore(saved.errorBudget as readonly number[]);
  }

  #received(frame: Frame, ingress: FirewallSide): void {
    if (!this.#machine.decision.running) return this.drop('stopped', frame);
    const ip = parseIp4Packet(frame.bytes, 0, frame.bytes.length);
    if (!ip.ok) return this.drop('malformed', frame, ip.reason);
    // The IP stack lets no frame with its own source in, so this is an ICMP error that it made itself.
    if (ip.source === ingress.interface.address) return this.#ownError(frame, ip);
    if (this.#sideTo(ip.source) !== ingress) return this.drop('bad-source', frame);
    if (this.#isOwn(ip.destination) && !this.#masquerade?.isSeenAs(ip.destination))
      return this.drop('not-our-address', frame);
    const packet = { frame, ip, ingress };
    const verdict = this.#judge(packet);
    if (typeof verdict === 'string') return this.drop(verdict, frame);
    this.#forward(packet, verdict);
  }

  /** To whoever sent the packet that it is about; if that was sent on in the router's own name, to the one behind. */
  #ownError(frame: Frame, ip: Ip4View): void {
    const found = this.#masquerade?.isSeenAs(ip.destination) ? this.#flowOfError(frame, ip) : undefined;
    if (found === undefined) return this.#send(frame, this.#sideTo(ip.destination));
    const bytes = frame.bytes.slice();
    this.#send(this.host.frame(bytes, frame), this.#sideTo(Masquerade.translate(bytes, ip, found)));
  }

  #forward({ frame, ip, ingress }: Packet, found: FoundFlow): void {
    if (ip.ttl <= 1) {
      this.drop('ttl-expired', frame);
      const error = { type: IcmpType.TIME_EXCEEDED, code: 0 };
      const bytes = icmpErrorAbout(frame.bytes, ip, ingress.interface.address, error);
      if (bytes === undefined) return;
      if (this.#errorBudget.take(this.host.now_us())) this.#send(this.host.frame(bytes, frame), ingress);
      else this.count('icmp-rate');
      return;
    }
    const bytes = frame.bytes.slice();
    replace16(bytes, 8, ((ip.ttl - 1) << 8) | ip.protocol, 10, 0);
    const destination = Masquerade.translate(bytes, ip, found);
    this.#send(this.host.frame(bytes, frame, frame.checksum), this.#sideTo(destination));
  }

  #send(frame: Frame, egress: FirewallSide | undefined): void {
    const port = egress && this.#ports.get(egress.name);
    if (port === undefined) this.drop('no-route', frame);
    else if (port.send(frame)) this.count('forwarded');
    else this.drop('not-joined', frame);
  }

  #masqueradeOf({ masquerade, sides }: FirewallOptions): Masquerade | undefined {
    const side = sides.find(({ name }) => name === masquerade?.side);
    if (masquerade === undefined || side === undefined) return undefined;
    return new Masquerade(side.interface.address, masquerade, {
      isUnique: (tuple, seenAs) => this.#flows.isUnique(tuple, seenAs),
      randomBytes: (length) => this.host.randomBytes(this.label, length),
    });
  }

  #sideTo(address: Ip4): FirewallSide | undefined {
    const { sides, routes = [] } = this.#options;
    const onLink = sides.find(({ interface: own }) =>
      inNetwork(address, { address: own.address, prefix: own.prefixLength }),
    );
    if (onLink !== undefined) return onLink;
    const best = routes
      .filter(({ destination }) => inNetwork(address, destination))
      .sort((one, other) => other.destination.prefix - one.destination.prefix)[0];
    return best && sides.find(({ name }) => name === best.side);
  }

  #isOwn(address: Ip4): boolean {
    return this.#options.sides.some(({ interface: own }) => own.address === address);
  }

  // ---- connection tracking ----

  #judge(packet: Packet): Verdict {
    const { frame, ip } = packet;
    if (frame.checksum === 'bad') return 'bad-checksum';
    if (ip.protocol === IpProtocol.TCP) return this.#judgeTcp(packet);
    if (ip.protocol === IpProtocol.UDP) return this.#judgeUdp(packet);
    if (ip.protocol === IpProtocol.ICMP) return this.#judgeIcmp(packet);
    return 'filtered';
  }

  #judgeTcp(packet: Packet): Verdict {
    const tcp = parseTcp(packet.frame.bytes, packet.ip.headerEnd, packet.ip.end);
    if (!tcp.ok || !SANE_FLAGS.has(tcp.flags & FLAGS_THAT_COUNT)) return 'state-invalid';
    const tuple = tupleOf(packet.ip, tcp.sourcePort, tcp.destinationPort);
    const known = this.#flows.find(tuple);
    const opens = (tcp.flags & FLAGS_THAT_COUNT) === Flag.SYN;
    if (known === undefined) return opens ? this.#open(packet, tuple, tcp) : 'state-invalid';
    if (opens && known.flow.machine.decision.isOver) {
      this.#flows.remove(known.flow);
      return this.#open(packet, tuple, tcp);
    }
    return known.flow.kind === 'tcp' && this.#flows.segment(known.flow, known.from, tcp) ? known : 'state-invalid';
  }

  #judgeUdp(packet: Packet): Verdict {
    const udp = parseUdp(packet.frame.bytes, packet.ip.headerEnd, packet.ip.end);
    if (!udp.ok) return 'state-invalid';
    return this.#judgeDatagram(packet, tupleOf(packet.ip, udp.sourcePort, udp.destinationPort), true);
  }

  #judgeIcmp(packet: Packet): Verdict {
    const { frame, ip } = packet;
    const icmp = parseIcmp(frame.bytes, ip.headerEnd, ip.end);
    if (!icmp.ok) return 'state-invalid';
    if (isIcmpError(icmp.type)) return this.#flowOfError(frame, ip) ?? 'state-invalid';
    const isRequest = icmp.type === IcmpType.ECHO_REQUEST;
    if (!isRequest && icmp.type !== IcmpType.ECHO_REPLY) return 'filtered';
    return this.#judgeDatagram(packet, echoTuple(ip, icmp.identifier, isRequest), isRequest);
  }

  /** The connection that an ICMP error is about, and whose packets go the way that the error goes. */
  #flowOfError({ bytes }: Frame, { headerEnd, end }: Ip4View): FoundFlow | undefined {
    const icmp = parseIcmp(bytes, headerEnd, end);
    const quote = icmp.ok ? icmpQuote(bytes, icmp) : undefined;
    return quote && this.#flows.find(reversed(quotedTuple(quote)));
  }

  #judgeDatagram(packet: Packet, tuple: FlowTuple, mayOpen: boolean): Verdict {
    const known = this.#flows.find(tuple);
    if (known === undefined) return mayOpen ? this.#open(packet, tuple, undefined) : 'state-invalid';
    if (known.flow.kind === 'datagram') this.#flows.datagram(known.flow, known.from);
    return known;
  }

  #open({ ingress }: Packet, tuple: FlowTuple, tcp: TcpView | undefined): Verdict {
    if (this.#isOwn(tuple.destination)) return 'not-our-address';
    if (!allows(this.#options.rules, { from: ingress.name, ...tuple })) return 'filtered';
    const egress = this.#sideTo(tuple.destination);
    const isHidden = egress !== undefined && egress.name === this.#options.masquerade?.side;
    const flow = this.#flows.open(tuple, tcp, isHidden ? this.#masquerade?.endpointFor(tuple) : undefined);
    return flow === undefined ? 'table-full' : { flow, from: 'original' };
  }
}

function tupleOf({ protocol, source, destination }: Ip4View, sourcePort: number, destinationPort: number): FlowTuple {
  return { protocol, source, sourcePort, destination, destinationPort };
}

/** An echo's identifier stands where its request has the source port, so that a request is never taken for a reply. */
function echoTuple(
  ip: Pick<Ip4View, 'protocol' | 'source' | 'destination'>,
  id: number,
  isRequest: boolean,
): FlowTuple {
  const { protocol, source, destination } = ip;
  return { protocol, source, destination, sourcePort: isRequest ? id : 0, destinationPort: isRequest ? 0 : id };
}

/** The connection that a quoted packet belongs to. A quoted echo has its type in the place of the port, its identifier in that of the number. */
function quotedTuple(quote: NonNullable<ReturnType<typeof icmpQuote>>): FlowTuple {
  if (quote.protocol !== IpProtocol.ICMP) return quote;
  return echoTuple(quote, quote.seq >>> 16, quote.sourcePort >>> 8 === IcmpType.ECHO_REQUEST);
}
