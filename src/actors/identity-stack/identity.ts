import { identityMachine } from '../../machines/identity-stack.ts';
import { formatIp4 } from '../../wire/address.ts';
import type { Frame } from '../frame.ts';
import { IpStackLayer, type IpStackOptions } from '../ip-stack/layer.ts';
import type { MachineView, SavedLayer } from '../layer.ts';
import { type MachineCommand, MachineHost, type SavedMachine } from '../machine-host.ts';
import { type NestedOwner, nestedHost, nestedInstance } from '../nested-host.ts';
import { HandlerSubscriber, Port } from '../port.ts';
import type { Identity } from '../services.ts';

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
  forgotten(held: HeldIdentity): void;
}

export interface SavedIdentity {
  readonly identity: Identity;
  readonly holders: number;
  readonly machine: SavedMachine;
  readonly stack: SavedLayer;
}

/** How long after the last session an identity answers: as long as TCP waits for repeated segments (TIME-WAIT). */
export const IDENTITY_LINGER_US = 60_000_000;
const LINGER_TIMER = 'linger';

/** One identity: an IP stack of its own, and how many sessions speak as it; one, to begin with. */
export class HeldIdentity {
  readonly identity: Identity;
  readonly key: string;
  #holders = 1;
  readonly #owner: IdentityOwner;
  readonly #stack: IpStackLayer;
  readonly #machine: MachineHost<typeof identityMachine, { readonly isHeld: boolean }>;
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
      decide: ({ value }) => Object.freeze({ isHeld: value === 'HELD' }),
      execute: (command) => this.#execute(command),
    });
  }

  /** Whether a session speaks as it. */
  get isHeld(): boolean {
    return this.#machine.decision.isHeld;
  }

  /** The stack announces the address. */
  start(): void {
    this.#stack.start();
  }

  take(): void {
    if (!this.isHeld) this.#machine.send({ type: 'TAKEN' });
    this.#holders += 1;
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
    if (name === LINGER_TIMER) this.#machine.send({ type: 'TIMEOUT' });
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
    return { identity, holders: this.#holders, machine: this.#machine.save(), stack: this.#stack.save() };
  }

  restore({ holders, machine, stack }: SavedIdentity): void {
    this.#holders = holders;
    this.#machine.restore(machine);
    this.#stack.restore(stack);
  }

  #execute({ type }: MachineCommand): void {
    const { host, label } = this.#owner;
    if (type === 'armLinger') host.setTimer(label, `${this.key}/${LINGER_TIMER}`, IDENTITY_LINGER_US);
    else if (type === 'disarmLinger') host.clearTimer(label, `${this.key}/${LINGER_TIMER}`);
    else {
      this.#stack.stop();
      this.#owner.forgotten(this);
    }
  }

  #joined(name: string, stackPort: Port<Frame, Frame>, handle: (frame: Frame) => void): Port<Frame, Frame> {
    const { host, label } = this.#owner;
    const port = host.port<Frame, Frame>(label, `${this.key}/${name}`);
    port.received$.subscribe(new HandlerSubscriber(handle));
    Port.join(port, stackPort);
    return port;
  }
}
