import { frameFromData, membersOf } from '../../actors/frame-data.ts';
import type { HandshakeMode } from '../../actors/services.ts';
import type { JournalRecord } from '../../actors/tap.ts';
import type { F13Shape } from '../../engine/f13.ts';
import { frameText } from '../../lab/frame-text.ts';

/** One step of a tunnel's set-up, in words for somebody who sees one for the first time. */
export interface StoryStep {
  /** What happened; the same name for the same thing in every run. */
  readonly step: string;
  /** In which box: `gateway 30`. */
  readonly box: string;
  /** Monotonic microseconds. */
  readonly time_us: number;
  readonly text: string;
}

/** What a sentence needs to know: numerals of the box it happened in (20 or 30, 2 or 3) and of the one at the other end. */
interface Scene {
  readonly own: number;
  readonly far: number;
  /** `2` in 2006. */
  readonly n: number;
  readonly f: number;
  readonly f13: F13Shape;
  /** How long ago another step was, as `1.2 ms`; undefined when it did not happen. */
  readonly since: (step: string) => string | undefined;
}

/** How the gateways are set up; it changes what happens, or its meaning. */
export interface StoryMode {
  readonly handshake: HandshakeMode;
  readonly f13: F13Shape;
}

interface Line {
  readonly step: string;
  readonly text: (scene: Scene) => string;
}

/**
 * `006|syn.taken`: end of the layer's numeral (006 is the intermediate driver of either gateway) and what its machine met; a key with
 * `|immediate` behind it counts first where SYNs are answered at once.
 */
const ON_TRANSITION: Readonly<Record<string, Line>> = {
  '001|connect': {
    step: 'connect',
    text: ({ n, far }) => `accelerator control ${n}001 is told to open a tunnel to gateway ${far}`,
  },
  '001A|connect': {
    step: 'connect',
    text: ({ n, far }) => `gateway application ${n}001A is told to open a tunnel to gateway ${far}`,
  },
  '003|open.active': {
    step: 'syn-sent',
    text: ({ n, far }) => `TCP ${n}003 wants a connection to gateway ${far}: it sends a SYN`,
  },
  '006|syn.taken': {
    step: 'syn-held',
    text: ({ n }) => `driver ${n}006 takes the SYN away and holds it: no TCP of ours ever crosses the wire`,
  },
  '006|syn.taken|immediate': {
    step: 'syn-answered',
    text: ({ n, far }) => `driver ${n}006 takes the SYN away and answers it at once, before gateway ${far} knows of it`,
  },
  '006|cookie.received': {
    step: 'request',
    text: ({ n }) => `COOKIE came: driver ${n}006 shows it in a connection REQUEST`,
  },
  '006|request.accepted': {
    step: 'syn-forged',
    text: ({ n, f }) =>
      `the cookie is right: driver ${n}006 forges a SYN, as if TCP ${f}003 had sent it, for its own TCP ${n}003`,
  },
  '003|segment.syn': {
    step: 'syn-ack',
    text: ({ n, f }) => `TCP ${n}003 answers with SYN+ACK; it believes that it talks to TCP ${f}003`,
  },
  '006|local.connected': {
    step: 'complete',
    text: ({ n }) => `driver ${n}006 answers ACK in its place, and tells the other end: connection COMPLETE`,
  },
  '006|complete.received': {
    step: 'syn-released',
    text: ({ n, since }) =>
      `connection COMPLETE came: driver ${n}006 gives TCP ${n}003 the SYN+ACK it waited for (held ${since('syn-held') ?? 'not at all'})`,
  },
  '006|complete.received|immediate': {
    step: 'completed',
    text: ({ n, f }) => `connection COMPLETE came: what TCP ${n}003 said meanwhile goes on to TCP ${f}003`,
  },
  '003|segment.syn-ack': {
    step: 'tcp-connected',
    text: ({ n, f }) => `TCP ${n}003 is connected; three connections in a row look to it like one to TCP ${f}003`,
  },
  '003|segment.syn-ack|immediate': {
    step: 'tcp-connected',
    text: ({ n }) => `TCP ${n}003 is connected, so far with its own driver only`,
  },
  '002|tls.secured': {
    step: 'tls-secured',
    text: ({ n, far }) => `SSL ${n}002: TLS 1.3 stands; the certificate is gateway ${far}'s and our CA signed it`,
  },
  '002|offer.received': {
    step: 'agreed',
    text: ({ n }) => `OFFER came: SSL ${n}002 chooses a cipher and derives the record keys`,
  },
  '002|go.received': {
    step: 'go-received',
    text: ({ n }) => `GO came: SSL ${n}002 derives the same keys; none ever crosses a wire`,
  },
  '014|start.commanded': {
    step: 'engine-started',
    text: ({ n }) => `start command: engine ${n}014, between MAC and PHY, seals and opens LAN frames from now on`,
  },
  '014|opened.first': {
    step: 'first-record',
    text: ({ far }) => `the first record of gateway ${far} opened: it has the right keys`,
  },
  '002|opened.first': {
    step: 'first-record',
    text: ({ far }) => `the first record of gateway ${far} opened: it has the right keys`,
  },
  '001|authenticated': {
    step: 'tunnel-up',
    text: ({ far }) => `TUNNEL UP to gateway ${far}: both LANs are one Ethernet now`,
  },
  '001A|authenticated': {
    step: 'tunnel-up',
    text: ({ far }) => `TUNNEL UP to gateway ${far}: both LANs are one Ethernet now`,
  },
};

