import { identityMachine } from '../../machines/identity-stack.ts';
import { BROADCAST_MAC, formatIp4 } from '../../wire/address.ts';
import { ArpOperation, type ArpView } from '../../wire/arp.ts';
import { buildArpFrame } from '../../wire/build.ts';
import type { Frame } from '../frame.ts';
import { IpStackLayer, type IpStackOptions } from '../ip-stack/layer.ts';
import type { MachineView, SavedLayer } from '../layer.ts';
import { type MachineCommand, MachineHost, type SavedMachine } from '../machine-host.ts';
import { type NestedOwner, nestedHost, nestedInstance } from '../nested-host.ts';
import { HandlerSubscriber, Port } from '../port.ts';
import type { Identity, IdentityIndication } from '../services.ts';

/** The network that all identities are in. */
export interface IdentityNetwork extends Pick<IpStackOptions, 'mtu'> {
  /** Bits of the netmask, 0-32. */
  readonly prefixLength: number;
  readonly gateway?: number;
}

/** What an identity needs of the layer that it is part of. */
export interface IdentityOwner extends NestedOwner {
  readonly network: IdentityNetwork;
  up(packet: Frame): void;
  down(frame: Frame): void;
  tell(indication: IdentityIndication): void;
  forgotten(held: HeldIdentity): void;
}

interface IdentityDecision {
  readonly isHeld: boolean;
  readonly isAsking: boolean;
}

export interface SavedIdentity {
  readonly identity: Identity;
  readonly holders: number;
  readonly waiting: readonly string[];
  readonly machine: SavedMachine;
  readonly stack: SavedLayer;
}

/** How long after the last session an identity answers: as long as TCP waits for repeated segments (TIME-WAIT). */
export const IDENTITY_LINGER_US = 60_000_000;
const LINGER_TIMER = 'linger';
/**
 * Whoever has the address has so long to answer each time that it is asked for. RFC 5227 takes seconds; a SYN waits for this one, and the
 * network is one LAN.
 */
export const PROBE_US = 100_000;
const PROBE_TIMER = 'probe';

/** One identity: an IP stack of its own, and how many sessions speak as it or wait to. */
export class HeldIdentity {
  readonly identity: Identity;
  readonly key: string;
  #holders = 0;
  /** Orders that hear of it when nobody there has the address. */
  #waiting: string[] = [];
  readonly #owner: IdentityOwner;
  readonly #stack: IpStackLayer;
  readonly #machine: MachineHost<typeof identityMachine, IdentityDecision>;
  readonly #above: Port<Frame, Frame>;
  readonly #below: Port<Frame, Frame>;

