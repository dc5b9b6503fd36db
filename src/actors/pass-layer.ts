import type { onOffMachine } from '../machines/on-off.ts';
import type { Frame } from './frame.ts';
import type { LayerHost } from './host.ts';
import { Layer, type MachineView, type SavedLayer } from './layer.ts';
import type { MachineHost } from './machine-host.ts';
import type { Port } from './port.ts';

type OnOffMachine = ReturnType<typeof onOffMachine>;
type OnOffHost = MachineHost<OnOffMachine, { readonly running: boolean }>;

/** A layer that hands frames unchanged between its two ports while it runs. */
export abstract class PassLayer extends Layer {
  readonly #machine: OnOffHost;

  constructor(host: LayerHost, label: string, machine: OnOffMachine, names: { upper: string; lower: string }) {
    super(host, label);
    this.#machine = this.machineHost({
      machine,
      decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
      execute: () => {},
    });
    const upper: Port<Frame, Frame> = this.addPort(names.upper, (frame: Frame) => this.#pass(frame, lower, 'sent'));
    const lower: Port<Frame, Frame> = this.addPort(names.lower, (frame: Frame) => this.#pass(frame, upper, 'received'));
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: this.#machine.machine, state: this.#machine.state }];
  }

  save(): SavedLayer {
    return { version: 1, machine: this.#machine.save() };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
  }

  #pass(frame: Frame, to: Port<Frame, Frame>, counter: string): void {
    if (!this.#machine.decision.running) this.drop('stopped', frame);
    else if (to.send(frame)) this.count(counter);
    else this.drop('not-joined', frame);
  }
}
