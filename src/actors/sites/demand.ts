import { type Ip4, inNetwork, isMulticast, type Mac } from '../../wire/address.ts';
import { ArpOperation, type ArpView } from '../../wire/arp.ts';
import { u16, u48 } from '../../wire/bytes.ts';
import type { DemandRule } from '../../wire/demand-rule.ts';
import { EtherType } from '../../wire/ethernet.ts';
import { parseFrame } from '../../wire/frame.ts';
import type { JournalData } from '../tap.ts';
import { LAN, SiteStations } from './stations.ts';

/** Peers whose sessions may be opened on demand. */
export const DEMAND_RULES = 256;
/** A session with one peer is asked for at most this often. */
export const ASK_EVERY_US = 1_000_000;

/** A frame of the LAN that has no session to go through. */
export interface Want {
  readonly site: number;
  /** 0 where the frame is an ARP request. */
  readonly destination: Mac;
  /** 0 where the frame has no IPv4 address. */
  readonly address: Ip4;
}

export interface DemandHost {
  now_us(): number;
  /** One timer for each site that has a rule and a session. */
  setTimer(site: number, delay_us: number): void;
  clearTimer(site: number): void;
  wanted(want: Want): void;
  /** No station here and no station there has spoken to the other for the rule's idle time. */
  idle(site: number): void;
}

interface Live {
  sessions: number;
  used_us: number;
}

/** What frames say about sites: which stations are behind which peer, whose session is wanted, whose is idle (N12.4, [1421]). */
export class Demand {
  readonly stations = new SiteStations();
  readonly #host: DemandHost;
  readonly #rules = new Map<number, DemandRule>();
  readonly #live = new Map<number, Live>();
  readonly #asked_us = new Map<number, number>();

  constructor(host: DemandHost) {
    this.#host = host;
  }

  /** Whether any peer's session may be opened on demand. */
  get hasRules(): boolean {
    return this.#rules.size > 0;
  }

