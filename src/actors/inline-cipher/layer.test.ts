import { describe, expect, it } from 'vitest';
import { type LateStimulus, layerCompliance, type Stimulus } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { ENGINE_SESSIONS } from '../../machines/engine.ts';
import { CONTROL_MAC_ENGINE, CONTROL_MAC_SOFTWARE } from '../../wire/address.ts';
import { buildTcpFrame } from '../../wire/build.ts';
import { toHex } from '../../wire/bytes.ts';
import {
  buildControlFrame,
  type ControlFrameMessage,
  type EngineSession,
  parseControlFrame,
} from '../../wire/control-frame.ts';
import { checksumVerdict, parseFrame } from '../../wire/frame.ts';
import { seqAdd } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import { DriverYLayer } from '../driver-y/layer.ts';
import { EngineYLayer } from '../engine-y/layer.ts';
import type { LayerHost } from '../host.ts';
import type { InlineCipherLayer } from './layer.ts';

const OWN = { mac: 0x0200_0000_0020, ip: 0xc000_0214, port: 443 };
const PEER = { ip: 0xc633_641e, port: 50_000 };
const NEXT_HOP = 0x0200_0000_3301;
const SEND_FROM = 0xffff_ff00;
const RECEIVE_FROM = 5_000;
const DATA = Uint8Array.from({ length: 100 }, (_, at) => at);

/** The two kinds, and how each is told of sessions. */
const KINDS = [
  {
    name: 'engine Y',
    make: (host: LayerHost): InlineCipherLayer => new EngineYLayer(host, '2014'),
    tell: (message: ControlFrameMessage): Stimulus => ({
      port: 'upper',
      frame: buildControlFrame(message, CONTROL_MAC_SOFTWARE),
    }),
    answers: (host: TestHost): ControlFrameMessage[] =>
      host.sentOn('upper').flatMap(({ bytes }) => {
        const read = parseControlFrame(bytes);
        return read.ok ? [read.message] : [];
      }),
  },
  {
    name: 'driver Y',
    make: (host: LayerHost): InlineCipherLayer => new DriverYLayer(host, '3006'),
    tell: (message: ControlFrameMessage): Stimulus => ({ port: 'settings', message }),
    answers: (host: TestHost): ControlFrameMessage[] => host.sentOn<ControlFrameMessage>('settings'),
  },
] as const;

interface Segment {
  readonly way: 'out' | 'in';
  readonly seq: number;
  readonly data?: Uint8Array;
  readonly flags?: number;
  readonly mac?: number;
  readonly ack?: number;
  readonly peerPort?: number;
}

function frameOf({ way, seq, data = DATA, flags = Flag.ACK, mac = OWN.mac, ack = 1, peerPort = PEER.port }: Segment) {
  const isOut = way === 'out';
  const [from, to] = isOut ? [OWN, { ...PEER, port: peerPort }] : [{ ...PEER, port: peerPort }, OWN];
  return buildTcpFrame(
    {
      ethernet: isOut ? { source: mac, destination: NEXT_HOP } : { source: NEXT_HOP, destination: mac },
      ip: { source: from.ip, destination: to.ip },
      tcp: { sourcePort: from.port, destinationPort: to.port, seq, ack, flags, window: 1000 },
    },
    data,
  );
}

class Cipher {
  readonly host = new TestHost();
  readonly layer: InlineCipherLayer;
  readonly #kind: (typeof KINDS)[number];
  readonly #base: number;

  constructor(kind: (typeof KINDS)[number]) {
    this.#kind = kind;
    this.layer = this.host.attach(kind.make(this.host));
    this.host.start();
    this.#base = this.host.vault.importBase(new Uint8Array(32).fill(9));
  }

  key(direction: 'c2s' | 's2c', fill = 9): number {
    const base = fill === 9 ? this.#base : this.host.vault.importBase(new Uint8Array(32).fill(fill));
    return this.host.vault.deriveStream(base, 1, direction);
  }

