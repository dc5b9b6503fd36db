import { neighbourMachine } from '../../machines/neighbour.ts';
import type { Mac } from '../../wire/address.ts';
import { formatIp, type IpAddress, parseIp } from '../../wire/ip-address.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import type { MachineView } from '../layer.ts';
import { type MachineCommand, MachineHost } from '../machine-host.ts';
import { restoreFrame, saveFrame } from '../saved-frame.ts';
import type { JournalData } from '../tap.ts';

/** Time between two requests to the same neighbour (RFC 1122 section 2.3.2.1; RetransTimer of RFC 4861). */
export const NEIGHBOUR_RETRY_US = 1_000_000;
/** A neighbour that was heard is trusted for this long. */
export const REACHABLE_US = 30_000_000;
/** After that its address is kept for so long, unless it is used. */
export const STALE_US = 600_000_000;
/** From the first use on it has so long to be heard of before it is asked (DELAY_FIRST_PROBE_TIME of RFC 4861). */
export const FIRST_PROBE_DELAY_US = 5_000_000;
/** Entries of the table. */
export const NEIGHBOURS_MAX = 512;
/** Entries that strangers' requests, and requests on others' behalf, may make; the rest is for addresses that we ask for. */
export const NEIGHBOURS_HEARD_MAX = 256;
/** Packets that wait for one neighbour's answer; the oldest gives way. */
export const QUEUE_PACKETS = 32;

/** What the table wants from the IP stack around it. */
export interface NeighbourOwner {
  readonly host: LayerHost;
  readonly label: string;
  /** Sends a packet to a neighbour. */
  transmit(packet: Frame, mac: Mac): void;
  /** Asks for an address, everybody (or its group) or `mac` alone. */
  request(ip: IpAddress, mac?: Mac): void;
  /** The packet had to give way in a neighbour's queue. */
  overflow(packet: Frame): void;
  /** The packet ends because its neighbour does not answer. */
  unanswered(packet: Frame): void;
  /** Answers {@link NeighbourTable.find}; `mac` is undefined when the neighbour does not answer. */
  found(ip: IpAddress, mac: Mac | undefined): void;
}

type NeighbourHost = MachineHost<typeof neighbourMachine, NeighbourDecision>;

interface NeighbourDecision {
  /** Where packets go; undefined: they wait. */
  readonly mac: Mac | undefined;
  /** The machine wants to know that a packet was sent; and may give way to another neighbour. */
  readonly isStale: boolean;
}

interface Neighbour {
  readonly ip: IpAddress;
  readonly machine: NeighbourHost;
  queue: Frame[];
  /** Somebody waits to be told where it is. */
  isSought: boolean;
}

/** What an advertisement says of a neighbour (RFC 4861 section 4.4); `mac` may be left out when it is known. */
export interface Advertised {
  readonly mac: Mac | undefined;
  readonly solicited: boolean;
  readonly override: boolean;
}

const TIMER_PREFIX = 'neighbour-';

/** The neighbours of both families: one machine for each, and the packets that wait for it. */
export class NeighbourTable {
  readonly #owner: NeighbourOwner;
  readonly #byIp = new Map<IpAddress, Neighbour>();

