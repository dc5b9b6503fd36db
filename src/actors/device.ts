import type { Vault } from '../engine/crypto/vault.ts';
import type { Ip4 } from '../wire/address.ts';
import type { DropReason } from './drop-reason.ts';
import { type ChecksumVerdict, type Frame, newFrame, type Offload } from './frame.ts';
import { frameData } from './frame-data.ts';
import type { LayerHost } from './host.ts';
import type { Layer, SavedLayer } from './layer.ts';
import type { MachineCommand, MachineObserver } from './machine-host.ts';
import { Port } from './port.ts';
import { recordedTls } from './recorded-tls.ts';
import { KeyCounter, recordedVault } from './recorded-vault.ts';
import { RunQueue } from './run-queue.ts';
import type { TlsEngine, TlsEvent, TlsOpen } from './ssl/tls-provider.ts';
import type { JournalData } from './tap.ts';
import { TimerTable } from './timer-table.ts';
import type { World } from './world.ts';

/** What comes from outside into a device. Everything that a device does follows from these, in their order. */
export type DeviceInput =
  | {
      readonly kind: 'frame';
      readonly port: string;
      readonly bytes: Uint8Array;
      readonly checksum: ChecksumVerdict;
      /** Of a TCP frame that an offloading interface left unfinished: see {@link Offload}. */
      readonly segment_bytes?: number;
    }
  | { readonly kind: 'timer'; readonly layer: string; readonly name: string }
  | { readonly kind: 'start' }
  | { readonly kind: 'stop' }
  /** Operator's commands, TLS events, link changes: see {@link Layer.outsideEvent}. */
  | { readonly kind: 'event'; readonly layer: string; readonly name: string; readonly data: JournalData };

/** Actor of the inputs that concern a device as a whole: `build` (it came to be), `start`, `stop`. No layer may have this label. */
export const DEVICE_ACTOR = 'device';

/** What a device is told beside its layers. */
export interface DeviceOptions {
  /**
   * Own IPv4 addresses that tunnels end at. Of frames from or to them the journal keeps what stands in clear behind the headers: the
   * device's layers read that. Of all other frames it keeps no payload.
   */
  readonly tunnelAddresses?: readonly Ip4[];
}

/** Versioned plain data of a whole device. */
export interface SavedDevice {
  readonly version: 1;
  readonly frameId: number;
  /** Highest key id seen. */
  readonly keys: number;
  /** Open TLS engines. */
  readonly tls: readonly (readonly [layer: string, engine: string])[];
  readonly timers: readonly (readonly [layer: string, name: string, deadline_us: number])[];
  readonly layers: Readonly<Record<string, SavedLayer>>;
}

/**
 * An ordered list of layers (top to bottom) with joined ports, the boundary ports that its cables plug into, and the run queue.
 * Handles one input at a time, to the end.
 */
export class Device implements LayerHost {
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly vault: Vault;
  /** Gets each frame that leaves at a boundary port. */
  onOutput: (port: string, frame: Frame) => void = () => {};
  readonly #world: World;
  readonly #queue = new RunQueue();
  readonly #byLabel: ReadonlyMap<string, Layer>;
  readonly #boundaries = new Map<string, Port<Frame, Frame>>();
  readonly #tlsEngines = new Map<string, OpenEngine>();
  readonly #keys = new KeyCounter();
  readonly #timers: TimerTable;
  readonly #waiting: DeviceInput[] = [];
  #now_us: number;
  readonly #tunnelAddresses: readonly Ip4[];
  #frameId = 0;
  #busy = false;

