import { identityStackMachine } from '../../machines/identity-stack.ts';
import { type Ip4, isControlMac, isMulticast, type Mac, parseIp4 } from '../../wire/address.ts';
import { type ArpView, parseArp } from '../../wire/arp.ts';
import { type EthernetView, EtherType, parseEthernet } from '../../wire/ethernet.ts';
import { isSingleHost } from '../../wire/ip-address.ts';
import { parseIp4Packet } from '../../wire/ipv4.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import { nestedName } from '../nested-host.ts';
import type { Port } from '../port.ts';
import type { Identity, IdentityIndication, IdentityRequest } from '../services.ts';
import { HeldIdentity, type IdentityNetwork, type IdentityOwner, type SavedIdentity } from './identity.ts';

/** Identities at the same time. */
export const IDENTITIES_MAX = 256;

export interface IdentityStackOptions extends IdentityNetwork {
  /** Addresses that nobody may take: the gateway's own. */
  readonly reserved: readonly Identity[];
}

/**
 * IP stack 3005B (spec 7.3, [0907]): an IP stack like 3005 that speaks as whomever encapsulation processing 3001B orders, one IP stack
 * for each terminal. A packet from above goes out as the terminal that is its source; while a session holds an identity, its address is
 * answered for. Ports as of an IP stack, and `settings` for the orders. IPv4 only.
 */
