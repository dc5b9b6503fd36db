import { bridgeMachine, bridgePortMachine } from '../../machines/bridge.ts';
import { isControlMac, isMulticast, type Mac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { MachineHost } from '../machine-host.ts';
import type { Port } from '../port.ts';
import type { JournalData } from '../tap.ts';
import { TokenBucket } from '../token-bucket.ts';
import { StationTable } from './stations.ts';

/** Broadcast and multicast frames that one port may bring in, per second and at once. */
export const GROUP_FRAMES_PER_SECOND = 1000;
/** A port that brought in more takes none for this long. */
export const STORM_QUIET_US = 1_000_000;
/** 01:80:C2:00:00:00 to :0F are for the neighbour on the cable alone (IEEE 802.1D); no bridge passes them on. */
const LINK_LOCAL_FIRST: Mac = 0x0180_c200_0000;
const LINK_LOCAL_LAST: Mac = 0x0180_c200_000f;

/** One port of a bridge. */
export interface BridgePortOptions {
  readonly name: string;
  /** A cable or a tunnel is behind it: frames of the control address range neither come from there nor go there. Default false. */
  readonly outside?: boolean;
}

/** What a bridge joins, and the bounds of what it learns and floods. */
export interface BridgeOptions {
  readonly ports: readonly BridgePortOptions[];
  /** Stations that are known beforehand and never move, like the host's own address behind its upper port. */
  readonly stations?: readonly { readonly mac: Mac; readonly port: string }[];
  /** Default {@link GROUP_FRAMES_PER_SECOND}. */
  readonly groupFramesPerSecond?: number;
}

interface BridgePort {
  readonly name: string;
  readonly outside: boolean;
  readonly port: Port<Frame, Frame>;
  readonly budget: TokenBucket;
  readonly machine: MachineHost<typeof bridgePortMachine, { readonly takesGroupFrames: boolean }>;
}

/**
 * Learning bridge: hubs 11, 22, 32 and bridges 2008, 3008. Known destinations go to their port, unknown ones, broadcast and
 * multicast to every port but the one they came in on. VLANs share one table of stations; tags pass untouched.
 */
export class BridgeLayer extends Layer {
  readonly kind = 'bridge';
  readonly #ports: readonly BridgePort[];
  readonly #byName: ReadonlyMap<string, BridgePort>;
  readonly #fixed: ReadonlyMap<Mac, string>;
  readonly #stations = new StationTable();
  readonly #machine = this.machineHost({
    machine: bridgeMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
    execute: () => {},
  });

  constructor(host: LayerHost, label: string, options: BridgeOptions) {
    super(host, label);
    this.#fixed = new Map((options.stations ?? []).map(({ mac, port }) => [mac, port]));
    const perSecond = options.groupFramesPerSecond ?? GROUP_FRAMES_PER_SECOND;
    this.#ports = options.ports.map((port) => this.#makePort(port, perSecond));
    this.#byName = new Map(this.#ports.map((port) => [port.name, port]));
  }

  /** Stations learned now. */
  get stationCount(): number {
    return this.#stations.size;
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    for (const port of this.#ports) port.machine.send({ type: 'STOP' });
    this.#stations.clear();
  }

  override timerFired(name: string): void {
    this.#byName.get(name)?.machine.send({ type: 'QUIET_OVER' });
  }

  override machines(): readonly MachineView[] {
    const ports = this.#ports.map(({ name, machine }) => ({
      instance: name,
      machine: bridgePortMachine,
      state: machine.state,
    }));
    return [{ instance: '', machine: bridgeMachine, state: this.#machine.state }, ...ports];
  }

  save(): SavedLayer {
    return {
      version: 1,
      machine: this.#machine.save(),
      stations: this.#stations.save(),
      ports: this.#ports.map(({ machine, budget }) => ({ machine: machine.save(), budget: budget.save() })),
    };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#stations.restore(saved.stations as JournalData);
    const ports = saved.ports as unknown as { machine: never; budget: readonly number[] }[];
    for (const [index, { machine, budget }] of ports.entries()) {
      this.#ports[index].machine.restore(machine);
      this.#ports[index].budget.restore(budget);
    }
  }

  #makePort({ name, outside = false }: BridgePortOptions, perSecond: number): BridgePort {
    const made: BridgePort = {
      name,
      outside,
      port: this.addPort(name, (frame: Frame) => this.#received(frame, made)),
      budget: new TokenBucket(perSecond, perSecond),
      machine: this.machineHost({
        machine: bridgePortMachine,
        instance: name,
        decide: (snapshot) => Object.freeze({ takesGroupFrames: snapshot.value === 'FORWARDING' }),
        execute: ({ type }) => (type === 'startQuiet' ? this.#startQuiet(made) : this.#endQuiet(made)),
      }),
    };
    return made;
  }

  #startQuiet(port: BridgePort): void {
    this.setTimer(port.name, STORM_QUIET_US);
    this.note('storm', { port: port.name, quiet_us: STORM_QUIET_US });
  }

  #endQuiet(port: BridgePort): void {
    this.clearTimer(port.name);
    port.budget.refill();
  }

  #received(frame: Frame, ingress: BridgePort): void {
    const { bytes } = frame;
    if (!this.#machine.decision.running) return this.drop('stopped', frame);
    if (bytes.length < ETHERNET_HEADER_BYTES) return this.drop('malformed', frame, 'ethernet-truncated');
    const destination = u48(bytes, 0);
    const source = u48(bytes, 6);
    if (isMulticast(source)) return this.drop('bad-source', frame);
    const isControl = isControlMac(destination) || isControlMac(source);
    if (isControl && ingress.outside) return this.drop('foreign-control-frame', frame);
    if (!this.#learn(frame, source, ingress)) return;
    if (isMulticast(destination)) this.#group(frame, destination, ingress);
    else this.#unicast(frame, destination, ingress, isControl);
  }

  /** False when the frame ended here. */
  #learn(frame: Frame, source: Mac, ingress: BridgePort): boolean {
    const fixed = this.#fixed.get(source);
    if (fixed !== undefined) {
      if (fixed !== ingress.name) this.drop('own-source', frame);
      return fixed === ingress.name;
    }
    const learned = this.#stations.learn(source, ingress.name, this.host.now_us());
    if (learned === 'flapping') {
      this.drop('flapping', frame);
      return false;
    }
    if (learned !== 'known') this.count(learned);
    return true;
  }

  #group(frame: Frame, destination: Mac, ingress: BridgePort): void {
    if (destination >= LINK_LOCAL_FIRST && destination <= LINK_LOCAL_LAST) return this.drop('link-local', frame);
    if (!ingress.machine.decision.takesGroupFrames) return this.drop('storm', frame);
    if (!ingress.budget.take(this.host.now_us())) {
      ingress.machine.send({ type: 'BUDGET_SPENT' });
      return this.drop('storm', frame);
    }
    this.#flood(frame, ingress, false);
  }

  #unicast(frame: Frame, destination: Mac, ingress: BridgePort, isControl: boolean): void {
    const name = this.#fixed.get(destination) ?? this.#stations.portOf(destination, this.host.now_us());
    if (name === undefined) return this.#flood(frame, ingress, isControl);
    if (name === ingress.name) return this.drop('same-port', frame);
    const egress = this.#byName.get(name);
    if (egress?.port.send(frame)) this.count('forwarded');
    else this.drop('not-joined', frame);
  }

  #flood(frame: Frame, ingress: BridgePort, isControl: boolean): void {
    let copies = 0;
    for (const egress of this.#ports) {
      if (egress === ingress || (isControl && egress.outside)) continue;
      if (egress.port.send(frame)) copies++;
    }
    if (copies > 0) this.count('flooded');
    else this.drop('not-joined', frame);
  }
}