  /** `build` makes and joins the layers; it gets this device as their host. */
  constructor(
    world: World,
    name: string,
    build: (device: Device) => readonly Layer[],
    { tunnelAddresses = [] }: DeviceOptions = {},
  ) {
    this.#world = world;
    this.name = name;
    this.#tunnelAddresses = tunnelAddresses;
    this.#now_us = world.scheduler.now_us();
    this.vault = recordedVault(
      world,
      name,
      () => this.#queue.cause,
      () => this.#now_us,
      this.#keys,
    );
    this.#timers = new TimerTable(world.scheduler, (layer, timer) => this.input({ kind: 'timer', layer, name: timer }));
    this.#recordOwnInput('build');
    this.layers = build(this);
    this.#queue.cause = 0;
    this.#byLabel = new Map(this.layers.map((layer) => [layer.label, layer]));
    if (this.#byLabel.has(DEVICE_ACTOR)) throw new Error(`device ${name}: no layer may be called ${DEVICE_ACTOR}`);
    if (this.#byLabel.size !== this.layers.length) throw new Error(`device ${name}: two layers have one label`);
  }

  /** A port of the device's edge for the lowest layer to be joined to; a cable or a real interface stands behind it. */
  boundary(name: string): Port<Frame, Frame> {
    const port = new Port<Frame, Frame>(name, 'cable', this.#queue);
    port.received$.subscribe((frame) => this.#output(name, frame));
    this.#boundaries.set(name, port);
    return port;
  }

  get boundaryNames(): readonly string[] {
    return [...this.#boundaries.keys()];
  }

  layer(label: string): Layer {
    const layer = this.#byLabel.get(label);
    if (layer === undefined) throw new Error(`device ${this.name} has no layer ${label}`);
    return layer;
  }

  start(): void {
    this.input({ kind: 'start' });
  }

  /** Ends sessions in order, from the top layer down. */
  stop(): void {
    this.input({ kind: 'stop' });
  }

  /** Takes one input and works until nothing is left to do; one that arrives meanwhile waits its turn. */
  input(input: DeviceInput): void {
    if (this.#busy) {
      this.#waiting.push(input);
      return;
    }
    this.#handle(() => this.#dispatch(input));
  }

  save(): SavedDevice {
    return {
      version: 1,
      frameId: this.#frameId,
      keys: this.#keys.last,
      tls: [...this.#tlsEngines.values()].map(({ layer, engine }) => [layer, engine] as const),
      timers: this.#timers.save(),
      layers: Object.fromEntries(this.layers.map((layer) => [layer.label, layer.save()])),
    };
  }

  restore(saved: SavedDevice): void {
    this.#frameId = saved.frameId;
    this.#keys.last = saved.keys;
    this.#reopenTls(saved.tls);
    this.#timers.restore(saved.timers);
    for (const layer of this.layers) {
      const state = saved.layers[layer.label];
      if (state === undefined) throw new Error(`saved state of ${this.name} lacks layer ${layer.label}`);
      layer.restore(structuredClone(state));
    }
  }

  /** Disarms all timers and forgets TLS engines: nothing happens in this device any more. */
  destroy(): void {
    this.#timers.clearAll();
    for (const { opened } of this.#tlsEngines.values()) opened.destroy();
    this.#tlsEngines.clear();
  }

  // ---- LayerHost ----

  now_us(): number {
    return this.#now_us;
  }

  setTimer(layer: string, name: string, delay_us: number): void {
    // Rounded up: a timer never fires before its time, and so never finds a rest to wait for again.
    this.#timers.set(layer, name, this.#now_us + Math.max(0, Math.ceil(delay_us)));
  }

  clearTimer(layer: string, name: string): void {
    this.#timers.clear(layer, name);
  }

  /** When an armed timer is due; undefined when it is not armed. */
  timerDeadline_us(layer: string, name: string): number | undefined {
    return this.#timers.deadline_us(layer, name);
  }

  randomBytes(layer: string, length: number): Uint8Array {
    return this.#world.answer(this.name, layer, 'random', this.#queue.cause, this.#now_us, {
      compute: () => this.#world.random.bytes(length),
      toData: (bytes) => bytes,
      // Only an altered journal has another length; the layer must get what it asked for all the same.
      fromData: (data) => (data instanceof Uint8Array && data.length === length ? data : new Uint8Array(length)),
    });
  }

  frame(bytes: Uint8Array, parent?: Frame, checksum: ChecksumVerdict = 'good', offload?: Offload): Frame {
    return newFrame(++this.#frameId, bytes, parent, checksum, offload);
  }

  port<In, Out>(layer: string, name: string): Port<In, Out> {
    return new Port<In, Out>(layer, name, this.#queue, this.#world.wants('crossing') ? this.#crossing : undefined);
  }

  drop(layer: string, reason: DropReason, frame?: Frame, detail?: JournalData): void {
    if (!this.#world.wants('drop')) return;
    this.#record('drop', layer, reason, {
      ...(frame && { frame: frame.id, length: frame.bytes.length }),
      ...(detail !== undefined && { detail }),
    });
  }

  note(layer: string, name: string, data: JournalData): void {
    if (this.#world.wants('note')) this.#record('note', layer, name, data);
  }

  observer(layer: string): MachineObserver {
    const actor = (instance: string): string => (instance === '' ? layer : `${layer}/${instance}`);
    return {
      transition: (instance, machine, event, from, to) => {
        if (this.#world.wants('transition')) {
          this.#queue.cause = this.#record('transition', actor(instance), event.type, { machine, from, to });
        }
      },
      command: (instance: string, command: MachineCommand) => {
        if (this.#world.wants('command')) this.#record('command', actor(instance), command.type, null);
      },
    };
  }

  openTls(layer: string, engine: string, options: TlsOpen): void {
    const provider = this.#world.tls;
    if (provider === undefined) throw new Error(`device ${this.name} was built without a TLS provider`);
    const opened = provider.open(this.name, `${layer}/${engine}`, options, (event: TlsEvent) =>
      this.input({ kind: 'event', layer, name: 'tls', data: { engine, ...event } as unknown as JournalData }),
    );
    this.#keepTls(layer, engine, opened);
  }

  tlsEngine(layer: string, engine: string): TlsEngine | undefined {
    return this.#tlsEngines.get(`${layer}/${engine}`)?.opened;
  }

  closeTls(layer: string, engine: string): void {
    const key = `${layer}/${engine}`;
    this.#tlsEngines.get(key)?.opened.destroy();
    this.#tlsEngines.delete(key);
  }

  // ---- inside ----

  #keepTls(layer: string, engine: string, opened: TlsEngine): void {
    const recorded = recordedTls(opened, (question, answer) =>
      this.#world.answer(this.name, layer, question, this.#queue.cause, this.#now_us, answer),
    );
    const exportSecret: TlsEngine['exportSecret'] = (...args) => {
      const id = recorded.exportSecret(...args);
      return id === undefined ? undefined : this.#keys.seen(id);
    };
    this.#tlsEngines.set(`${layer}/${engine}`, { layer, engine, opened: { ...recorded, exportSecret } });
  }

  #reopenTls(engines: SavedDevice['tls']): void {
    for (const [layer, engine] of engines) {
      const opened = this.#world.tls?.reopen?.(this.name, `${layer}/${engine}`);
      if (opened !== undefined) this.#keepTls(layer, engine, opened);
    }
  }

  #recordOwnInput(name: 'build' | 'start' | 'stop'): void {
    if (this.#world.wants('input')) this.#queue.cause = this.#record('input', DEVICE_ACTOR, name, null);
  }

  #handle(first: () => void): void {
    this.#run(first);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const input = next;
      this.#run(() => this.#dispatch(input));
    }
  }

  #run(first: () => void): void {
    this.#busy = true;
    this.#now_us = this.#world.scheduler.now_us();
    try {
      first();
      this.#queue.drain();
    } finally {
      this.#busy = false;
      this.#queue.cause = 0;
    }
  }

  #dispatch(input: DeviceInput): void {
    if (input.kind === 'frame') this.#frameInput(input);
    else if (input.kind === 'timer') this.#timerInput(input.layer, input.name);
    else if (input.kind === 'start') this.#startInput();
    else if (input.kind === 'stop') this.#stopInput();
    else {
      if (this.#world.wants('input')) this.#queue.cause = this.#record('input', input.layer, input.name, input.data);
      this.#byLabel.get(input.layer)?.outsideEvent(input.name, input.data);
    }
  }

  #frameInput(input: DeviceInput & { kind: 'frame' }): void {
    const boundary = this.#boundaries.get(input.port);
    if (boundary === undefined) throw new Error(`device ${this.name} has no port ${input.port}`);
    const { segment_bytes } = input;
    const offload = segment_bytes === undefined ? undefined : { segment_bytes, headroom_bytes: 0 };
    const frame = this.frame(input.bytes, undefined, input.checksum, offload);
    if (this.#world.wants('input')) {
      this.#queue.cause = this.#record('input', input.port, 'frame', {
        ...this.#frameData(input.bytes),
        checksum: input.checksum,
        ...(segment_bytes !== undefined && { segment_bytes }),
        frame: frame.id,
      });
    }
    boundary.send(frame);
  }