export class IdentityStackLayer extends Layer {
  readonly kind = 'identity-stack';
  readonly #upper: Port<Frame, Frame> = this.addPort('upper', (packet: Frame) => this.#output(packet));
  readonly #lower: Port<Frame, Frame> = this.addPort('lower', (frame: Frame) => this.#input(frame));
  readonly #settings: Port<IdentityRequest, IdentityIndication> = this.addPort('settings', (order: IdentityRequest) =>
    this.#ordered(order),
  );
  readonly #reserved: readonly Identity[];
  readonly #owner: IdentityOwner;
  readonly #byAddress = new Map<Ip4, HeldIdentity>();
  /** A terminal may have several addresses. */
  readonly #byMac = new Map<Mac, readonly HeldIdentity[]>();
  readonly #machine = this.machineHost({
    machine: identityStackMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
    execute: () => {},
  });

  constructor(host: LayerHost, label: string, { reserved, ...network }: IdentityStackOptions) {
    super(host, label);
    this.#reserved = reserved;
    this.#owner = {
      host,
      label,
      network,
      up: (packet) => this.#pass(packet, this.#upper, 'received'),
      down: (frame) => this.#pass(frame, this.#lower, 'sent'),
      tell: (indication) => {
        if (indication.kind === 'refused') this.count(`refused:${indication.reason}`);
        this.#settings.send(indication);
      },
      forgotten: (held) => this.#remove(held),
      drop: (reason, frame, detail) => this.drop(reason, frame, detail),
    };
  }

  /** Identities that it answers for now. */
  get size(): number {
    return this.#byAddress.size;
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    for (const held of [...this.#byAddress.values()]) held.stop();
  }

  override timerFired(name: string): void {
    const [key, own] = nestedName(name);
    this.#byAddress.get(parseIp4(key) as Ip4)?.timerFired(own);
  }

  override machines(): readonly MachineView[] {
    const own = { instance: '', machine: identityStackMachine, state: this.#machine.state };
    return [own, ...[...this.#byAddress.values()].flatMap((held) => held.machines())];
  }

  save(): SavedLayer {
    const held = [...this.#byAddress.values()].map((each) => each.save());
    return { version: 1, machine: this.#machine.save(), held: held as never };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#byAddress.clear();
    this.#byMac.clear();
    for (const each of saved.held as unknown as readonly SavedIdentity[]) this.#add(each.identity).restore(each);
  }

  // ---- orders ----

  #ordered(order: IdentityRequest): void {
    const { identity } = order;
    const known = this.#byAddress.get(identity.address);
    if (order.kind === 'leave') {
      if (known?.isHeld && known.identity.mac === identity.mac) known.leave();
      return;
    }
    const { name } = order;
    const refusal = this.#refusal(identity, known);
    if (refusal !== undefined) {
      this.#owner.tell({ kind: 'refused', name, reason: refusal });
      return;
    }
    this.#take(identity, known, name);
  }

  #refusal({ address, mac }: Identity, known: HeldIdentity | undefined): 'full' | 'conflict' | undefined {
    const isOwn = this.#reserved.some((own) => own.address === address || own.mac === mac);
    // Who spoke as the router would get what all hosts there send through it.
    const isReserved = isOwn || address === this.#owner.network.gateway || isControlMac(mac);
    const isOthers = known?.isTaken === true && known.identity.mac !== mac;
    if (isReserved || isOthers || !isSingleHost(address) || isMulticast(mac)) return 'conflict';
    const isFull = !this.#machine.decision.running || (known === undefined && this.size >= IDENTITIES_MAX);
    return isFull ? 'full' : undefined;
  }

  #take(identity: Identity, known: HeldIdentity | undefined, name: string): void {
    if (known?.identity.mac === identity.mac) return known.take(name);
    // It had been another terminal's, which has no session any more.
    known?.stop();
    const held = this.#add(identity);
    held.start();
    held.take(name);
  }

  #add(identity: Identity): HeldIdentity {
    const held = new HeldIdentity(this.#owner, { ...identity });
    this.#byAddress.set(identity.address, held);
    this.#byMac.set(identity.mac, [...(this.#byMac.get(identity.mac) ?? []), held]);
    return held;
  }

  #remove(held: HeldIdentity): void {
    const { address, mac } = held.identity;
    this.#byAddress.delete(address);
    const left = (this.#byMac.get(mac) ?? []).filter((other) => other !== held);
    if (left.length > 0) this.#byMac.set(mac, left);
    else this.#byMac.delete(mac);
  }

  // ---- frames ----

  #output(packet: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', packet);
    const ip = parseIp4Packet(packet.bytes, 0, packet.bytes.length);
    if (!ip.ok) return this.drop('malformed', packet, ip.reason);
    const held = this.#byAddress.get(ip.source);
    if (held === undefined) this.drop('bad-source', packet);
    else held.send(packet);
  }

  #input(frame: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', frame);
    const ethernet = parseEthernet(frame.bytes);
    if (!ethernet.ok) return this.drop('malformed', frame, ethernet.reason);
    const arp = arpOf(frame.bytes, ethernet);
    if (arp !== undefined) this.#arpHeard(arp);
    const targets = isMulticast(ethernet.destination)
      ? this.#targetsOfGroup(frame.bytes, ethernet)
      : this.#withMac(ethernet.destination, frame.bytes, ethernet);
    if (targets.length === 0) this.drop('not-for-us', frame);
    for (const held of targets) held.receive(frame);
  }

  /** An address that is being asked for may be somebody's. */
  #arpHeard(arp: ArpView): void {
    for (const address of new Set([arp.senderIp, arp.targetIp])) this.#byAddress.get(address)?.heard(arp);
  }

  /** Of several addresses of one terminal the one that the packet is for. */
  #withMac(mac: Mac, bytes: Uint8Array, ethernet: EthernetView): readonly HeldIdentity[] {
    const all = this.#byMac.get(mac) ?? [];
    if (all.length < 2) return all;
    const destination = destinationOf(bytes, ethernet);
    return [all.find(({ identity }) => identity.address === destination) ?? all[0]];
  }

  /** ARP alone: a question goes to whom it asks for, an announcement to everybody. */
  #targetsOfGroup(bytes: Uint8Array, ethernet: EthernetView): readonly HeldIdentity[] {
    const arp = arpOf(bytes, ethernet);
    if (arp === undefined) return [];
    if (arp.senderIp === arp.targetIp) return [...this.#byAddress.values()];
    const asked = this.#byAddress.get(arp.targetIp);
    return asked === undefined ? [] : [asked];
  }

  #pass(frame: Frame, to: Port<Frame, Frame>, counter: string): void {
    if (to.send(frame)) this.count(counter);
    else this.drop('not-joined', frame);
  }
}

function arpOf(bytes: Uint8Array, { etherType, headerEnd, end }: EthernetView): ArpView | undefined {
  const arp = etherType === EtherType.ARP ? parseArp(bytes, headerEnd, end) : undefined;
  return arp?.ok ? arp : undefined;
}

/** IPv4 address that a frame is for: of an IP packet or an ARP packet. */
function destinationOf(bytes: Uint8Array, ethernet: EthernetView): Ip4 | undefined {
  const { etherType, headerEnd, end } = ethernet;
  if (etherType === EtherType.ARP) return arpOf(bytes, ethernet)?.targetIp;
  const ip = etherType === EtherType.IP4 ? parseIp4Packet(bytes, headerEnd, end) : undefined;
  return ip?.ok ? ip.destination : undefined;
}