const ON_COMMAND: Readonly<Record<string, Line>> = {
  '002|sendOffer': {
    step: 'offer',
    text: ({ n }) => `SSL ${n}002 makes an OFFER inside TLS: ciphers, connection id, fragment orders`,
  },
  '002|sendGo': { step: 'go', text: ({ n }) => `the receive keys are in place: SSL ${n}002 says GO` },
  '001|install': {
    step: 'key-hand-over',
    text: ({ n }) =>
      `key hand-over: accelerator control ${n}001 tells engine ${n}014 in a control frame which keys to use (ids, no keys)`,
  },
  '001A|install': {
    step: 'key-hand-over',
    text: ({ n }) =>
      `key hand-over: the record part of SSL ${n}002 seals and opens LAN frames from now on, in software`,
  },
};

/** What stands in a frame on its way out, as `frameText` says it. */
const ON_OUTPUT: readonly (readonly [RegExp, Line])[] = [
  [
    /HELLO/,
    {
      step: 'hello',
      text: ({ n, far, f13 }) =>
        f13 === 'tcp'
          ? `driver ${n}006 sends HELLO to gateway ${far}, shaped like a SYN: firewalls will let answers in`
          : `driver ${n}006 sends HELLO to gateway ${far} in a UDP packet`,
    },
  ],
  [
    /COOKIE/,
    {
      step: 'cookie',
      text: ({ n }) =>
        `driver ${n}006 answers with a COOKIE and remembers nothing: a stranger's packet costs no memory`,
    },
  ],
];

/** TLS flights by whose output it is: `client 1` is its first. */
const FLIGHTS: Readonly<Record<string, Line>> = {
  'client 1': { step: 'tls-client-hello', text: ({ n }) => `SSL ${n}002 begins TLS 1.3: ClientHello` },
  'server 1': {
    step: 'tls-server-flight',
    text: ({ n }) => `SSL ${n}002 answers: ServerHello, its certificate, and asks for one`,
  },
  'client 2': { step: 'tls-client-flight', text: ({ n }) => `SSL ${n}002 sends its certificate and Finished` },
};