  constructor(owner: NeighbourOwner) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#byIp.size;
  }

  /** Where `ip` is, if that is known now. */
  macOf(ip: IpAddress): Mac | undefined {
    return this.#byIp.get(ip)?.machine.decision.mac;
  }

  /** Sends a packet to the neighbour `ip`, now or when it has answered; false when the table is full. */
  send(ip: IpAddress, packet: Frame): boolean {
    const neighbour = this.#byIp.get(ip) ?? this.#add(ip, NEIGHBOURS_MAX);
    if (neighbour === undefined) return false;
    const { mac, isStale } = neighbour.machine.decision;
    if (mac === undefined) {
      this.#wait(neighbour, packet);
      return true;
    }
    this.#owner.transmit(packet, mac);
    if (isStale) neighbour.machine.send({ type: 'USED' });
    return true;
  }

  /** Tells where `ip` is, now or when it has answered; false when the table is full. */
  find(ip: IpAddress): boolean {
    const neighbour = this.#byIp.get(ip) ?? this.#add(ip, NEIGHBOURS_HEARD_MAX);
    if (neighbour === undefined) return false;
    const { mac, isStale } = neighbour.machine.decision;
    if (mac !== undefined) this.#owner.found(ip, mac);
    else neighbour.isSought = true;
    if (isStale) neighbour.machine.send({ type: 'USED' });
    if (neighbour.machine.state === 'NEW') neighbour.machine.send({ type: 'RESOLVE' });
    return true;
  }

  /** An ARP packet came from `ip`. `asksUs`: it wants something from us, so an answer will go there. */
  heard(ip: IpAddress, mac: Mac, asksUs: boolean): void {
    const neighbour = this.#byIp.get(ip) ?? (asksUs ? this.#add(ip, NEIGHBOURS_HEARD_MAX) : undefined);
    neighbour?.machine.send({ type: 'CONFIRMED', mac });
  }

  /** A solicitation or a router's message told where `ip` is (RFC 4861 section 7.2.3). */
  learned(ip: IpAddress, mac: Mac): void {
    const neighbour = this.#byIp.get(ip) ?? this.#add(ip, NEIGHBOURS_HEARD_MAX);
    if (neighbour !== undefined && neighbour.machine.decision.mac !== mac) {
      neighbour.machine.send({ type: 'LEARNED', mac });
    }
  }

  /** An advertisement for `ip` came (RFC 4861 section 7.2.5); false when nobody has asked. */
  advertised(ip: IpAddress, { mac, solicited, override }: Advertised): boolean {
    const neighbour = this.#byIp.get(ip);
    if (neighbour === undefined) return false;
    const known = neighbour.machine.decision.mac;
    const next = mac ?? known;
    if (next === undefined) return true;
    const isOther = known !== undefined && next !== known;
    if (isOther && !override) neighbour.machine.send({ type: 'DOUBTED' });
    else if (solicited) neighbour.machine.send({ type: 'CONFIRMED', mac: next });
    else if (next !== known) neighbour.machine.send({ type: 'LEARNED', mac: next });
    return true;
  }

  /** Somebody above has had no answer by way of `ip`: it is asked again soon instead of trusted. */
  doubt(ip: IpAddress): void {
    this.#byIp.get(ip)?.machine.send({ type: 'DOUBTED' });
  }

  /** True when the timer was a neighbour's. */
  timerFired(name: string): boolean {
    const ip = name.startsWith(TIMER_PREFIX) ? parseIp(name.slice(TIMER_PREFIX.length)) : undefined;
    if (ip === undefined) return false;
    this.#byIp.get(ip)?.machine.send({ type: 'TIMEOUT' });
    return true;
  }

  /** Forgets everybody; packets that wait are given to `onPacket`. */
  clear(onPacket: (packet: Frame) => void): void {
    for (const neighbour of [...this.#byIp.values()]) {
      this.#remove(neighbour);
      neighbour.queue.forEach(onPacket);
    }
  }

  machines(): readonly MachineView[] {
    return [...this.#byIp.values()].map(({ machine }) => ({
      instance: machine.instance,
      machine: neighbourMachine,
      state: machine.state,
    }));
  }

  save(): JournalData {
    return [...this.#byIp.values()].map(({ ip, machine, queue, isSought }) => [
      ip,
      machine.save(),
      queue.map(saveFrame),
      isSought,
    ]);
  }

  restore(saved: JournalData): void {
    this.#byIp.clear();
    for (const [ip, machine, queue, isSought] of saved as [IpAddress, never, JournalData[], boolean][]) {
      const neighbour = this.#make(ip);
      neighbour.machine.restore(machine);
      neighbour.queue = queue.map(restoreFrame);
      neighbour.isSought = isSought;
      this.#byIp.set(ip, neighbour);
    }
  }

  #wait(neighbour: Neighbour, packet: Frame): void {
    if (neighbour.queue.length >= QUEUE_PACKETS) this.#owner.overflow(neighbour.queue.shift() as Frame);
    neighbour.queue.push(packet);
    if (neighbour.machine.state === 'NEW') neighbour.machine.send({ type: 'RESOLVE' });
  }

  #add(ip: IpAddress, limit: number): Neighbour | undefined {
    if (this.#byIp.size >= limit) {
      const stale = [...this.#byIp.values()].find(({ machine }) => machine.decision.isStale);
      if (stale === undefined) return undefined;
      this.#remove(stale);
    }
    const neighbour = this.#make(ip);
    this.#byIp.set(ip, neighbour);
    return neighbour;
  }

  #make(ip: IpAddress): Neighbour {
    const { host, label } = this.#owner;
    const neighbour: Neighbour = {
      ip,
      queue: [],
      isSought: false,
      machine: new MachineHost({
        machine: neighbourMachine,
        instance: TIMER_PREFIX + formatIp(ip),
        observer: host.observer(label),
        decide: ({ value, context }) =>
          Object.freeze({
            mac: value === 'NEW' || value === 'INCOMPLETE' ? undefined : context.mac,
            isStale: value === 'STALE',
          }),
        execute: (command) => this.#execute(neighbour, command),
      }),
    };
    return neighbour;
  }

  #execute(neighbour: Neighbour, { type }: MachineCommand): void {
    const arm = (delay_us: number) =>
      this.#owner.host.setTimer(this.#owner.label, neighbour.machine.instance, delay_us);
    if (type === 'armReachable') arm(REACHABLE_US);
    else if (type === 'armStale') arm(STALE_US);
    else if (type === 'armDelay') arm(FIRST_PROBE_DELAY_US);
    else if (type === 'flush') this.#flush(neighbour);
    else if (type === 'forget') this.#remove(neighbour);
    else if (type === 'giveUp') this.#giveUp(neighbour);
    else {
      this.#owner.request(neighbour.ip, type === 'askDirectly' ? neighbour.machine.decision.mac : undefined);
      arm(NEIGHBOUR_RETRY_US);
    }
  }

  #tell(neighbour: Neighbour, mac: Mac | undefined): void {
    if (!neighbour.isSought) return;
    neighbour.isSought = false;
    this.#owner.found(neighbour.ip, mac);
  }

  #flush(neighbour: Neighbour): void {
    this.#tell(neighbour, neighbour.machine.decision.mac);
    for (const packet of neighbour.queue.splice(0)) this.#owner.transmit(packet, neighbour.machine.decision.mac as Mac);
  }

  #giveUp(neighbour: Neighbour): void {
    this.#remove(neighbour);
    this.#tell(neighbour, undefined);
    for (const packet of neighbour.queue.splice(0)) this.#owner.unanswered(packet);
  }

  #remove(neighbour: Neighbour): void {
    this.#byIp.delete(neighbour.ip);
    this.#owner.host.clearTimer(this.#owner.label, neighbour.machine.instance);
  }
}
