import type { Device } from '../actors/device.ts';
import type { Layer } from '../actors/layer.ts';

/** Machines of one layer that a view lists; a layer with more tells their number. */
export const MACHINES_SHOWN = 48;

/** A machine that is alive, and the state it is in. */
export interface MachineState {
  readonly instance: string;
  /** Id of its definition. */
  readonly machine: string;
  readonly state: string;
}

export interface LayerView {
  readonly label: string;
  readonly kind: string;
  readonly machines: readonly MachineState[];
  /** Machines alive; more than `machines` lists when there are many. */
  readonly machineCount: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
}

/** A device and its layers, from the top one down. */
export interface DeviceView {
  readonly name: string;
  readonly layers: readonly LayerView[];
}

export interface CableView {
  readonly name: string;
  /** Names of the devices at its ends. */
  readonly a: string;
  readonly b: string;
}

/** All that a source knows at one moment. Plain data. */
export interface SourceView {
  /** Time of the source's clock, microseconds. */
  readonly time_us: number;
  /** False while the source cannot be reached. */
  readonly alive: boolean;
  readonly devices: readonly DeviceView[];
  readonly cables: readonly CableView[];
}

/** A source that cannot be reached yet, or any more. */
export const ABSENT: SourceView = { time_us: 0, alive: false, devices: [], cables: [] };

/** What there is to see of a device now. */
export function deviceView({ name, layers }: Device): DeviceView {
  return { name, layers: layers.map(layerView) };
}

function layerView(layer: Layer): LayerView {
  const machines = layer.machines();
  return {
    label: layer.label,
    kind: layer.kind,
    machines: machines
      .slice(0, MACHINES_SHOWN)
      .map(({ instance, machine, state }) => ({ instance, machine: machine.id, state })),
    machineCount: machines.length,
    counters: { ...layer.counters },
    drops: Object.fromEntries(layer.drops),
  };
}

/** A gateway is what has an SSL layer of its own; every other device is on its way. */
export function isGateway({ layers }: DeviceView): boolean {
  return layers.some(({ kind }) => kind === 'ssl');
}