  session(changes: Partial<EngineSession> = {}): EngineSession {
    return {
      sessionId: 1,
      udp: false,
      client: true,
      suite: 1,
      order: 1,
      ownMac: OWN.mac,
      nextHopMac: 0,
      ownIp: OWN.ip,
      peerIp: PEER.ip,
      ownPort: OWN.port,
      peerPort: PEER.port,
      pathMtu: 1500,
      receiveConnectionId: 1,
      sendConnectionId: 2,
      sendDataKeyId: this.key('c2s'),
      receiveDataKeyId: this.key('s2c'),
      sendControlKeyId: 0,
      receiveControlKeyId: 0,
      nextSequence: SEND_FROM,
      acknowledgement: RECEIVE_FROM,
      site: 0,
      ...changes,
    };
  }

  tell(message: ControlFrameMessage): this {
    const stimulus = this.#kind.tell(message);
    if ('frame' in stimulus) this.host.injectBytes(stimulus.port, stimulus.frame);
    else if ('message' in stimulus) this.host.inject(stimulus.port, stimulus.message);
    return this;
  }

  /** What leaves when this enters. */
  passes(segment: Segment): Uint8Array {
    this.host.injectBytes(segment.way === 'out' ? 'upper' : 'lower', frameOf(segment));
    return this.host.sentOn(segment.way === 'out' ? 'lower' : 'upper').at(-1)?.bytes as Uint8Array;
  }

  answers(): string[] {
    return this.#kind.answers(this.host).map(({ kind }) => kind);
  }
}

const payload = (bytes: Uint8Array): string => {
  const { payloadOffset, payloadEnd } = parseFrame(bytes);
  return toHex(bytes, payloadOffset, payloadEnd);
};
const verdict = (bytes: Uint8Array): string => checksumVerdict(bytes, parseFrame(bytes));
const CLEAR = toHex(DATA);

