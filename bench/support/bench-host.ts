import { type ChecksumVerdict, type Frame, newFrame, type Offload } from '../../src/actors/frame.ts';
import type { LayerHost } from '../../src/actors/host.ts';
import type { AnyPort, Layer } from '../../src/actors/layer.ts';
import type { MachineObserver } from '../../src/actors/machine-host.ts';
import { Port } from '../../src/actors/port.ts';
import { SeededRandom } from '../../src/actors/random.ts';
import { RunQueue } from '../../src/actors/run-queue.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { TlsEngine, TlsOpen } from '../../src/actors/ssl/tls-provider.ts';
import { type JournalData, NO_JOURNAL } from '../../src/actors/tap.ts';
import { TimerTable } from '../../src/actors/timer-table.ts';
import type { World } from '../../src/actors/world.ts';
import type { Vault } from '../../src/engine/crypto/vault.ts';
import { labWorld } from '../../src/lab/world.ts';
import { opensslProvider } from '../../src/transport/openssl/aead.ts';

const SEED = 1;
const SILENT: MachineObserver = { transition: () => {}, command: () => {} };

/** Time, OpenSSL's ciphers and model TLS for hosts that talk to each other. */
export function benchWorld(scheduler = new VirtualScheduler()): World {
  return labWorld({ scheduler, seed: SEED, tap: NO_JOURNAL, aead: opensslProvider });
}

/**
 * A device around one layer, without journal: the layer's messages cross real ports and the run queue, and end in a function per port.
 * What it costs is what a device costs a layer.
 */
export class BenchHost implements LayerHost {
  readonly vault: Vault;
  readonly #world: World;
  /** Of a world of its own; where hosts share one, its maker lets time pass. */
  readonly #scheduler = new VirtualScheduler();
  readonly #name: string;
  readonly #queue = new RunQueue();
  readonly #random = new SeededRandom(SEED, 'bench');
  readonly #timers: TimerTable;
  readonly #peers = new Map<string, AnyPort>();
  readonly #tls = new Map<string, TlsEngine>();
  #layer: Layer | undefined;
  #frameId = 0;
  #drops = 0;

  constructor(name = 'bench', shared?: World) {
    const world = shared ?? benchWorld(this.#scheduler);
    this.#name = name;
    this.#world = world;
    this.vault = world.vaultOf(name);
    this.#timers = new TimerTable(world.scheduler, (layer, timer) => {
      this.#timers.fired(layer, timer);
      this.run(() => this.#layer?.timerFired(timer));
    });
  }

  /** Frames that the layer dropped. */
  get drops(): number {
    return this.#drops;
  }

  /** Puts the layer in place and starts it; `sinks` get what it sends, by port. */
  attach<L extends Layer>(layer: L, sinks: Readonly<Record<string, (message: never) => void>>): L {
    this.#layer = layer;
    for (const [name, port] of Object.entries(layer.ports)) {
      const peer: AnyPort = new Port('bench', name, this.#queue);
      peer.received$.subscribe((message) => sinks[name]?.(message as never));
      Port.join(peer, port);
      this.#peers.set(name, peer);
    }
    this.run(() => layer.start());
    return layer;
  }

  /** A message arrives at the layer's port; it and what follows from it are worked off. */
  inject(port: string, message: unknown): void {
    this.peer(port).send(message);
    this.#queue.drain();
  }

  /** What stands at the other side of a port. */
  peer(port: string): AnyPort {
    const peer = this.#peers.get(port);
    if (peer === undefined) throw new Error(`the layer has no port ${port}`);
    return peer;
  }

  /** Time passes, and timers fire. */
  wait(time_us: number): void {
    this.#scheduler.runUntil(this.#scheduler.now_us() + time_us);
  }

  run(step: () => void): void {
    step();
    this.#queue.drain();
  }

  // ---- LayerHost ----

  now_us(): number {
    return this.#world.scheduler.now_us();
  }

  setTimer(layer: string, name: string, delay_us: number): void {
    this.#timers.set(layer, name, this.now_us() + Math.max(0, Math.round(delay_us)));
  }

  clearTimer(layer: string, name: string): void {
    this.#timers.clear(layer, name);
  }

  randomBytes(_layer: string, length: number): Uint8Array {
    return this.#random.bytes(length);
  }

  frame(bytes: Uint8Array, parent?: Frame, checksum: ChecksumVerdict = 'good', offload?: Offload): Frame {
    return newFrame(++this.#frameId, bytes, parent, checksum, offload);
  }

  port<In, Out>(layer: string, name: string): Port<In, Out> {
    return new Port<In, Out>(layer, name, this.#queue);
  }

  drop(): void {
    this.#drops += 1;
  }

  note(): void {}

  observer(): MachineObserver {
    return SILENT;
  }

  openTls(layer: string, engine: string, options: TlsOpen): void {
    const opened = this.#world.tls?.open(this.#name, `${layer}/${engine}`, options, (event) =>
      this.#queue.push(
        () => void this.#layer?.outsideEvent('tls', { engine, ...event } as unknown as JournalData),
        undefined,
      ),
    );
    if (opened !== undefined) this.#tls.set(engine, opened);
  }

  tlsEngine(_layer: string, engine: string): TlsEngine | undefined {
    return this.#tls.get(engine);
  }

  closeTls(_layer: string, engine: string): void {
    this.#tls.delete(engine);
  }
}
