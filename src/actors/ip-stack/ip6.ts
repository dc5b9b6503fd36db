import { isMulticast, type Mac } from '../../wire/address.ts';
import { replace16 } from '../../wire/checksum.ts';
import type { EthernetView } from '../../wire/ethernet.ts';
import {
  buildIcmp6,
  type Icmp6Fields,
  Icmp6Type,
  type Icmp6View,
  isLinkMessage,
  ParameterCode,
  parseIcmp6,
  Unreachable6Code,
} from '../../wire/icmp6.ts';
import {
  ALL_NODES_IP6,
  type Ip6,
  isMulticast6,
  isSingleHost,
  multicastMac6,
  solicitedNode,
  UNSPECIFIED_IP6,
} from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import {
  holdsUnknown,
  IP6_HEADER_BYTES,
  type Ip6View,
  ip6Destination,
  ip6Source,
  isFragment6,
  parseIp6Packet,
  unknownOptionIsTold,
  writeIp6,
} from '../../wire/ipv6.ts';
import { MLD_ROUTERS_IP6, parseListenerQuery } from '../../wire/mld.ts';
import {
  ND_HOP_LIMIT,
  type NdMessage,
  type NdView,
  neighbourAdvertisement,
  neighbourSolicitation,
  parseNd,
} from '../../wire/nd.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { icmp6ErrorAbout } from '../icmp6-error.ts';
import type { MachineView } from '../layer.ts';
import { lengthOnWire, withoutHeadroom } from '../offload.ts';
import type { InterfaceAddress } from '../services.ts';
import type { JournalData } from '../tap.ts';
import { Addresses6 } from './addresses6.ts';
import { isOnLink6 } from './interface6.ts';
import type { NeighbourTable } from './neighbours.ts';

/** What the IPv6 half wants from the IP stack around it. */
export interface Ip6Owner {
  readonly host: LayerHost;
  readonly label: string;
  readonly interface: InterfaceAddress;
  readonly mtu: number;
  readonly forwarding: boolean;
  readonly neighbours: NeighbourTable;
  /** Puts an Ethernet header before a packet and sends it. */
  transmit(packet: Frame, destination: Mac): void;
  /** Hands a packet up. */
  up(packet: Frame): void;
  /** Whether one more ICMP error may be sent: their rate is limited (RFC 4443 section 2.4 (f)). */
  mayTell(): boolean;
  drop(reason: DropReason, frame?: Frame, detail?: JournalData): void;
  count(name: string): void;
  note(name: string, data: JournalData): void;
}

/** The IPv6 half of an IP stack: next hops, Neighbour Discovery, echo. Fragments are not put together, as with IPv4. */
export class Ip6Half {
  readonly #owner: Ip6Owner;
  readonly #addresses: Addresses6;

