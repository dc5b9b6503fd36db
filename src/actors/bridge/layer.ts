import { bridgeMachine } from '../../machines/bridge.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import { type HubOptions, LearningHub, type SavedHub } from './hub.ts';

/** One port of a bridge. */
export interface BridgePortOptions {
  readonly name: string;
  /** A cable or a tunnel is behind it: frames of the control address range neither come from there nor go there. Default false. */
  readonly outside?: boolean;
}

/** What a bridge joins, and the bounds of what it learns and floods. */
export interface BridgeOptions extends HubOptions {
  readonly ports: readonly BridgePortOptions[];
}

/** Learning bridge: hubs 11, 22, 32 and bridges 2008, 3008. */
export class BridgeLayer extends Layer {
  readonly kind = 'bridge';
  readonly #hub: LearningHub;
  readonly #machine = this.machineHost({
    machine: bridgeMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
    execute: () => {},
  });

  constructor(host: LayerHost, label: string, options: BridgeOptions) {
    super(host, label);
    this.#hub = new LearningHub(
      {
        now_us: () => host.now_us(),
        observer: host.observer(label),
        armQuiet: (port, delay_us) => this.setTimer(port, delay_us),
        disarmQuiet: (port) => this.clearTimer(port),
        drop: (reason, frame, detail) => this.drop(reason, frame, detail),
        count: (name) => this.count(name),
        note: (name, data) => this.note(name, data),
      },
      options,
    );
    for (const { name, outside = false } of options.ports) {
      const port = this.addPort<Frame, Frame>(name, (frame) => this.#received(frame, name));
      this.#hub.add({ name, outside, send: (frame) => port.send(frame) });
    }
  }

  /** Stations learned now. */
  get stationCount(): number {
    return this.#hub.stationCount;
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    this.#hub.stop();
  }

  override timerFired(name: string): void {
    this.#hub.quietOver(name);
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: bridgeMachine, state: this.#machine.state }, ...this.#hub.machines];
  }

  save(): SavedLayer {
    return { version: 2, machine: this.#machine.save(), hub: this.#hub.save() as never };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#hub.restore(saved.hub as unknown as SavedHub);
  }

  #received(frame: Frame, port: string): void {
    if (!this.#machine.decision.running) return this.drop('stopped', frame);
    this.#hub.received(frame, port);
  }
}
