import { assign, setup } from 'xstate';
import { Device } from '../../src/actors/device.ts';
import type { Frame } from '../../src/actors/frame.ts';
import type { LayerHost } from '../../src/actors/host.ts';
import { Layer, type SavedLayer } from '../../src/actors/layer.ts';
import type { MachineCommand, MachineHost } from '../../src/actors/machine-host.ts';
import { Port } from '../../src/actors/port.ts';
import { SeededRandom } from '../../src/actors/random.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { TlsEngine, TlsEvent } from '../../src/actors/ssl/tls-provider.ts';
import type { JournalData, JournalTap } from '../../src/actors/tap.ts';
import { World, type WorldTls } from '../../src/actors/world.ts';
import { nobleProvider } from '../../src/engine/crypto/noble.ts';
import { createVault, type Vault } from '../../src/engine/crypto/vault.ts';
import type { DeviceBuilder } from '../../src/journal/replay.ts';
import { command } from '../../src/machines/command.ts';

/**
 * A small device that uses all that a journal must record: two layers, a machine, random draws, timers, vault questions, TLS.
 * It asks questions (frames of an unknown EtherType), again after a time-out, and seals what it learned.
 */
const TIMEOUT_US = 1000;
const QUESTION_BYTES = 60;
const ETHER_TYPE = 0x88b6;
const HEADER_BYTES = 14;

const askerMachine = setup({
  types: {} as { context: { asked: number }; events: { type: 'ASK' } | { type: 'ANSWERED' } | { type: 'TIMED_OUT' } },
  actions: { sendQuestion: command(), learn: command(), giveUp: command() },
  guards: { mayRetry: ({ context }) => context.asked < 3 },
}).createMachine({
  id: 'asker',
  initial: 'IDLE',
  context: { asked: 0 },
  states: {
    IDLE: { on: { ASK: { target: 'WAITING', actions: [assign({ asked: 1 }), 'sendQuestion'] } } },
    WAITING: {
      on: {
        ANSWERED: { target: 'IDLE', actions: 'learn' },
        TIMED_OUT: [
          { guard: 'mayRetry', actions: [assign({ asked: ({ context }) => context.asked + 1 }), 'sendQuestion'] },
          { target: 'IDLE', actions: 'giveUp' },
        ],
      },
    },
  },
});

class Asker extends Layer {
  readonly kind = 'asker';
  readonly lower: Port<Frame, Frame>;
  readonly #machine: MachineHost<typeof askerMachine, { readonly listens: boolean }>;
  #key = 0;
  #sealed = 0;
  #cookie: JournalData = null;