  constructor(owner: Ip6Owner) {
    this.#owner = owner;
    const { host, label, interface: own } = owner;
    this.#addresses = new Addresses6(
      {
        host,
        label,
        mac: own.mac,
        sendToGroup: (source, group, message) => this.#sendNd(source, group, message, multicastMac6(group)),
        sendReport: (packet) => owner.transmit(host.frame(packet), multicastMac6(MLD_ROUTERS_IP6)),
        note: (name, data) => owner.note(name, data),
      },
      own,
    );
  }

  start(): void {
    this.#addresses.start();
  }

  stop(): void {
    this.#addresses.stop();
  }

  /** True when the timer was one of this half. */
  timerFired(name: string): boolean {
    return this.#addresses.timerFired(name);
  }

  machines(): readonly MachineView[] {
    return this.#addresses.machines();
  }

  save(): JournalData {
    return this.#addresses.save();
  }

  restore(saved: JournalData): void {
    this.#addresses.restore(saved);
  }

  // ---- from above ----

  output(packet: Frame): void {
    const { interface: own, mtu, neighbours } = this.#owner;
    const ip6 = parseIp6Packet(packet.bytes, 0, packet.bytes.length);
    if (!ip6.ok) return this.#owner.drop('malformed', packet, ip6.reason);
    if (lengthOnWire(packet, ip6.headerEnd) > mtu) {
      return this.refuse(packet, 'too-long', { type: Icmp6Type.PACKET_TOO_BIG, code: 0, word: mtu });
    }
    // Before its address is known to be its own, a host sends nothing from it (RFC 4862 section 5.4).
    if (this.#addresses.use(ip6Source(packet.bytes, ip6)) === 'tentative') {
      return this.#owner.drop('tentative-address', packet);
    }
    const destination = ip6Destination(packet.bytes, ip6);
    if (isMulticast6(destination)) return this.#owner.transmit(packet, multicastMac6(destination));
    const nextHop = isOnLink6(own, destination) ? destination : own.ip6?.gateway;
    const isNowhere = nextHop === undefined || !isSingleHost(destination) || this.#addresses.use(nextHop) !== undefined;
    if (isNowhere) return this.refuse(packet, 'no-route', { code: Unreachable6Code.NO_ROUTE });
    if (packet.doubt === true) neighbours.doubt(nextHop);
    if (!neighbours.send(nextHop, packet)) this.#owner.drop('table-full', packet);
  }

  /** Ends a packet from above and tells its sender by ICMPv6, which goes up again. Type: destination unreachable. */
  refuse(packet: Frame, reason: DropReason, error: Partial<Icmp6Fields> & { readonly code: number }): void {
    this.#owner.drop(reason, packet);
    this.#tell(packet, 0, { type: Icmp6Type.UNREACHABLE, ...error }, (bytes) =>
      this.#owner.up(this.#owner.host.frame(bytes, packet)),
    );
  }

  #tell(packet: Frame, offset: number, error: Icmp6Fields, send: (bytes: Uint8Array) => void): void {
    const ip6 = parseIp6Packet(packet.bytes, offset, packet.bytes.length);
    const from = ip6.ok ? this.#addresses.sourceFor(ip6Source(packet.bytes, ip6)) : undefined;
    const bytes = ip6.ok && from !== undefined ? icmp6ErrorAbout(packet.bytes, ip6, from, error) : undefined;
    if (bytes !== undefined && this.#owner.mayTell()) send(bytes);
  }

  // ---- Neighbour Discovery, asking ----

  /** Asks everybody who has the address, or whoever is at `mac` directly. */
  request(address: Ip6, mac: Mac | undefined): void {
    const source = this.#addresses.sourceFor(address);
    if (source === undefined) return this.#owner.count('asked-without-address');
    const message = neighbourSolicitation(address, this.#owner.interface.mac);
    const group = solicitedNode(address);
    if (mac === undefined) this.#sendNd(source, group, message, multicastMac6(group));
    else this.#sendNd(source, address, message, mac);
  }

  /** `mac`: where to, if that is known; else it is found out. */
  #sendNd(source: Ip6, destination: Ip6, { icmp, payload }: NdMessage, mac?: Mac, cause?: Frame): void {
    const bytes = buildIcmp6({ source, destination, hopLimit: ND_HOP_LIMIT }, icmp, payload);
    const packet = this.#owner.host.frame(bytes, cause);
    if (mac === undefined) this.output(packet);
    else this.#owner.transmit(packet, mac);
  }

  // ---- from below ----

  input(frame: Frame, ethernet: EthernetView): void {
    const ip6 = parseIp6Packet(frame.bytes, ethernet.headerEnd, ethernet.end);
    if (!ip6.ok) return this.#owner.drop('malformed', frame, ip6.reason);
    const source = ip6Source(frame.bytes, ip6);
    const destination = ip6Destination(frame.bytes, ip6);
    const isGroup = isMulticast6(destination);
    const reason = this.#refusal(ip6, source, destination);
    if (reason !== undefined) this.#owner.drop(reason, frame);
    else if (isMulticast(ethernet.destination) && !isGroup) this.#owner.drop('link-broadcast', frame);
    else if (holdsUnknown(frame.bytes, ip6, isGroup || this.#addresses.use(destination) !== undefined))
      this.#refuseExtension(frame, ip6, isGroup);
    else if (isFragment6(ip6)) this.#owner.drop('no-fragmentation', frame);
    else if (ip6.protocol === IpProtocol.ICMP6 && this.#icmpInput(frame, ip6, source, destination)) return;
    else {
      const { host } = this.#owner;
      const packet = frame.bytes.subarray(ip6.offset, ip6.end);
      this.#owner.up(host.frame(packet, frame, frame.checksum, withoutHeadroom(frame.offload)));
    }
  }

  /** Why nothing of the packet is looked at. */
  #refusal(ip6: Ip6View, source: Ip6, destination: Ip6): DropReason | undefined {
    const isIcmp = ip6.protocol === IpProtocol.ICMP6;
    const isSource = isSingleHost(source) || (source === UNSPECIFIED_IP6 && isIcmp);
    if (!isSource || (!isIcmp && this.#addresses.use(source) !== undefined)) return 'bad-source';
    if (isMulticast6(destination)) return this.#addresses.listensTo(destination) ? undefined : 'not-our-address';
    const use = this.#addresses.use(destination);
    if (use === 'tentative') return 'tentative-address';
    return use === 'valid' || this.#owner.forwarding ? undefined : 'not-our-address';
  }

  /** An option or a way that we do not know and may not ignore (RFC 8200 sections 4.2 and 4.4). */
  #refuseExtension(frame: Frame, ip6: Ip6View, isGroup: boolean): void {
    const isOption = ip6.unknownOption > 0;
    const at = isOption ? ip6.unknownOption : ip6.unknownRouting;
    this.#owner.drop('malformed', frame, isOption ? 'ipv6-unknown-option' : 'ipv6-routing-header');
    if (isOption && !unknownOptionIsTold(frame.bytes[at], isGroup)) return;
    const code = isOption ? ParameterCode.OPTION : ParameterCode.HEADER;
    const error = { type: Icmp6Type.PARAMETER_PROBLEM, code, word: at - ip6.offset };
    this.#tell(frame, ip6.offset, error, (bytes) => this.output(this.#owner.host.frame(bytes, frame)));
  }

  /** True when the message ended here: an echo request to us, one about the link, or a broken one. */
  #icmpInput(frame: Frame, ip6: Ip6View, source: Ip6, destination: Ip6): boolean {
    const icmp = parseIcmp6(frame.bytes, ip6.headerEnd, ip6.end);
    if (!icmp.ok) this.#owner.drop('malformed', frame, icmp.reason);
    else if (frame.checksum === 'bad') this.#owner.drop('bad-checksum', frame);
    else if (isLinkMessage(icmp.type)) this.#linkInput(frame, ip6, icmp);
    else if (source === UNSPECIFIED_IP6 || this.#addresses.use(source) !== undefined)
      this.#owner.drop('bad-source', frame);
    else if (icmp.type !== Icmp6Type.ECHO_REQUEST || this.#addresses.use(destination) !== 'valid') return false;
    else if (ip6.end - ip6.offset > this.#owner.mtu) this.#owner.drop('too-long', frame);
    else this.#answerEcho(frame, ip6, source, destination);
    return true;
  }

  #answerEcho(frame: Frame, ip6: Ip6View, source: Ip6, destination: Ip6): void {
    const fields = { source: destination, destination: source, nextHeader: IpProtocol.ICMP6 };
    const message = frame.bytes.subarray(ip6.headerEnd, ip6.end);
    const bytes = new Uint8Array(IP6_HEADER_BYTES + message.length);
    const at = writeIp6(bytes, 0, fields, message.length);
    bytes.set(message, at);
    replace16(bytes, at, Icmp6Type.ECHO_REPLY << 8, at + 2, at);
    this.#owner.count('echo-replies');
    this.output(this.#owner.host.frame(bytes, frame));
  }

  #linkInput(frame: Frame, ip6: Ip6View, icmp: Icmp6View): void {
    if (icmp.type === Icmp6Type.LISTENER_REPORT) return this.#owner.count('listener-reports');
    if (icmp.type === Icmp6Type.LISTENER_QUERY) {
      const query = parseListenerQuery(frame.bytes, ip6, icmp);
      return query === undefined
        ? this.#owner.drop('malformed', frame, 'listener-query')
        : this.#addresses.query(query);
    }
    const nd = parseNd(frame.bytes, ip6, icmp);
    if (!nd.ok) return this.#owner.drop('malformed', frame, nd.reason);
    if (nd.sourceMac !== undefined && isMulticast(nd.sourceMac)) return this.#owner.drop('bad-source', frame);
    if (nd.targetMac !== undefined && isMulticast(nd.targetMac)) return this.#owner.drop('bad-source', frame);
    if (nd.type === Icmp6Type.NEIGHBOUR_SOLICITATION) this.#solicited(frame, nd, nd.target as Ip6);
    else if (nd.type === Icmp6Type.NEIGHBOUR_ADVERTISEMENT) this.#advertised(frame, nd, nd.target as Ip6);
    else {
      // Routers are configured: of what they say only where they are is of use.
      this.#owner.count('router-messages');
      if (nd.sourceMac !== undefined && isOnLink6(this.#owner.interface, nd.source)) {
        this.#owner.neighbours.learned(nd.source, nd.sourceMac);
      }
    }
  }

  #solicited(frame: Frame, nd: NdView, target: Ip6): void {
    const use = this.#addresses.use(target);
    const isProbe = nd.source === UNSPECIFIED_IP6;
    if (use === undefined) return this.#owner.drop('not-our-address', frame);
    if (use === 'tentative') {
      this.#owner.drop('tentative-address', frame);
      if (isProbe) this.#addresses.heard(target);
      return;
    }
    const { mac } = this.#owner.interface;
    if (isProbe) {
      const all = neighbourAdvertisement(target, mac, { solicited: false, override: true });
      return this.#sendNd(target, ALL_NODES_IP6, all, multicastMac6(ALL_NODES_IP6), frame);
    }
    const isNeighbour = isOnLink6(this.#owner.interface, nd.source) && this.#addresses.use(nd.source) === undefined;
    if (!isNeighbour) return this.#owner.drop('bad-source', frame);
    if (nd.sourceMac !== undefined) this.#owner.neighbours.learned(nd.source, nd.sourceMac);
    const answer = neighbourAdvertisement(target, mac, { solicited: true, override: true });
    this.#sendNd(target, nd.source, answer, undefined, frame);
  }

  #advertised(frame: Frame, nd: NdView, target: Ip6): void {
    if (this.#addresses.use(target) !== undefined) {
      this.#owner.drop('own-source', frame);
      return this.#addresses.heard(target);
    }
    const known = this.#owner.neighbours.advertised(target, { ...nd, mac: nd.targetMac });
    if (!known) this.#owner.count('unasked-advertisements');
  }
}
