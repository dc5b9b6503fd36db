import { ipStackMachine } from '../../machines/ip-stack.ts';
import {
  BROADCAST_IP4,
  BROADCAST_MAC,
  type Cidr,
  formatIp4,
  formatMac,
  type Ip4,
  inNetwork,
  isMulticast,
  type Mac,
  networkBroadcast,
} from '../../wire/address.ts';
import { ArpOperation, type ArpView, parseArp } from '../../wire/arp.ts';
import { buildArpFrame } from '../../wire/build.ts';
import { replace16 } from '../../wire/checksum.ts';
import {
  ETHERNET_HEADER_BYTES,
  type EthernetView,
  EtherType,
  parseEthernet,
  writeEthernet,
} from '../../wire/ethernet.ts';
import { type IcmpFields, IcmpType, parseIcmp, UnreachableCode } from '../../wire/icmp.ts';
import { Unreachable6Code } from '../../wire/icmp6.ts';
import { type IpAddress, isIp6, isSingleHost } from '../../wire/ip-address.ts';
import { sourceRouteOf } from '../../wire/ip-options.ts';
import {
  IP4_HEADER_BYTES,
  type Ip4View,
  IpProtocol,
  ip4ChecksumGood,
  isFragment,
  parseIp4Packet,
  writeIp4,
} from '../../wire/ipv4.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { ICMP_ERRORS_BURST, ICMP_ERRORS_PER_SECOND, icmpErrorAbout } from '../icmp-error.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import { lengthOnWire, withoutHeadroom, withRoomInFront } from '../offload.ts';
import type { Port } from '../port.ts';
import type { InterfaceAddress, NeighbourAnswer, NeighbourQuestion, NextHopQuestion } from '../services.ts';
import type { JournalData } from '../tap.ts';
import { TokenBucket } from '../token-bucket.ts';
import { Ip6Half, type Ip6Owner } from './ip6.ts';
import { NeighbourTable } from './neighbours.ts';
import { nextHop4 } from './routes.ts';

/** Bytes of an IP packet on ordinary Ethernet. */
export const ETHERNET_MTU_BYTES = 1500;
/** An address is defended at most this often (RFC 5227 section 2.4). */
export const DEFEND_INTERVAL_US = 10_000_000;
const DEFEND_TIMER = 'defend';
const FIRST_MULTICAST_IP4 = 0xe000_0000;
/** 01:00:5E:00:00:00, the multicast addresses that stand for IPv4 groups (RFC 1112). */
const MULTICAST_MAC_BASE: Mac = 0x0100_5e00_0000;
const MULTICAST_IP_BITS = 0x7f_ffff;

/** Addresses of an IP stack, and how it treats what is not its own. */
export interface IpStackOptions {
  readonly interface: InterfaceAddress;
  /** Longest IP packet that is sent, in bytes; default {@link ETHERNET_MTU_BYTES}. */
  readonly mtu?: number;
  /** Hands packets for other hosts up: a router or firewall stands above. Default false. */
  readonly forwarding?: boolean;
}

/**
 * IP stack 2005 and its like: puts on and takes off the Ethernet header, finds neighbours by ARP and Neighbour Discovery, answers echo
 * requests. Above it (`upper`) frames start with the IP header, below it (`lower`) with the Ethernet header. Fragments are not put together.
 * Port `neighbours` tells the next hop's MAC to who needs it himself, and where a host of the network is.
 */