describe.each(KINDS)('$name', (kind) => {
  const running = (changes: Partial<EngineSession> = {}): Cipher => {
    const cipher = new Cipher(kind);
    return cipher.tell({ kind: 'start', session: cipher.session(changes) });
  };

  it('passes everything before it is told of a session, and when the last one is stopped', () => {
    const cipher = new Cipher(kind);
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM }))).toBe(CLEAR);
    cipher.tell({ kind: 'start', session: cipher.session() });
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM }))).not.toBe(CLEAR);
    cipher.tell({ kind: 'stop', sessionId: 1, reason: 7 });
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM }))).toBe(CLEAR);
    expect(cipher.answers()).toEqual(['started', 'stopped']);
  });

  it('encrypts by position: repeated and cut otherwise the bytes are the same, and each checksum is right', () => {
    const cipher = running();
    const whole = cipher.passes({ way: 'out', seq: SEND_FROM + 30 });
    expect(verdict(whole)).toBe('good');
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM + 30 }))).toBe(payload(whole));
    for (const cut of [1, 16, 51]) {
      const first = cipher.passes({ way: 'out', seq: SEND_FROM + 30, data: DATA.subarray(0, cut) });
      const second = cipher.passes({ way: 'out', seq: SEND_FROM + 30 + cut, data: DATA.subarray(cut) });
      expect(payload(first) + payload(second)).toBe(payload(whole));
      expect([verdict(first), verdict(second)]).toEqual(['good', 'good']);
    }
  });

  it('leaves what lies below the point of switching on in clear, also when it is repeated later', () => {
    const cipher = running();
    cipher.passes({ way: 'out', seq: SEND_FROM });
    const below = cipher.passes({ way: 'out', seq: SEND_FROM - DATA.length });
    expect(payload(below)).toBe(CLEAR);
    for (const clear of [39, 40]) {
      const across = cipher.passes({ way: 'out', seq: SEND_FROM - clear });
      expect(payload(across).slice(0, 2 * clear)).toBe(CLEAR.slice(0, 2 * clear));
      expect(payload(across).slice(2 * clear)).not.toBe(CLEAR.slice(2 * clear));
      expect(verdict(across)).toBe('good');
    }
  });

  it('leaves SYN, FIN, RST and ACK without data alone, and encrypts the data beside a FIN', () => {
    const cipher = running();
    for (const flags of [Flag.SYN, Flag.FIN | Flag.ACK, Flag.RST, Flag.ACK]) {
      const segment = { way: 'out', seq: SEND_FROM, data: new Uint8Array(0), flags } as const;
      expect(toHex(cipher.passes(segment))).toBe(toHex(frameOf(segment)));
    }
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM, flags: Flag.FIN | Flag.ACK }))).not.toBe(CLEAR);
  });

  it('decrypts what a cipher with the other two directions encrypted, and gives it up', () => {
    const [near, far] = [new Cipher(kind), new Cipher(kind)];
    near.tell({ kind: 'start', session: near.session({ nextSequence: 700 }) });
    const keys = { sendDataKeyId: far.key('s2c'), receiveDataKeyId: far.key('c2s') };
    far.tell({ kind: 'start', session: far.session({ ...keys, acknowledgement: 700 }) });
    const secret = near.passes({ way: 'out', seq: 777 });
    const { payloadOffset, payloadEnd } = parseFrame(secret);
    const arrived = far.passes({ way: 'in', seq: 777, data: secret.slice(payloadOffset, payloadEnd) });
    expect(payload(arrived)).toBe(CLEAR);
    expect(verdict(arrived)).toBe('good');
    expect(far.host.sentOn('lower')).toEqual([]);
  });

  it('keeps a checksum wrong that came wrong, for TCP to see', () => {
    const cipher = running();
    const bytes = frameOf({ way: 'in', seq: RECEIVE_FROM });
    bytes[bytes.length - 1] ^= 1;
    cipher.host.injectBytes('lower', bytes, 'bad');
    const up = cipher.host.sentOn('upper').at(-1);
    expect(up?.checksum).toBe('bad');
    expect(verdict(up?.bytes as Uint8Array)).toBe('bad');
  });

  it('knows positions beyond 4 GiB: the same number is another position when its turn comes again', () => {
    const cipher = running({ nextSequence: 1_000 });
    const first = payload(cipher.passes({ way: 'out', seq: 1_000 }));
    for (let turn = 1; turn <= 8; turn++) cipher.passes({ way: 'out', seq: seqAdd(1_000, turn * 2 ** 29) });
    const second = payload(cipher.passes({ way: 'out', seq: 1_000 }));
    expect(second).not.toBe(first);
    const far = cipher.host.vault.applyStream(cipher.key('c2s'), 2 ** 32, DATA);
    expect(second).toBe(toHex(far));
    const late = payload(cipher.passes({ way: 'out', seq: 900 }));
    expect(late).toBe(toHex(cipher.host.vault.applyStream(cipher.key('c2s'), 2 ** 32 - 100, DATA)));
  });

  it('goes by the ACK numbers of its own TCP for what arrives: a stranger cannot move the position', () => {
    const cipher = running();
    for (let turn = 1; turn <= 9; turn++)
      cipher.passes({ way: 'out', seq: SEND_FROM, ack: seqAdd(RECEIVE_FROM, turn * 2 ** 29) });
    cipher.passes({ way: 'out', seq: SEND_FROM, ack: seqAdd(RECEIVE_FROM, 11 * 2 ** 29), flags: Flag.ACK | Flag.RST });
    for (let turn = 0; turn < 4; turn++) cipher.passes({ way: 'in', seq: seqAdd(RECEIVE_FROM, turn * 2 ** 30) });
    const at = 2 ** 32 + 2 ** 29;
    const arrived = payload(cipher.passes({ way: 'in', seq: seqAdd(RECEIVE_FROM, at % 2 ** 32) }));
    expect(arrived).toBe(toHex(cipher.host.vault.applyStream(cipher.key('s2c'), at, DATA)));
  });

  it("goes by no number of a RST for what goes out: a stranger's ACK may have chosen it", () => {
    const cipher = running();
    for (const turn of [1, 2, 3]) {
      const seq = seqAdd(SEND_FROM, turn * 2 ** 30);
      cipher.passes({ way: 'out', seq, flags: Flag.RST, data: new Uint8Array() });
    }
    const sent = payload(cipher.passes({ way: 'out', seq: SEND_FROM }));
    expect(sent).toBe(toHex(cipher.host.vault.applyStream(cipher.key('c2s'), 0, DATA)));
  });

  it('switches a direction on when its key comes, and then never again otherwise', () => {
    const cipher = running({ sendDataKeyId: 0 });
    expect(payload(cipher.passes({ way: 'out', seq: 9_000 }))).toBe(CLEAR);
    expect(payload(cipher.passes({ way: 'in', seq: RECEIVE_FROM }))).not.toBe(CLEAR);
    cipher.tell({ kind: 'renew', session: cipher.session({ nextSequence: 9_100 }) });
    expect(payload(cipher.passes({ way: 'out', seq: 9_000 }))).toBe(CLEAR);
    const secret = payload(cipher.passes({ way: 'out', seq: 9_100 }));
    expect(secret).not.toBe(CLEAR);
    cipher.tell({ kind: 'renew', session: cipher.session({ nextSequence: 9_150 }) });
    expect(payload(cipher.passes({ way: 'out', seq: 9_100 }))).toBe(secret);
    expect(cipher.answers()).toEqual(['started', 'started', 'started']);
  });

  it('9.7-8 serves several sessions, each under its own keys, also with the same ports', () => {
    const cipher = running();
    const other = { sessionId: 2, sendDataKeyId: cipher.key('c2s', 4), receiveDataKeyId: cipher.key('s2c', 4) };
    cipher.tell({ kind: 'start', session: cipher.session({ ...other, peerPort: 50_001 }) });
    const third = { sessionId: 3, sendDataKeyId: cipher.key('c2s', 5), receiveDataKeyId: cipher.key('s2c', 5) };
    cipher.tell({ kind: 'start', session: cipher.session({ ...third, peerIp: PEER.ip + 1 }) });
    const streams = [9, 4].map((fill) => toHex(cipher.host.vault.applyStream(cipher.key('c2s', fill), 0, DATA)));
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM }))).toBe(streams[0]);
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM, peerPort: 50_001 }))).toBe(streams[1]);
    const back = toHex(cipher.host.vault.applyStream(cipher.key('s2c', 4), 0, DATA));
    expect(payload(cipher.passes({ way: 'in', seq: RECEIVE_FROM, peerPort: 50_001 }))).toBe(back);
    cipher.tell({ kind: 'stop', sessionId: 3, reason: 7 }).tell({ kind: 'stop', sessionId: 2, reason: 7 });
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM, peerPort: 50_001 }))).toBe(CLEAR);
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM }))).toBe(streams[0]);
  });

  it('takes what a session of it is and nothing else: another port, MAC or protocol passes', () => {
    const cipher = running();
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM, peerPort: 1 }))).toBe(CLEAR);
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM, mac: 0x0200_0000_0099 }))).toBe(CLEAR);
    expect(payload(cipher.passes({ way: 'in', seq: RECEIVE_FROM, mac: 0x0200_0000_0099 }))).toBe(CLEAR);
    const { counters } = cipher.layer;
    expect([counters.encrypted ?? 0, counters.decrypted ?? 0]).toEqual([0, 0]);
  });

  it('leaves the checksum of an unfinished frame to the interface that will finish it', () => {
    const cipher = running();
    const bytes = frameOf({ way: 'out', seq: SEND_FROM });
    const { tcp } = parseFrame(bytes);
    cipher.host.inject('upper', cipher.host.frame(bytes, undefined, 'good', { segment_bytes: 50, headroom_bytes: 9 }));
    const sent = cipher.host.sentOn('lower').at(-1);
    expect(parseFrame(sent?.bytes as Uint8Array).tcp?.checksum).toBe(tcp?.checksum);
    expect(payload(sent?.bytes as Uint8Array)).not.toBe(CLEAR);
    expect(sent?.offload).toEqual({ segment_bytes: 50, headroom_bytes: 0 });
  });

  it('goes on when it is stopped: what TCP still repeats does not leave in clear', () => {
    const cipher = running();
    cipher.host.stop();
    expect(payload(cipher.passes({ way: 'out', seq: SEND_FROM }))).not.toBe(CLEAR);
  });

  it('refuses a session that it has and one that is too many, and forgets the keys of the latter', () => {
    const cipher = running();
    cipher.tell({ kind: 'start', session: cipher.session() });
    expect(cipher.answers()).toEqual(['started']);
    cipher.tell({ kind: 'start', session: cipher.session({ sessionId: 2 }) });
    expect(cipher.answers()).toEqual(['started', 'stopped']);
    for (let id = 2; id <= ENGINE_SESSIONS; id++)
      cipher.tell({ kind: 'start', session: cipher.session({ sessionId: id, peerPort: id }) });
    const last = cipher.session({ sessionId: 9_999 });
    cipher.tell({ kind: 'start', session: last });
    expect(cipher.answers().at(-1)).toBe('stopped');
    expect(() => cipher.host.vault.applyStream(last.sendDataKeyId, 0, DATA)).toThrow();
    expect(cipher.layer.drops.get('too-many-sessions')).toBe(3);
  });
});

