import type { DropReason } from '../../src/actors/drop-reason.ts';
import { type ChecksumVerdict, type Frame, newFrame, type Offload } from '../../src/actors/frame.ts';
import type { LayerHost } from '../../src/actors/host.ts';
import type { AnyPort, Layer } from '../../src/actors/layer.ts';
import type { MachineObserver } from '../../src/actors/machine-host.ts';
import { Port } from '../../src/actors/port.ts';
import { SeededRandom } from '../../src/actors/random.ts';
import { RunQueue } from '../../src/actors/run-queue.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { TlsEngine, TlsOpen } from '../../src/actors/ssl/tls-provider.ts';
import type { JournalData } from '../../src/actors/tap.ts';
import { TimerTable } from '../../src/actors/timer-table.ts';
import { nobleProvider } from '../../src/engine/crypto/noble.ts';
import { createVault, PROCESS_SECRET_BYTES, type Vault } from '../../src/engine/crypto/vault.ts';

/** Something that a layer did, in order. */
export type Output =
  | { readonly kind: 'send'; readonly time_us: number; readonly port: string; readonly message: unknown }
  | { readonly kind: 'drop'; readonly time_us: number; readonly reason: DropReason; readonly frame: number }
  | { readonly kind: 'note'; readonly time_us: number; readonly name: string; readonly data: JournalData }
  | {
      readonly kind: 'transition';
      readonly instance: string;
      readonly machine: string;
      readonly event: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: 'tls'; readonly engine: string; readonly call: string; readonly data: unknown };

/** Where a host stands between two inputs; with the layer's own `save()` it makes a run go on elsewhere. */
export interface SavedHost {
  readonly now_us: number;
  readonly frameId: number;
  readonly random: readonly number[];
  readonly timers: ReturnType<TimerTable['save']>;
  readonly vaultCalls: readonly VaultCall[];
  readonly tls: readonly string[];
}

type VaultCall = (vault: Vault) => void;

/**
 * A world for one layer under test: virtual time, seeded random bytes, a deterministic vault, TLS engines that only write down what they
 * are told. Every port of the layer is joined to a peer: {@link inject} sends in, {@link outputs} has what came out.
 *
 * ```ts
 * const host = new TestHost();
 * const layer = host.attach(new DriverLayer(host, '2007'));
 * host.start();
 * host.inject('lower', host.frame(bytes));
 * expect(host.sentOn('upper')).toHaveLength(1);
 * ```
 */