  /** Sets or replaces a peer's rule; false when there are too many. */
  rule(rule: DemandRule): boolean {
    if (this.#rules.size >= DEMAND_RULES && !this.#rules.has(rule.site)) return false;
    this.#rules.set(rule.site, rule);
    const live = this.#live.get(rule.site);
    if (live !== undefined) this.#watch(rule.site, live);
    return true;
  }

  /** A session with the peer stands. */
  up(site: number): void {
    const live = this.#live.get(site) ?? { sessions: 0, used_us: 0 };
    live.sessions += 1;
    this.#live.set(site, live);
    this.#watch(site, live);
  }

  isUp(site: number): boolean {
    return this.#live.has(site);
  }

  down(site: number): void {
    const live = this.#live.get(site);
    if (live === undefined) return;
    live.sessions -= 1;
    if (live.sessions > 0) return;
    this.#live.delete(site);
    if (this.#rules.has(site)) this.#host.clearTimer(site);
  }

  /** Looks rather than being armed anew by every frame. */
  timerFired(site: number): void {
    const live = this.#live.get(site);
    const rule = this.#rules.get(site);
    if (live === undefined || rule === undefined) return;
    const idle_us = rule.idle_ms * 1000;
    const silence_us = this.#host.now_us() - live.used_us;
    if (silence_us >= idle_us) this.#host.idle(site);
    this.#host.setTimer(site, silence_us >= idle_us ? idle_us : idle_us - silence_us);
  }

  /** A frame of our LAN with a whole Ethernet header, not for this node. False for an echo, which must enter no tunnel. */
  fromLan(bytes: Uint8Array): boolean {
    const now_us = this.#host.now_us();
    const arp = arpOf(bytes);
    if (!this.stations.heard(u48(bytes, 6), LAN, now_us)) return false;
    if (arp !== undefined) this.stations.heardArp(arp, LAN, now_us);
    const destination = u48(bytes, 0);
    const known = isMulticast(destination) ? undefined : this.stations.placeOf(destination, now_us);
    if (known !== undefined) this.#known(known, destination, bytes, now_us);
    else if (this.hasRules) this.#unknown(destination, arp, bytes, now_us);
    return true;
  }

  /** A frame with a whole Ethernet header that came out of the tunnel of a peer. False for an echo, which must not go out on the LAN. */
  fromSite(site: number, bytes: Uint8Array): boolean {
    if (site === LAN) return true;
    const now_us = this.#host.now_us();
    if (!this.stations.heard(u48(bytes, 6), site, now_us)) return false;
    const arp = arpOf(bytes);
    if (arp !== undefined) this.stations.heardArp(arp, site, now_us);
    const destination = u48(bytes, 0);
    const live = this.#live.get(site);
    if (live !== undefined && this.stations.placeOf(destination, now_us) === LAN) live.used_us = now_us;
    return true;
  }

  save(): JournalData {
    return {
      stations: this.stations.save(),
      rules: [...this.#rules.values()] as never,
      live: [...this.#live].map(([site, { sessions, used_us }]) => [site, sessions, used_us]),
      asked: [...this.#asked_us] as never,
    };
  }

  restore(saved: JournalData): void {
    const { stations, rules, live, asked } = saved as never as {
      stations: JournalData;
      rules: readonly DemandRule[];
      live: readonly [number, number, number][];
      asked: readonly [number, number][];
    };
    this.stations.restore(stations);
    this.#rules.clear();
    for (const rule of rules) this.#rules.set(rule.site, rule);
    this.#live.clear();
    for (const [site, sessions, used_us] of live) this.#live.set(site, { sessions, used_us });
    this.#asked_us.clear();
    for (const [site, asked_us] of asked) this.#asked_us.set(site, asked_us);
  }

  #watch(site: number, live: Live): void {
    const rule = this.#rules.get(site);
    if (rule === undefined) return;
    live.used_us = this.#host.now_us();
    this.#host.setTimer(site, rule.idle_ms * 1000);
  }

  #known(site: number, destination: Mac, bytes: Uint8Array, now_us: number): void {
    const live = this.#live.get(site);
    if (live !== undefined) live.used_us = now_us;
    else if (this.#mayAsk(site, now_us)) this.#host.wanted({ site, destination, address: ipOf(bytes) ?? 0 });
  }

  /**
   * Only an address says where it is to: one of a network that a rule names, or one that was learned from ARP. What is configured goes
   * before what stations of a peer tell of themselves; only what was heard on our own LAN is here.
   */
  #unknown(destination: Mac, arp: ArpView | undefined, bytes: Uint8Array, now_us: number): void {
    const isGroup = isMulticast(destination);
    const address = isGroup ? askedFor(arp) : ipOf(bytes);
    if (address === undefined) return;
    const learned = this.stations.placeOfAddress(address, now_us);
    const site = learned === LAN ? LAN : (this.#siteOf(address) ?? learned);
    if (site === undefined || this.#live.has(site) || !this.#mayAsk(site, now_us)) return;
    this.#host.wanted({ site, destination: isGroup ? 0 : destination, address });
  }

  #siteOf(address: Ip4): number | undefined {
    for (const { site, networks } of this.#rules.values())
      if (networks.some((network) => inNetwork(address, network))) return site;
    return undefined;
  }

  #mayAsk(site: number, now_us: number): boolean {
    if (!this.#rules.has(site)) return false;
    const asked_us = this.#asked_us.get(site);
    if (asked_us !== undefined && now_us - asked_us < ASK_EVERY_US) return false;
    this.#asked_us.set(site, now_us);
    return true;
  }
}

function arpOf(bytes: Uint8Array): ArpView | undefined {
  const etherType = u16(bytes, 12);
  return etherType === EtherType.ARP || etherType === EtherType.VLAN ? parseFrame(bytes).arp : undefined;
}

function ipOf(bytes: Uint8Array): Ip4 | undefined {
  return parseFrame(bytes).ip?.destination;
}

/** The address that an ARP request asks for, unless a station only tells its own. */
function askedFor(arp: ArpView | undefined): Ip4 | undefined {
  const asks = arp?.operation === ArpOperation.REQUEST && arp.targetIp !== arp.senderIp;
  return asks ? arp.targetIp : undefined;
}