const TLS_HANDSHAKE = 22;
const TLS_CHANGE_CIPHER_SPEC = 20;
const TLS_APPLICATION_DATA = 23;
const HANDSHAKE_TYPE_AT = 5;
const CLIENT_HELLO = 1;
const DEVICE = /^gateway(20|30)$/;

/** Tells a tunnel's set-up from the journal records of both gateways, given in the order of time. Each step is told once per box. */
export class Story {
  readonly steps: StoryStep[] = [];
  readonly #mode: StoryMode;
  readonly #tell: (step: StoryStep) => void;
  readonly #when = new Map<string, number>();

  constructor(mode: StoryMode, tell: (step: StoryStep) => void) {
    this.#mode = mode;
    this.#tell = tell;
  }

  /** Both ends carry frames. */
  get isComplete(): boolean {
    return this.#has('tunnel-up', 20) && this.#has('tunnel-up', 30);
  }

  take(record: JournalRecord): void {
    const found = DEVICE.exec(record.device);
    if (found === null) return;
    const own = Number(found[1]);
    const line = this.#lineOf(record, own);
    if (line === undefined || this.#has(line.step, own)) return;
    this.#when.set(`${line.step} ${own}`, record.time_us);
    const far = own === 20 ? 30 : 20;
    const since = (step: string): string | undefined => this.#since(step, own, record.time_us);
    const scene = { own, far, n: own / 10, f: far / 10, f13: this.#mode.f13, since };
    const told = { step: line.step, box: `gateway ${own}`, time_us: record.time_us, text: line.text(scene) };
    this.steps.push(told);
    this.#tell(told);
  }

  #lineOf(record: JournalRecord, own: number): Line | undefined {
    const { kind, name, actor } = record;
    const layer = (actor.split('/')[0] ?? '').slice(1);
    if (kind === 'transition') return isMoving(record) ? this.#onTransition(`${layer}|${name}`) : undefined;
    if (kind === 'command') return ON_COMMAND[`${layer}|${name}`];
    if (kind === 'output') return outputLine(record);
    return kind === 'input' && name === 'tls' ? this.#flight(record, own) : undefined;
  }

  #onTransition(key: string): Line | undefined {
    return ON_TRANSITION[`${key}|${this.#mode.handshake}`] ?? ON_TRANSITION[key];
  }

  /** A flight is the first TLS output after that of the other side. */
  #flight({ data }: JournalRecord, own: number): Line | undefined {
    const { kind, bytes } = membersOf(data);
    if (kind !== 'output' || !(bytes instanceof Uint8Array)) return undefined;
    const far = own === 20 ? 30 : 20;
    if (bytes[0] === TLS_HANDSHAKE && bytes[HANDSHAKE_TYPE_AT] === CLIENT_HELLO) return FLIGHTS['client 1'];
    if (bytes[0] === TLS_HANDSHAKE) return FLIGHTS['server 1'];
    const isSecondFlight = bytes[0] === TLS_CHANGE_CIPHER_SPEC || bytes[0] === TLS_APPLICATION_DATA;
    return isSecondFlight && this.#has('tls-client-hello', own) && this.#has('tls-server-flight', far)
      ? FLIGHTS['client 2']
      : undefined;
  }

  #has(step: string, own: number): boolean {
    return this.#when.has(`${step} ${own}`);
  }

  #since(step: string, own: number, now_us: number): string | undefined {
    const then_us = this.#when.get(`${step} ${own}`);
    return then_us === undefined ? undefined : `${((now_us - then_us) / 1000).toFixed(1)} ms`;
  }
}

/** An event that a machine met without another state to go to is no step. */
function isMoving({ data }: JournalRecord): boolean {
  const { from, to } = membersOf(data);
  return from !== to;
}

function outputLine({ data }: JournalRecord): Line | undefined {
  const bytes = frameFromData(data);
  if (bytes === undefined) return undefined;
  const text = frameText(bytes, 'f13');
  return ON_OUTPUT.find(([pattern]) => pattern.test(text))?.[1];
}