  constructor(owner: IdentityOwner, identity: Identity) {
    const { host, label, network } = owner;
    const { mtu, ...net } = network;
    this.#owner = owner;
    this.identity = identity;
    this.key = formatIp4(identity.address);
    const options = { interface: { ...identity, ...net }, ...(mtu !== undefined && { mtu }) };
    this.#stack = new IpStackLayer(nestedHost(owner, this.key), label, options);
    this.#above = this.#joined('above', this.#stack.ports.upper, (packet) => owner.up(packet));
    this.#below = this.#joined('below', this.#stack.ports.lower, (frame) => owner.down(frame));
    this.#machine = new MachineHost({
      machine: identityMachine,
      instance: this.key,
      observer: host.observer(label),
      decide: ({ value }) => Object.freeze({ isHeld: value === 'HELD', isAsking: value === 'ASKING' }),
      execute: (command) => this.#execute(command),
    });
  }

  /** Whether a session speaks as it. */
  get isHeld(): boolean {
    return this.#machine.decision.isHeld;
  }

  /** Sessions speak as it, or will when nobody has claimed it. */
  get isTaken(): boolean {
    return this.isHeld || this.isAsking;
  }

  /** Whether it is still being found out if somebody has the address. */
  get isAsking(): boolean {
    return this.#machine.decision.isAsking;
  }

  /** Asks whether somebody has the address; then the stack announces it. */
  start(): void {
    this.#machine.send({ type: 'START' });
  }

  /** One session more; the order `name` is answered when it is known whose the address is. */
  take(name: string): void {
    this.#holders += 1;
    if (this.isAsking) {
      this.#waiting.push(name);
      return;
    }
    if (!this.isHeld) this.#machine.send({ type: 'TAKEN' });
    this.#owner.tell({ kind: 'taken', name });
  }

  /** What ARP tells while it is being asked: whoever has the address, or asks for it too, keeps it (RFC 5227 section 2.1.1). */
  heard({ senderIp, senderMac, targetIp, operation }: ArpView): void {
    const { address, mac } = this.identity;
    const asksToo = senderIp === 0 && targetIp === address && operation === ArpOperation.REQUEST;
    if (this.isAsking && senderMac !== mac && (senderIp === address || asksToo))
      this.#machine.send({ type: 'CLAIMED' });
  }

  leave(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#machine.send({ type: 'ALL_LEFT' });
  }

  stop(): void {
    this.#machine.send({ type: 'STOP' });
  }

  /** An IP packet of somebody above. */
  send(packet: Frame): void {
    this.#above.send(packet);
  }

  /** An Ethernet frame from below. */
  receive(frame: Frame): void {
    this.#below.send(frame);
  }

  timerFired(name: string): void {
    if (name === LINGER_TIMER || name === PROBE_TIMER) this.#machine.send({ type: 'TIMEOUT' });
    else this.#stack.timerFired(name);
  }

  machines(): readonly MachineView[] {
    const own = { instance: this.key, machine: identityMachine, state: this.#machine.state };
    const ofStack = this.#stack.machines().map((view) => ({
      ...view,
      instance: nestedInstance(`${this.key}/stack`, view.instance),
    }));
    return [own, ...ofStack];
  }

  save(): SavedIdentity {
    const { identity } = this;
    const waiting = [...this.#waiting];
    return { identity, holders: this.#holders, waiting, machine: this.#machine.save(), stack: this.#stack.save() };
  }

  restore({ holders, waiting, machine, stack }: SavedIdentity): void {
    this.#holders = holders;
    this.#waiting = [...waiting];
    this.#machine.restore(machine);
    this.#stack.restore(stack);
  }

  #execute({ type, params }: MachineCommand): void {
    const { host, label } = this.#owner;
    const timer = (name: string) => `${this.key}/${name}`;
    switch (type) {
      case 'probe':
        return this.#probe();
      case 'armProbe':
        return host.setTimer(label, timer(PROBE_TIMER), PROBE_US);
      case 'disarmProbe':
        return host.clearTimer(label, timer(PROBE_TIMER));
      case 'announce':
        this.#stack.start();
        return this.#answer((name) => ({ kind: 'taken', name }));
      case 'refuse':
        return this.#answer((name) => ({ kind: 'refused', name, reason: params.reason }));
      case 'armLinger':
        return host.setTimer(label, timer(LINGER_TIMER), IDENTITY_LINGER_US);
      case 'disarmLinger':
        return host.clearTimer(label, timer(LINGER_TIMER));
      default:
        this.#stack.stop();
        this.#owner.forgotten(this);
    }
  }

  /** Without an address of the sender: nobody learns from it. */
  #probe(): void {
    const { host } = this.#owner;
    const { address, mac } = this.identity;
    const bytes = buildArpFrame({
      ethernet: { destination: BROADCAST_MAC, source: mac },
      arp: { operation: ArpOperation.REQUEST, senderMac: mac, senderIp: 0, targetMac: 0, targetIp: address },
    });
    this.#owner.down(host.frame(bytes));
  }

  #answer(indicationFor: (name: string) => IdentityIndication): void {
    for (const name of this.#waiting.splice(0)) this.#owner.tell(indicationFor(name));
  }

  #joined(name: string, stackPort: Port<Frame, Frame>, handle: (frame: Frame) => void): Port<Frame, Frame> {
    const { host, label } = this.#owner;
    const port = host.port<Frame, Frame>(label, `${this.key}/${name}`);
    port.received$.subscribe(new HandlerSubscriber(handle));
    Port.join(port, stackPort);
    return port;
  }
}