describe('engine Y', () => {
  it('takes no control frame from the cable, and none that it cannot read', () => {
    const cipher = new Cipher(KINDS[0]);
    const start = buildControlFrame({ kind: 'start', session: cipher.session() }, CONTROL_MAC_SOFTWARE);
    cipher.host.injectBytes('lower', start);
    const broken = start.slice(0, 30);
    cipher.host.injectBytes('upper', broken);
    expect(cipher.host.dropReasons()).toEqual(['foreign-control-frame', 'malformed']);
    expect(cipher.host.sentOn('upper')).toEqual([]);
    cipher.host.injectBytes('upper', start);
    const [answer] = cipher.host.sentOn('upper').map(({ bytes }) => parseControlFrame(bytes));
    expect(answer).toMatchObject({ source: CONTROL_MAC_ENGINE, destination: CONTROL_MAC_SOFTWARE });
  });
});

/** Keys as a compliance run's vault gives them: ids in the order of derivation. */
function life({ tell }: (typeof KINDS)[number]): LateStimulus[] {
  const host = new TestHost();
  const session = new Cipher(KINDS[0]).session({ sendDataKeyId: 2, receiveDataKeyId: 3 });
  host.stop();
  return [
    { port: 'upper', frame: frameOf({ way: 'out', seq: SEND_FROM }) },
    tell({ kind: 'start', session: { ...session, sendDataKeyId: 0 } }),
    { port: 'lower', frame: frameOf({ way: 'in', seq: RECEIVE_FROM }) },
    tell({ kind: 'renew', session }),
    { port: 'upper', frame: frameOf({ way: 'out', seq: SEND_FROM, ack: RECEIVE_FROM + 100 }) },
    { port: 'upper', frame: frameOf({ way: 'out', seq: SEND_FROM + 50 }) },
    { port: 'lower', frame: frameOf({ way: 'in', seq: RECEIVE_FROM + 10 }) },
    tell({ kind: 'renew', session: { ...session, sessionId: 5, sendDataKeyId: 0, receiveDataKeyId: 0 } }),
    tell({ kind: 'stop', sessionId: 1, reason: 7 }),
    { port: 'upper', frame: frameOf({ way: 'out', seq: SEND_FROM }) },
  ];
}

for (const kind of KINDS) {
  const make = (host: LayerHost): InlineCipherLayer => {
    const base = host.vault.importBase(new Uint8Array(32).fill(9));
    host.vault.deriveStream(base, 1, 'c2s');
    host.vault.deriveStream(base, 1, 's2c');
    // The suite says everything twice: the second time under the same key ids.
    host.vault.forget = () => {};
    return kind.make(host);
  };
  layerCompliance(kind.name, make, life(kind), { framePorts: ['upper', 'lower'] });
}