  #startInput(): void {
    this.#recordOwnInput('start');
    for (const layer of [...this.layers].reverse()) layer.start();
  }

  #stopInput(): void {
    this.#recordOwnInput('stop');
    for (const layer of this.layers) layer.stop();
  }

  #timerInput(layer: string, name: string): void {
    // It waited for another input, which cleared it.
    if (!this.#timers.fired(layer, name)) return;
    if (this.#world.wants('input')) this.#queue.cause = this.#record('input', layer, 'timer', { timer: name });
    this.#byLabel.get(layer)?.timerFired(name);
  }

  #output(port: string, frame: Frame): void {
    if (this.#world.wants('output'))
      this.#record('output', port, 'frame', { ...this.#frameData(frame.bytes), frame: frame.id, parent: frame.parent });
    this.onOutput(port, frame);
  }

  readonly #crossing = (port: Port<unknown, unknown>, message: unknown): void => {
    const data = isFrame(message)
      ? { ...this.#frameData(message.bytes), frame: message.id, parent: message.parent }
      : { message: (message as { kind?: string }).kind ?? null };
    this.#queue.cause = this.#record('crossing', port.layer, port.name, data);
  };

  #frameData(bytes: Uint8Array): ReturnType<typeof frameData> {
    return frameData(bytes, this.#tunnelAddresses);
  }

  #record(kind: Parameters<World['record']>[0]['kind'], actor: string, name: string, data: JournalData): number {
    return this.#world.record({
      kind,
      time_us: this.#now_us,
      device: this.name,
      actor,
      name,
      data,
      cause: this.#queue.cause,
    });
  }
}

interface OpenEngine {
  readonly layer: string;
  readonly engine: string;
  readonly opened: TlsEngine;
}

function isFrame(message: unknown): message is Frame {
  return typeof message === 'object' && message !== null && 'bytes' in message && 'checksum' in message;
}