export class TestHost implements LayerHost {
  readonly scheduler = new VirtualScheduler();
  readonly outputs: Output[] = [];
  /** Every secret that the vault came to hold. */
  readonly secrets: Uint8Array[] = [];
  readonly vault: Vault;
  readonly #queue = new RunQueue();
  readonly #random: SeededRandom;
  readonly #timers: TimerTable;
  readonly #peers = new Map<string, AnyPort>();
  readonly #tls = new Map<string, TlsEngine>();
  readonly #vaultCalls: VaultCall[] = [];
  readonly #realVault: Vault;
  #layer: Layer | undefined;
  #frameId = 0;

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed, 'test-host');
    const secret = new Uint8Array(PROCESS_SECRET_BYTES).fill(seed);
    this.#realVault = createVault({ provider: nobleProvider, secret, onSecret: (bytes) => this.secrets.push(bytes) });
    this.vault = this.#loggedVault();
    this.#timers = new TimerTable(this.scheduler, (layer, name) => {
      this.#timers.fired(layer, name);
      this.#run(() => this.#layer?.timerFired(name));
    });
  }

  /** Puts the layer in place: joins a peer to each of its ports. Give it back for chaining. */
  attach<L extends Layer>(layer: L): L {
    this.#layer = layer;
    for (const [name, port] of Object.entries(layer.ports)) {
      const peer: AnyPort = new Port('test', name, this.#queue);
      peer.received$.subscribe((message) =>
        this.outputs.push({ kind: 'send', time_us: this.now_us(), port: name, message }),
      );
      Port.join(peer, port);
      this.#peers.set(name, peer);
    }
    return layer;
  }

  start(): void {
    this.#run(() => this.#layer?.start());
  }

  stop(): void {
    this.#run(() => this.#layer?.stop());
  }

  /** A message arrives at the layer's port and is worked off. */
  inject(port: string, message: unknown): void {
    const peer = this.#peers.get(port);
    if (peer === undefined) throw new Error(`the layer has no port ${port}`);
    this.#run(() => peer.send(message));
  }

  /** A frame arrives at the layer's port. */
  injectBytes(port: string, bytes: Uint8Array, checksum: ChecksumVerdict = 'good'): Frame {
    const frame = this.frame(bytes, undefined, checksum);
    this.inject(port, frame);
    return frame;
  }

  /** An outside event; what the layer answered. */
  event(name: string, data: JournalData = null): boolean {
    let known = false;
    this.#run(() => {
      known = this.#layer?.outsideEvent(name, data) ?? false;
    });
    return known;
  }

  /** Lets time pass; timers fire. */
  advance(time_us: number): void {
    this.scheduler.runUntil(this.scheduler.now_us() + time_us);
  }

  /** Messages that the layer sent on a port. */
  sentOn<T = Frame>(port: string): T[] {
    return this.outputs.flatMap((output) =>
      output.kind === 'send' && output.port === port ? [output.message as T] : [],
    );
  }

  dropReasons(): DropReason[] {
    return this.outputs.flatMap((output) => (output.kind === 'drop' ? [output.reason] : []));
  }

  notes(name: string): JournalData[] {
    return this.outputs.flatMap((output) => (output.kind === 'note' && output.name === name ? [output.data] : []));
  }

  /** Names of the timers that are armed, with their deadlines. */
  timers(): readonly (readonly [name: string, deadline_us: number])[] {
    return this.#timers.save().map(([, name, deadline_us]) => [name, deadline_us] as const);
  }

  save(): SavedHost {
    return {
      now_us: this.now_us(),
      frameId: this.#frameId,
      random: this.#random.save(),
      timers: this.#timers.save(),
      vaultCalls: [...this.#vaultCalls],
      tls: [...this.#tls.keys()],
    };
  }

  restore(saved: SavedHost): void {
    this.scheduler.runUntil(saved.now_us);
    this.#frameId = saved.frameId;
    this.#random.restore(saved.random);
    for (const call of saved.vaultCalls) {
      this.#vaultCalls.push(call);
      call(this.#realVault);
    }
    for (const engine of saved.tls) this.#tls.set(engine, this.#fakeTls(engine));
    this.#timers.restore(saved.timers);
  }

  // ---- LayerHost ----

  now_us(): number {
    return this.scheduler.now_us();
  }

  setTimer(layer: string, name: string, delay_us: number): void {
    this.#timers.set(layer, name, this.now_us() + Math.max(0, Math.ceil(delay_us)));
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

  drop(_layer: string, reason: DropReason, frame?: Frame): void {
    this.outputs.push({ kind: 'drop', time_us: this.now_us(), reason, frame: frame?.id ?? 0 });
  }

  note(_layer: string, name: string, data: JournalData): void {
    this.outputs.push({ kind: 'note', time_us: this.now_us(), name, data });
  }

  observer(_layer: string): MachineObserver {
    return {
      transition: (instance, machine, { type }, from, to) =>
        this.outputs.push({ kind: 'transition', instance, machine, event: type, from, to }),
      command: () => {},
    };
  }

  openTls(_layer: string, engine: string, options: TlsOpen): void {
    this.#tlsCall(engine, 'open', { role: options.role });
    this.#tls.set(engine, this.#fakeTls(engine));
  }

  tlsEngine(_layer: string, engine: string): TlsEngine | undefined {
    return this.#tls.get(engine);
  }

  closeTls(_layer: string, engine: string): void {
    if (this.#tls.delete(engine)) this.#tlsCall(engine, 'destroy', null);
  }

  // ---- inside ----

  #run(first: () => void): void {
    first();
    this.#queue.drain();
  }

  #tlsCall(engine: string, call: string, data: unknown): void {
    this.outputs.push({ kind: 'tls', engine, call, data });
  }

  /** Writes down what it is told; its events are the test's to send (`event('tls', { engine, … })`). */
  #fakeTls(engine: string): TlsEngine {
    const call = (name: string, data: unknown = null) => this.#tlsCall(engine, name, data);
    return {
      start: () => call('start'),
      receive: (bytes) => call('receive', bytes.slice()),
      receiveEnd: () => call('receiveEnd'),
      write: (bytes) => {
        call('write', bytes.slice());
        return true;
      },
      exportSecret: (label, context, length) => {
        call('exportSecret', { label, context: context.slice(), length });
        return this.vault.importBase(fakeSecret(context, length));
      },
      end: () => call('end'),
      destroy: () => call('destroy'),
    };
  }

  /** The vault with the calls that change it written down: a restored host does them again and so has the same key ids. */
  #loggedVault(): Vault {
    const real = this.#realVault;
    const logged = <T>(call: (vault: Vault) => T): T => {
      this.#vaultCalls.push(call);
      return call(real);
    };
    return {
      importBase: (secret) => {
        const copy = secret.slice();
        return logged((vault) => vault.importBase(copy.slice()));
      },
      deriveTraffic: (...args) => logged((vault) => vault.deriveTraffic(...args)),
      deriveStream: (...args) => logged((vault) => vault.deriveStream(...args)),
      applyStream: (key, position, bytes) => real.applyStream(key, position, bytes),
      nextEpoch: (key) => logged((vault) => vault.nextEpoch(key)),
      forget: (key) => logged((vault) => vault.forget(key)),
      seal: (key, header, plaintext) => real.seal(key, header, plaintext),
      open: (key, record) => real.open(key, record),
      cookie: (input) => real.cookie(input),
      isn: (tuple, time_us) => real.isn(tuple, time_us),
    };
  }
}

/** The same at both ends of a session, because both give the same context. */
function fakeSecret(context: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => (context[index % context.length] ?? 0) ^ (index + 1));
}