export class IpStackLayer extends Layer {
  readonly kind = 'ip-stack';
  readonly #upper: Port<Frame, Frame> = this.addPort('upper', (packet: Frame) => this.#output(packet));
  readonly #lower: Port<Frame, Frame> = this.addPort('lower', (frame: Frame) => this.#input(frame));
  readonly #seekers: Port<NeighbourQuestion, NeighbourAnswer> = this.addPort('neighbours', (q: NeighbourQuestion) =>
    q.kind === 'find' ? this.#find(q.address) : this.#tellNextHop(q),
  );
  readonly #interface: InterfaceAddress;
  readonly #network: Cidr;
  readonly #mtu: number;
  readonly #forwarding: boolean;
  readonly #errorBudget = new TokenBucket(ICMP_ERRORS_PER_SECOND, ICMP_ERRORS_BURST);
  readonly #neighbours: NeighbourTable;
  readonly #ip6: Ip6Half | undefined;
  readonly #machine = this.machineHost({
    machine: ipStackMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value !== 'STOPPED' }),
    execute: ({ type }) => this.#execute(type),
  });

  constructor(host: LayerHost, label: string, options: IpStackOptions) {
    super(host, label);
    this.#interface = options.interface;
    this.#network = { address: options.interface.address, prefix: options.interface.prefixLength };
    this.#mtu = options.mtu ?? ETHERNET_MTU_BYTES;
    this.#forwarding = options.forwarding ?? false;
    this.#neighbours = new NeighbourTable({
      host,
      label,
      transmit: (packet, mac) => this.#transmit(packet, mac),
      request: (ip, mac) => this.#ask(ip, mac),
      overflow: (packet) => this.drop('neighbour-queue-full', packet),
      unanswered: (packet) => this.#unanswered(packet),
      found: (ip, mac) => this.#found(ip as Ip4, mac),
    });
    this.#ip6 = options.interface.ip6 && new Ip6Half(this.#ip6Owner());
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
    this.#ip6?.start();
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    this.#ip6?.stop();
    this.#neighbours.clear((packet) => this.drop('stopped', packet));
  }

  override timerFired(name: string): void {
    if (name === DEFEND_TIMER) this.#machine.send({ type: 'INTERVAL_OVER' });
    else if (!this.#neighbours.timerFired(name)) this.#ip6?.timerFired(name);
  }

  override machines(): readonly MachineView[] {
    const own = { instance: '', machine: ipStackMachine, state: this.#machine.state };
    return [own, ...(this.#ip6?.machines() ?? []), ...this.#neighbours.machines()];
  }

  save(): SavedLayer {
    return {
      version: 1,
      machine: this.#machine.save(),
      neighbours: this.#neighbours.save(),
      errorBudget: this.#errorBudget.save(),
      ip6: this.#ip6?.save() ?? null,
    };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#neighbours.restore(saved.neighbours as JournalData);
    this.#errorBudget.restore(saved.errorBudget as readonly number[]);
    this.#ip6?.restore(saved.ip6 as JournalData);
  }

  #execute(type: string): void {
    const { address } = this.#interface;
    if (type === 'announce') this.#sendArp(ArpOperation.REQUEST, BROADCAST_MAC, address, 0);
    else if (type === 'startInterval') this.setTimer(DEFEND_TIMER, DEFEND_INTERVAL_US);
    else this.clearTimer(DEFEND_TIMER);
  }

  // ---- from above ----

  #output(packet: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', packet);
    if (this.#ip6 !== undefined && isIp6Packet(packet)) return this.#ip6.output(packet);
    const ip = parseIp4Packet(packet.bytes, 0, packet.bytes.length);
    if (!ip.ok) return this.drop('malformed', packet, ip.reason);
    if (lengthOnWire(packet, ip.headerEnd) > this.#mtu) {
      return this.#refuse(packet, 'too-long', { code: UnreachableCode.FRAGMENTATION_NEEDED, mtu: this.#mtu });
    }
    const { destination } = ip;
    if (this.#isBroadcast(destination)) return this.#transmit(packet, BROADCAST_MAC);
    if (destination >= FIRST_MULTICAST_IP4) return this.#transmit(packet, multicastMac(destination));
    const nextHop = this.#nextHopTo(destination);
    if (nextHop === undefined) return this.#refuse(packet, 'no-route', { code: UnreachableCode.NETWORK });
    if (nextHop !== destination && isStrictlyRouted(packet.bytes, ip)) {
      return this.#refuse(packet, 'no-route', { code: UnreachableCode.SOURCE_ROUTE_FAILED });
    }
    if (packet.doubt === true) this.#neighbours.doubt(nextHop);
    if (!this.#neighbours.send(nextHop, packet)) this.drop('table-full', packet);
  }

  #nextHopTo(destination: Ip4): Ip4 | undefined {
    const nextHop = nextHop4(this.#interface, destination);
    return nextHop === this.#interface.address ? undefined : nextHop;
  }

  #transmit(packet: Frame, destination: Mac): void {
    const etherType = isIp6Packet(packet) ? EtherType.IP6 : EtherType.IP4;
    const bytes = withRoomInFront(packet, ETHERNET_HEADER_BYTES);
    writeEthernet(bytes, 0, { destination, source: this.#interface.mac, etherType });
    this.#sendDown(this.host.frame(bytes, packet, packet.checksum, withoutHeadroom(packet.offload)));
  }

  /** Ends a packet from above and tells its sender by ICMP, which goes up again. */
  #refuse(
    packet: Frame,
    reason: 'too-long' | 'no-route' | 'neighbour-timeout',
    error: { code: number; mtu?: number },
  ): void {
    this.drop(reason, packet);
    const ip = parseIp4Packet(packet.bytes, 0, packet.bytes.length);
    if (!ip.ok) return;
    const fields: IcmpFields = { type: IcmpType.UNREACHABLE, ...error };
    const bytes = icmpErrorAbout(packet.bytes, ip, this.#interface.address, fields);
    if (bytes !== undefined && this.#mayTell()) this.#sendUp(this.host.frame(bytes, packet));
  }

  /** Whether one more ICMP error may be sent. */
  #mayTell(): boolean {
    const isWithinRate = this.#errorBudget.take(this.host.now_us());
    if (!isWithinRate) this.count('icmp-rate');
    return isWithinRate;
  }

  // ---- neighbours, of both families ----

  #ask(ip: IpAddress, mac: Mac | undefined): void {
    if (isIp6(ip)) this.#ip6?.request(ip, mac);
    else this.#sendArp(ArpOperation.REQUEST, mac ?? BROADCAST_MAC, ip, mac ?? 0);
  }

  #tellNextHop({ name, destination }: NextHopQuestion): void {
    const ip = this.#nextHopTo(destination);
    const nextHop = ip === undefined ? undefined : this.#neighbours.macOf(ip);
    this.#seekers.send({ kind: 'next-hop', name, own: this.#interface.mac, nextHop });
  }

  #find(address: Ip4): void {
    const isHere = inNetwork(address, this.#network) && address !== this.#interface.address;
    const mayAsk = this.#machine.decision.running && isHere && !this.#isBroadcast(address);
    if (!mayAsk || !this.#neighbours.find(address)) this.#found(address, undefined);
  }

  #found(address: Ip4, mac: Mac | undefined): void {
    this.#seekers.send(mac === undefined ? { kind: 'not-found', address } : { kind: 'found', address, mac });
  }

  #unanswered(packet: Frame): void {
    if (!isIp6Packet(packet)) this.#refuse(packet, 'neighbour-timeout', { code: UnreachableCode.HOST });
    else this.#ip6?.refuse(packet, 'neighbour-timeout', { code: Unreachable6Code.ADDRESS });
  }

  #ip6Owner(): Ip6Owner {
    return {
      host: this.host,
      label: this.label,
      interface: this.#interface,
      mtu: this.#mtu,
      forwarding: this.#forwarding,
      neighbours: this.#neighbours,
      transmit: (packet, destination) => this.#transmit(packet, destination),
      up: (packet) => this.#sendUp(packet),
      mayTell: () => this.#mayTell(),
      drop: (reason, frame, detail) => this.drop(reason, frame, detail),
      count: (name) => this.count(name),
      note: (name, data) => this.note(name, data),
    };
  }

  // ---- from below ----

  #input(frame: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', frame);
    const ethernet = parseEthernet(frame.bytes);
    if (!ethernet.ok) return this.drop('malformed', frame, ethernet.reason);
    if (ethernet.destination !== this.#interface.mac && !isMulticast(ethernet.destination)) {
      return this.drop('not-for-us', frame);
    }
    const isForeignVlan = ethernet.vlan !== undefined && ethernet.vlan.id !== 0;
    if (isForeignVlan) this.drop('unknown-protocol', frame, 'vlan');
    else if (ethernet.etherType === EtherType.ARP) this.#arpInput(frame, ethernet);
    else if (ethernet.etherType === EtherType.IP4) this.#ipInput(frame, ethernet);
    else if (ethernet.etherType === EtherType.IP6 && this.#ip6 !== undefined) this.#ip6.input(frame, ethernet);
    else this.drop('unknown-protocol', frame);
  }

  #ipInput(frame: Frame, ethernet: EthernetView): void {
    const ip = parseIp4Packet(frame.bytes, ethernet.headerEnd, ethernet.end);
    if (!ip.ok) return this.drop('malformed', frame, ip.reason);
    if (!ip4ChecksumGood(frame.bytes, ip)) return this.drop('bad-checksum', frame);
    const { address } = this.#interface;
    const isGroup = this.#isBroadcast(ip.destination) || ip.destination >= FIRST_MULTICAST_IP4;
    if (ip.source === address || (ip.source !== 0 && !isSingleHost(ip.source))) return this.drop('bad-source', frame);
    if (ip.destination !== address && !isGroup && !this.#forwarding) return this.drop('not-our-address', frame);
    // RFC 1122 section 3.3.6, RFC 1812 section 5.3.4: whoever broadcasts it means more hosts than the one that it names.
    if (isMulticast(ethernet.destination) && !isGroup) return this.drop('link-broadcast', frame);
    if (isFragment(ip)) return this.drop('no-fragmentation', frame);
    if (ip.destination === address && isOnTheWay(frame.bytes, ip)) return this.drop('source-route', frame);
    if (ip.protocol === IpProtocol.ICMP && this.#icmpInput(frame, ip)) return;
    const packet = frame.bytes.subarray(ip.offset, ip.end);
    this.#sendUp(this.host.frame(packet, frame, frame.checksum, withoutHeadroom(frame.offload)));
  }

  /** True when the message ended here: an echo request to us, or a broken one. */
  #icmpInput(frame: Frame, ip: Ip4View): boolean {
    const icmp = parseIcmp(frame.bytes, ip.headerEnd, ip.end);
    if (!icmp.ok) this.drop('malformed', frame, icmp.reason);
    else if (frame.checksum === 'bad') this.drop('bad-checksum', frame);
    else if (icmp.type !== IcmpType.ECHO_REQUEST || ip.destination !== this.#interface.address) return false;
    else if (ip.end - ip.offset > this.#mtu) this.drop('too-long', frame);
    else this.#answerEcho(frame, ip);
    return true;
  }

  #answerEcho(frame: Frame, ip: Ip4View): void {
    const length = ip.end - ip.headerEnd;
    const fields = { source: ip.destination, destination: ip.source, protocol: IpProtocol.ICMP, dontFragment: true };
    const bytes = new Uint8Array(IP4_HEADER_BYTES + length);
    const at = writeIp4(bytes, 0, fields, length);
    bytes.set(frame.bytes.subarray(ip.headerEnd, ip.end), at);
    replace16(bytes, at, IcmpType.ECHO_REPLY << 8, at + 2, at);
    this.count('echo-replies');
    this.#output(this.host.frame(bytes, frame));
  }

  #arpInput(frame: Frame, ethernet: EthernetView): void {
    const arp = parseArp(frame.bytes, ethernet.headerEnd, ethernet.end);
    if (!arp.ok) return this.drop('malformed', frame, arp.reason);
    if (isMulticast(arp.senderMac)) return this.drop('bad-source', frame);
    const { address, mac } = this.#interface;
    if (arp.senderIp === address) return this.#sameAddress(frame, arp, mac);
    const isForUs = arp.targetIp === address;
    if (inNetwork(arp.senderIp, this.#network)) this.#neighbours.heard(arp.senderIp, arp.senderMac, isForUs);
    if (!isForUs) return this.drop('not-our-address', frame);
    if (arp.operation === ArpOperation.REQUEST) {
      this.#sendArp(ArpOperation.REPLY, arp.senderMac, arp.senderIp, arp.senderMac, frame);
    }
  }

  #sameAddress(frame: Frame, arp: ArpView, mac: Mac): void {
    this.drop('own-source', frame);
    if (arp.senderMac === mac) return;
    this.note('address-conflict', { address: formatIp4(arp.senderIp), mac: formatMac(arp.senderMac) });
    this.#machine.send({ type: 'CONFLICT' });
  }

  // ---- sending ----

  #sendArp(operation: number, destination: Mac, targetIp: Ip4, targetMac: Mac, cause?: Frame): void {
    const { address, mac } = this.#interface;
    const bytes = buildArpFrame({
      ethernet: { destination, source: mac },
      arp: { operation, senderMac: mac, senderIp: address, targetMac, targetIp },
    });
    this.#sendDown(this.host.frame(bytes, cause, 'none'));
  }

  #sendDown(frame: Frame): void {
    if (this.#lower.send(frame)) this.count('sent');
    else this.drop('not-joined', frame);
  }

  #sendUp(packet: Frame): void {
    if (this.#upper.send(packet)) this.count('received');
    else this.drop('not-joined', packet);
  }

  #isBroadcast(address: Ip4): boolean {
    return address === BROADCAST_IP4 || (this.#network.prefix < 31 && address === networkBroadcast(this.#network));
  }
}

/** It is for somebody else: its source route names us as a hop. Nothing is forwarded on such a route. */
function isOnTheWay(bytes: Uint8Array, { ihl, offset }: Ip4View): boolean {
  return ihl > IP4_HEADER_BYTES && sourceRouteOf(bytes, offset)?.state === 'pending';
}

/** The next hop must be a neighbour: nobody else may stand before it. */
function isStrictlyRouted(bytes: Uint8Array, { ihl, offset }: Ip4View): boolean {
  return ihl > IP4_HEADER_BYTES && sourceRouteOf(bytes, offset)?.strict === true;
}

function isIp6Packet({ bytes }: Frame): boolean {
  return bytes[0] >>> 4 === 6;
}

function multicastMac(group: Ip4): Mac {
  return MULTICAST_MAC_BASE + (group & MULTICAST_IP_BITS);
}
