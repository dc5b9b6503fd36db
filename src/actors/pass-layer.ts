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
  protected readonly upper: Port<Frame, Frame>;
  protected readonly lower: Port<Frame, Frame>;
  readonly #machine: OnOffHost;

  constructor(host: LayerHost, label: string, machine: OnOffMachine, names: { upper: string; lower: string }) {
    super(host, label);
    this.#machine = this.machineHost({
      machine,
      decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
      execute: () => {},
    });
    this.upper = this.addPort(names.upper, (frame: Frame) => this.fromUpper(frame));
    this.lower = this.addPort(names.lower, (frame: Frame) => this.fromLower(frame));
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

  protected fromUpper(frame: Frame): void {
    this.pass(frame, this.lower, 'sent');
  }

  protected fromLower(frame: Frame): void {
    this.pass(frame, this.upper, 'received');
  }

  protected pass(frame: Frame, to: Port<Frame, Frame>, counter: string): void {
    if (!this.#machine.decision.running) this.drop('stopped', frame);
    else if (to.send(frame)) this.count(counter);
    else this.drop('not-joined', frame);
  }
}
