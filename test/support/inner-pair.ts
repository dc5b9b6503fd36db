import { type Frame, newFrame } from '../../src/actors/frame.ts';
import { InnerLeg, type InnerLegOptions } from '../../src/actors/inner-leg/leg.ts';
import type { InnerSession } from '../../src/actors/inner-leg/session.ts';
import type { LocalSide } from '../../src/actors/inner-leg/session-host.ts';
import { SeededRandom } from '../../src/actors/random.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import { TimerTable } from '../../src/actors/timer-table.ts';
import { concat } from '../../src/wire/bytes.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { type InnerEnds, readInnerUnits } from '../../src/wire/inner-frame.ts';
import type { InnerMessage } from '../../src/wire/inner-leg.ts';

export const TERMINAL = { mac: 0x02_00_00_00_00_21, ip: 0xc0_a8_07_15 };
export const SERVER = { mac: 0x02_00_00_00_00_31, ip: 0xc0_a8_07_1f };
export const SERVER_PORT = 80;
const DELAY_US = 2_000;
const SILENT = { transition: () => {}, command: () => {} };

/** A host's TCP that only remembers what was asked of it. */
export class RecordedLocal implements LocalSide {
  readonly session: InnerSession;
  readonly calls: string[] = [];
  readonly #written: Uint8Array[] = [];
  consumedBytes = 0;
  isGone = false;

  constructor(session: InnerSession) {
    this.session = session;
  }

  open = () => this.#note('open');
  release = () => this.#note('release');
  refuse = (reason: number, code: number) => this.#note(`refuse ${reason} ${code}`, true);
  bypass = (heard: boolean) => this.#note(`bypass ${heard}`, true);
  close = () => this.#note('close');
  abort = () => this.#note('abort', true);
  timerFired = (name: string) => this.#note(`timer ${name}`);
  save = () => this.isGone;
  restore = (saved: unknown) => {
    this.isGone = saved === true;
  };
  consumed(bytes: number): void {
    this.consumedBytes += bytes;
  }
  write(bytes: Uint8Array, urgent: boolean): void {
    this.#written.push(bytes);
    if (urgent) this.calls.push(`urgent ${bytes.length}`);
  }

  get written(): Uint8Array {
    return concat(...this.#written);
  }

  /** The connection ends in good order. */
  finish(): void {
    this.isGone = true;
    this.session.localClosed('normal');
    this.session.localGone();
  }

  #note(call: string, gone = false): void {
    this.calls.push(call);
    if (gone) this.isGone = true;
  }
}

/** One end of the inner leg. */
export class InnerEnd {
  readonly locals: RecordedLocal[] = [];
  readonly drops: string[] = [];
  readonly counts: string[] = [];
  readonly forgotten: string[] = [];
  readonly timers: TimerTable;
  refusal: number | undefined;
  leg: InnerLeg;
  readonly #options: InnerLegOptions;
  readonly #host: ConstructorParameters<typeof InnerLeg>[0];

  constructor(
    scheduler: VirtualScheduler,
    options: Partial<InnerLegOptions>,
    seed: number,
    toLine: (bytes: Uint8Array) => void,
  ) {
    const random = new SeededRandom(seed);
    this.timers = new TimerTable(scheduler, (layer, name) => {
      this.timers.fired(layer, name);
      this.leg.timerFired(name);
    });
    this.#options = { mtu: 1500, handshake: 'hold', ...options };
    this.#host = {
      now_us: () => scheduler.now_us(),
      setTimer: (name, delay_us) => this.timers.set('', name, scheduler.now_us() + delay_us),
      clearTimer: (name) => this.timers.clear('', name),
      randomBytes: (length) => random.bytes(length),
      observer: SILENT,
      toLine,
      local: (session) => {
        const local = new RecordedLocal(session);
        this.locals.push(local);
        return local;
      },
      refusal: () => this.refusal,
      drop: (reason, _frame, detail) => this.drops.push(`${reason} ${detail ?? ''}`.trim()),
      count: (name) => this.counts.push(name),
      ended: ({ key }) => this.forgotten.push(key),
    };
    this.leg = new InnerLeg(this.#host, this.#options);
  }

  /** The local side made last. */
  get local(): RecordedLocal {
    return this.locals.at(-1) as RecordedLocal;
  }

  /** Lives on from its saved state alone. */
  restore(): void {
    const saved = structuredClone(this.leg.save());
    this.leg = new InnerLeg(this.#host, this.#options);
    this.leg.restore(saved);
  }
}

export interface Crossing {
  readonly from: 'near' | 'far';
  readonly message: InnerMessage;
}

/** A near and a far end with a line between them that takes {@link DELAY_US} each way. */
export class InnerPair {
  readonly scheduler = new VirtualScheduler();
  readonly near: InnerEnd;
  readonly far: InnerEnd;
  readonly crossed: Crossing[] = [];
  /** False swallows a frame. */
  passes: (crossing: Crossing) => boolean = () => true;
  #ids = 0;

  constructor(options: Partial<InnerLegOptions> = {}) {
    this.near = new InnerEnd(this.scheduler, options, 1, (bytes) => this.#carry('near', bytes));
    this.far = new InnerEnd(this.scheduler, options, 2, (bytes) => this.#carry('far', bytes));
  }

  /** The terminal's SYN from `port` is held. */
  open(port = 40_000): RecordedLocal {
    this.near.leg.openNear(endsOf(port), { destination: SERVER.mac, source: TERMINAL.mac })?.open();
    return this.near.local;
  }

  /** A session that stands. */
  connect(port = 40_000): { near: RecordedLocal; far: RecordedLocal } {
    const near = this.open(port);
    this.pass(DELAY_US);
    const far = this.far.local;
    far.session.localConnected();
    this.pass(DELAY_US);
    return { near, far };
  }

  pass(time_us: number): void {
    this.scheduler.runUntil(this.scheduler.now_us() + time_us);
  }

  /** Kinds of units that went from one end, in order. */
  kinds(from: 'near' | 'far'): string[] {
    return this.crossed.filter((each) => each.from === from).map(({ message }) => message.kind);
  }

  frame(bytes: Uint8Array): Frame {
    return newFrame(++this.#ids, bytes, undefined, 'good', undefined);
  }

  /** Gives a frame to an end. */
  arrive(at: 'near' | 'far', bytes: Uint8Array): void {
    const parsed = parseFrame(bytes);
    if (parsed.ok) this[at].leg.frame(this.frame(bytes), parsed);
  }

  #carry(from: 'near' | 'far', bytes: Uint8Array): void {
    const parsed = parseFrame(bytes);
    const [message] = readInnerUnits(bytes, parsed.payloadOffset, parsed.payloadEnd).messages;
    const crossing = { from, message };
    this.crossed.push(crossing);
    if (!this.passes(crossing)) return;
    this.scheduler.at(this.scheduler.now_us() + DELAY_US, () => this.arrive(from === 'near' ? 'far' : 'near', bytes));
  }
}

export function endsOf(port: number): InnerEnds {
  return { local: TERMINAL.ip, localPort: port, remote: SERVER.ip, remotePort: SERVER_PORT };
}
