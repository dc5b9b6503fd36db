import type { AnyStateMachine, InputFrom, SnapshotFrom } from 'xstate';
import type { DropReason } from './drop-reason.ts';
import type { Frame } from './frame.ts';
import type { LayerHost } from './host.ts';
import { type MachineCommand, MachineHost } from './machine-host.ts';
import { HandlerSubscriber, type Port } from './port.ts';
import type { JournalData } from './tap.ts';

/** Versioned plain data of a layer: machines, tables, queues, numbers; no keys, nothing shared with the live layer. */
export interface SavedLayer {
  readonly version: number;
  readonly [key: string]: JournalData | undefined;
}

/** A machine that is alive in a layer, for status, page and tests. */
export interface MachineView {
  readonly instance: string;
  readonly machine: AnyStateMachine;
  readonly state: string;
}

// biome-ignore lint/suspicious/noExplicitAny: ports of a layer carry different types; joining checks them where they are named
export type AnyPort = Port<any, any>;

/**
 * One layer of a device: machines that decide, frame handlers that carry, ports to its neighbours. The same contract for
 * every layer; the compliance suite (test/support/compliance.ts) holds each to it.
 */
export abstract class Layer {
  /** Reference numeral, e.g. `2006`; unique within its device. */
  readonly label: string;
  /** What it is, e.g. `intermediate-driver`. */
  abstract readonly kind: string;
  /** All its ports by name. */
  readonly ports: Readonly<Record<string, AnyPort>> = {};
  /** Frames that ended here, by reason. */
  readonly drops = new Map<DropReason, number>();
  /** Plain counters for status and metrics. */
  readonly counters: Record<string, number> = {};
  protected readonly host: LayerHost;

  constructor(host: LayerHost, label: string) {
    this.host = host;
    this.label = label;
  }

  /** Called once when its device starts, from the bottom layer to the top. */
  start(): void {}

  /** Called when its device stops, from the top layer to the bottom: ends sessions in order, clears timers. */
  stop(): void {}

  /** A timer that this layer armed has fired. */
  timerFired(_name: string): void {}

  /** An operator's or the outside's event for this layer (`connect`, TLS event, link up); false when it means nothing here. */
  outsideEvent(_name: string, _data: JournalData): boolean {
    return false;
  }

  abstract save(): SavedLayer;
  abstract restore(saved: SavedLayer): void;

  /** Machines alive in this layer now. */
  machines(): readonly MachineView[] {
    return [];
  }

  /** Makes a port and subscribes its handler. */
  protected addPort<In, Out>(name: string, onReceived: (message: In) => void): Port<In, Out> {
    const port = this.host.port<In, Out>(this.label, name);
    port.received$.subscribe(new HandlerSubscriber(onReceived));
    (this.ports as Record<string, AnyPort>)[name] = port;
    return port;
  }

  /** A machine of this layer; `instance` tells several of one kind apart. */
  protected machineHost<M extends AnyStateMachine, D>(options: {
    machine: M;
    instance?: string;
    input?: InputFrom<M>;
    decide: (snapshot: SnapshotFrom<M>) => D;
    execute: (command: MachineCommand) => void;
  }): MachineHost<M, D> {
    return new MachineHost({
      ...options,
      instance: options.instance ?? '',
      observer: this.host.observer(this.label),
    });
  }

  protected setTimer(name: string, delay_us: number): void {
    this.host.setTimer(this.label, name, delay_us);
  }

  protected clearTimer(name: string): void {
    this.host.clearTimer(this.label, name);
  }

  /** Ends a frame, with its reason counted and journaled. */
  protected drop(reason: DropReason, frame?: Frame, detail?: JournalData): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    this.host.drop(this.label, reason, frame, detail);
  }

  protected count(name: string, by = 1): void {
    this.counters[name] = (this.counters[name] ?? 0) + by;
  }

  protected note(name: string, data: JournalData): void {
    this.host.note(this.label, name, data);
  }
}
