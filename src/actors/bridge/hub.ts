import { bridgePortMachine } from '../../machines/bridge.ts';
import { isControlMac, isMulticast, type Mac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import type { MachineView } from '../layer.ts';
import { MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';
import type { JournalData } from '../tap.ts';
import { TokenBucket } from '../token-bucket.ts';
import { type StationLimits, StationTable } from './stations.ts';

/** Broadcast and multicast frames that one port may bring in, per second and at once. */
export const GROUP_FRAMES_PER_SECOND = 1000;
/** A port that brought in more takes none for this long. */
export const STORM_QUIET_US = 1_000_000;
/** 01:80:C2:00:00:00 to :0F are for the neighbour on the cable alone (IEEE 802.1D); no bridge passes them on. */
const LINK_LOCAL_FIRST: Mac = 0x0180_c200_0000;
const LINK_LOCAL_LAST: Mac = 0x0180_c200_000f;

/** What a hub needs of the layer that it is part of. */
export interface HubHost {
  now_us(): number;
  readonly observer: MachineObserver;
  /** `quietOver(port)` is wanted after so long. */
  armQuiet(port: string, delay_us: number): void;
  disarmQuiet(port: string): void;
  drop(reason: DropReason, frame: Frame, detail?: JournalData): void;
  count(name: string): void;
  note(name: string, data: JournalData): void;
}

/** The bounds of what a hub learns and floods. */
export interface HubOptions extends StationLimits {
  /** Stations that are known beforehand and never move, like the host's own address behind its upper port. */
  readonly stations?: readonly { readonly mac: Mac; readonly port: string }[];
  /** Default {@link GROUP_FRAMES_PER_SECOND}. */
  readonly groupFramesPerSecond?: number;
  /** Frames to stations that are not known which one port may bring in, per second and at once; left out: any number. */
  readonly unknownFramesPerSecond?: number;
}

/** Somewhere that frames come from and go to: a cable, a tunnel, a host. */
export interface HubPort {
  readonly name: string;
  /** A cable or a tunnel is behind it: frames of the control address range neither come from there nor go there. */
  readonly outside: boolean;
  /** False when nothing is there to take it. */
  send(frame: Frame): boolean;
}

interface Member extends HubPort {
  readonly budget: TokenBucket;
  /** Of frames to stations that are not known; none where there is no bound. */
  readonly unknown: TokenBucket | undefined;
  readonly machine: MachineHost<typeof bridgePortMachine, { readonly takesGroupFrames: boolean }>;
}

export interface SavedHub {
  readonly stations: JournalData;
  readonly ports: readonly {
    readonly name: string;
    readonly machine: SavedMachine;
    readonly budget: readonly number[];
    readonly unknown?: readonly number[];
  }[];
}

/**
 * What a bridge, a hub and a session relay have in common (spec 01): learns source MACs per port; a known destination goes to its port,
 * unknown ones, broadcast and multicast to every port but the one they came in on. Ports may come and go. VLANs share one table of
 * stations; tags pass untouched.
 */
export class LearningHub {
  readonly #host: HubHost;
  readonly #members = new Map<string, Member>();
  readonly #fixed: ReadonlyMap<Mac, string>;
  readonly #stations: StationTable;
  readonly #perSecond: number;
  readonly #unknownPerSecond: number | undefined;

  constructor(host: HubHost, options: HubOptions = {}) {
    this.#host = host;
    this.#fixed = new Map((options.stations ?? []).map(({ mac, port }) => [mac, port]));
    this.#stations = new StationTable(options);
    this.#perSecond = options.groupFramesPerSecond ?? GROUP_FRAMES_PER_SECOND;
    this.#unknownPerSecond = options.unknownFramesPerSecond;
  }

  /** Stations learned now. */
  get stationCount(): number {
    return this.#stations.size;
  }

  get machines(): readonly MachineView[] {
    return [...this.#members.values()].map(({ name, machine }) => ({
      instance: name,
      machine: bridgePortMachine,
      state: machine.state,
    }));
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  add(port: HubPort): void {
    const most = this.#unknownPerSecond;
    const made: Member = {
      name: port.name,
      outside: port.outside,
      send: (frame) => port.send(frame),
      budget: new TokenBucket(this.#perSecond, this.#perSecond),
      unknown: most === undefined ? undefined : new TokenBucket(most, most),
      machine: new MachineHost({
        machine: bridgePortMachine,
        instance: port.name,
        decide: (snapshot) => Object.freeze({ takesGroupFrames: snapshot.value === 'FORWARDING' }),
        execute: ({ type }) => (type === 'startQuiet' ? this.#startQuiet(made) : this.#endQuiet(made)),
        observer: this.#host.observer,
      }),
    };
    this.#members.set(made.name, made);
  }

  /** The port is gone, and with it all that was learned of it. */
  remove(name: string): void {
    this.#members.get(name)?.machine.send({ type: 'STOP' });
    this.#members.delete(name);
    this.#stations.forget(name);
  }

  /** Ends storms and forgets what was learned; the ports stay. */
  stop(): void {
    for (const { machine } of this.#members.values()) machine.send({ type: 'STOP' });
    this.#stations.clear();
  }

  /** No port and no station. */
  clear(): void {
    this.#members.clear();
    this.#stations.clear();
  }

  quietOver(port: string): void {
    this.#members.get(port)?.machine.send({ type: 'QUIET_OVER' });
  }

  /** A frame that came in at a port. */
  received(frame: Frame, port: string): void {
    const ingress = this.#members.get(port);
    if (ingress === undefined) return this.#host.drop('not-joined', frame, port);
    const { bytes } = frame;
    if (bytes.length < ETHERNET_HEADER_BYTES) return this.#host.drop('malformed', frame, 'ethernet-truncated');
    const destination = u48(bytes, 0);
    const source = u48(bytes, 6);
    if (isMulticast(source)) return this.#host.drop('bad-source', frame);
    const isControl = isControlMac(destination) || isControlMac(source);
    if (isControl && ingress.outside) return this.#host.drop('foreign-control-frame', frame);
    if (!this.#learn(frame, source, ingress)) return;
    if (isMulticast(destination)) this.#group(frame, destination, ingress);
    else this.#unicast(frame, destination, ingress, isControl);
  }

  save(): SavedHub {
    return {
      stations: this.#stations.save(),
      ports: [...this.#members.values()].map(({ name, machine, budget, unknown }) => ({
        name,
        machine: machine.save(),
        budget: budget.save(),
        ...(unknown && { unknown: unknown.save() }),
      })),
    };
  }

  /** After `add` of all ports that were there. */
  restore(saved: SavedHub): void {
    this.#stations.restore(saved.stations);
    for (const { name, machine, budget, unknown } of saved.ports) {
      const member = this.#members.get(name);
      member?.machine.restore(machine);
      member?.budget.restore(budget);
      if (unknown !== undefined) member?.unknown?.restore(unknown);
    }
  }

  #startQuiet({ name }: Member): void {
    this.#host.armQuiet(name, STORM_QUIET_US);
    this.#host.note('storm', { port: name, quiet_us: STORM_QUIET_US });
  }

  #endQuiet({ name, budget }: Member): void {
    this.#host.disarmQuiet(name);
    budget.refill();
  }

  /** False when the frame ended here. */
  #learn(frame: Frame, source: Mac, ingress: Member): boolean {
    const fixed = this.#fixed.get(source);
    if (fixed !== undefined) {
      if (fixed !== ingress.name) this.#host.drop('own-source', frame);
      return fixed === ingress.name;
    }
    const learned = this.#stations.learn(source, ingress.name, this.#host.now_us());
    if (learned === 'flapping') {
      this.#host.drop('flapping', frame);
      return false;
    }
    if (learned !== 'known') this.#host.count(learned);
    return true;
  }

  #group(frame: Frame, destination: Mac, ingress: Member): void {
    if (destination >= LINK_LOCAL_FIRST && destination <= LINK_LOCAL_LAST) return this.#host.drop('link-local', frame);
    if (!ingress.machine.decision.takesGroupFrames) return this.#host.drop('storm', frame);
    if (!ingress.budget.take(this.#host.now_us())) {
      ingress.machine.send({ type: 'BUDGET_SPENT' });
      return this.#host.drop('storm', frame);
    }
    this.#flood(frame, ingress, false);
  }

  #unicast(frame: Frame, destination: Mac, ingress: Member, isControl: boolean): void {
    const name = this.#fixed.get(destination) ?? this.#stations.portOf(destination, this.#host.now_us());
    if (name === undefined) return this.#unknown(frame, ingress, isControl);
    if (name === ingress.name) return this.#host.drop('same-port', frame);
    if (this.#members.get(name)?.send(frame)) this.#host.count('forwarded');
    else this.#host.drop('not-joined', frame);
  }

  /** What is too much ends here, but no storm begins: broadcasts, by which stations become known, go on. */
  #unknown(frame: Frame, ingress: Member, isControl: boolean): void {
    if (ingress.unknown?.take(this.#host.now_us()) === false) this.#host.drop('storm', frame, 'unknown station');
    else this.#flood(frame, ingress, isControl);
  }

  #flood(frame: Frame, ingress: Member, isControl: boolean): void {
    let copies = 0;
    for (const egress of this.#members.values()) {
      if (egress === ingress || (isControl && egress.outside)) continue;
      if (egress.send(frame)) copies++;
    }
    if (copies > 0) this.#host.count('flooded');
    else this.#host.drop('not-joined', frame);
  }
}