  constructor(host: LayerHost) {
    super(host, 'asker');
    this.lower = this.addPort('lower', (frame) => this.#received(frame));
    this.#machine = this.machineHost({
      machine: askerMachine,
      decide: (snapshot) => ({ listens: snapshot.value === 'WAITING' }),
      execute: (made) => this.#execute(made),
    });
  }

  override start(): void {
    this.#machine.start();
    this.host.openTls(this.label, 'main', { role: 'client', peer: { names: ['peer'], pins: [] }, sessionLabel: 'x' });
    this.host.tlsEngine(this.label, 'main')?.start();
    this.#cookie = this.host.vault.cookie(Uint8Array.of(1, 2, 3));
  }

  override stop(): void {
    this.clearTimer('again');
    this.host.closeTls(this.label, 'main');
  }

  override outsideEvent(name: string, data: JournalData): boolean {
    if (name === 'ask') this.#machine.send({ type: 'ASK' });
    else if (name === 'tls') this.#tls(data as unknown as TlsEvent);
    else return false;
    return true;
  }

  override timerFired(): void {
    this.#machine.send({ type: 'TIMED_OUT' });
  }

  save(): SavedLayer {
    return { version: 1, machine: this.#machine.save(), key: this.#key, sealed: this.#sealed, cookie: this.#cookie };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#key = saved.key as number;
    this.#sealed = saved.sealed as number;
    this.#cookie = saved.cookie as JournalData;
  }

  #tls(event: TlsEvent): void {
    if (event.kind !== 'secured') return;
    const engine = this.host.tlsEngine(this.label, 'main');
    const base = engine?.exportSecret('EXPORTER-x', new Uint8Array(0), 32);
    if (base !== undefined) this.#key = this.host.vault.deriveTraffic(base, 1, 'c2s', 'data', 0);
    this.note('keyed', { key: this.#key, wrote: engine?.write(Uint8Array.of(9)) ?? false });
  }

  #received(frame: Frame): void {
    if (frame.checksum === 'bad') this.drop('bad-checksum', frame);
    else if (this.#machine.decision.listens) this.#machine.send({ type: 'ANSWERED' });
    else this.drop('stranger', frame, { first: frame.bytes[HEADER_BYTES] });
  }

  #execute({ type }: MachineCommand): void {
    if (type === 'sendQuestion') this.#sendQuestion();
    else this.clearTimer('again');
    if (type === 'learn' && this.#key > 0) this.#seal();
  }

  #sendQuestion(): void {
    const bytes = new Uint8Array(QUESTION_BYTES);
    bytes.set([ETHER_TYPE >> 8, ETHER_TYPE & 0xff], HEADER_BYTES - 2);
    bytes.set(this.host.randomBytes(this.label, 4), HEADER_BYTES);
    new DataView(bytes.buffer).setUint32(
      HEADER_BYTES + 4,
      this.host.vault.isn(bytes.subarray(0, 12), this.host.now_us()),
    );
    this.setTimer('again', TIMEOUT_US);
    this.lower.send(this.host.frame(bytes));
  }

  /** A record under the session's key, opened again (one of three broken before). */
  #seal(): void {
    const header = new Uint8Array(16);
    header.set([0x41, 0, 0, 32 + 3]);
    this.#sealed += 1;
    new DataView(header.buffer).setUint32(12, this.#sealed);
    const record = this.host.vault.seal(this.#key, header, Uint8Array.of(1, 2, 3));
    if (this.#sealed % 3 === 0) record[20] ^= 1;
    this.note('opened', this.host.vault.open(this.#key, record) ?? null);
  }
}

class Edge extends Layer {
  readonly kind = 'edge';
  readonly upper: Port<Frame, Frame>;
  readonly lower: Port<Frame, Frame>;
  #passed = 0;

  constructor(host: LayerHost) {
    super(host, 'edge');
    this.upper = this.addPort('upper', (frame) => this.#pass(this.lower, frame));
    this.lower = this.addPort('lower', (frame) => this.#pass(this.upper, frame));
  }

  save(): SavedLayer {
    return { version: 1, passed: this.#passed };
  }

  restore(saved: SavedLayer): void {
    this.#passed = saved.passed as number;
  }

  #pass(to: Port<Frame, Frame>, frame: Frame): void {
    this.#passed += 1;
    if (this.#passed % 10 === 0) this.note('passed', this.#passed);
    to.send(this.host.frame(frame.bytes, frame, frame.checksum));
  }
}

export const buildTestDevices: DeviceBuilder = (config, world) =>
  (config as { devices: readonly string[] }).devices.map(
    (name) =>
      new Device(world, name, (device) => {
        const asker = new Asker(device);
        const edge = new Edge(device);
        Port.join(asker.lower, edge.upper);
        Port.join(edge.lower, device.boundary('lan'));
        return [asker, edge];
      }),
  );

/** TLS that is secured 300 us after its start. */
function soonSecured(scheduler: VirtualScheduler, vaultOf: (device: string) => Vault): WorldTls {
  const secured = {
    kind: 'secured',
    peerName: 'peer',
    matchedBy: 'name',
    protocol: '',
    cipher: '',
    fingerprint: '',
    pin: '',
  } as const;
  return {
    open: (device, _engine, _options, onEvent): TlsEngine => ({
      start: () => {
        onEvent({ kind: 'output', bytes: Uint8Array.of(0x16, 3, 1) });
        scheduler.at(scheduler.now_us() + 300, () => onEvent(secured));
      },
      receive: () => {},
      receiveEnd: () => {},
      write: () => true,
      exportSecret: () => vaultOf(device).importBase(new Uint8Array(32).fill(7)),
      end: () => {},
      destroy: () => {},
    }),
  };
}

/** A run of test devices on virtual time: what is asked comes back after a while, or not, or broken. */
export class TestRun {
  readonly scheduler = new VirtualScheduler();
  readonly world: World;
  readonly devices: readonly Device[];
  readonly #chance: SeededRandom;
  readonly #vaults = new Map<string, Vault>();

  constructor(tap: JournalTap, names: readonly string[] = ['one'], seed = 1) {
    this.#chance = new SeededRandom(seed, 'lan');
    const vaultOf = (device: string): Vault => {
      const vault =
        this.#vaults.get(device) ?? createVault({ provider: nobleProvider, secret: new Uint8Array(32).fill(3) });
      this.#vaults.set(device, vault);
      return vault;
    };
    const random = new SeededRandom(seed, 'devices');
    this.world = new World({
      scheduler: this.scheduler,
      random,
      vaultOf,
      tls: soonSecured(this.scheduler, vaultOf),
      tap,
    });
    const config = { builder: 'test', devices: [...names] };
    this.world.record({ time_us: 0, device: '', actor: 'run', kind: 'config', name: 'config', data: config, cause: 0 });
    this.devices = buildTestDevices(config, this.world);
    for (const device of this.devices) device.onOutput = (_, frame) => this.#answer(device, frame);
    for (const device of this.devices) device.start();
  }

  /** Lets each device ask so many questions, 5 ms apart. */
  ask(questions: number): void {
    for (let asked = 0; asked < questions; asked++) {
      for (const device of this.devices) {
        const at_us = this.scheduler.now_us() + 50;
        this.scheduler.at(at_us, () => device.input({ kind: 'event', layer: 'asker', name: 'ask', data: null }));
      }
      this.scheduler.runUntil(this.scheduler.now_us() + 5000);
    }
  }

  stop(): void {
    for (const device of this.devices) device.stop();
  }

  #answer(device: Device, frame: Frame): void {
    const chance = this.#chance.fraction();
    if (chance < 0.2) return;
    const bytes = frame.bytes.slice();
    bytes[HEADER_BYTES] ^= 0xff;
    const checksum = chance < 0.3 ? 'bad' : 'good';
    const delay_us = 100 + this.#chance.below(1500);
    this.scheduler.at(this.scheduler.now_us() + delay_us, () =>
      device.input({ kind: 'frame', port: 'lan', bytes, checksum }),
    );
  }
}
