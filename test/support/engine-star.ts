import type { EngineOptions } from '../../src/actors/engine/layer.ts';
import { put48 } from '../../src/wire/bytes.ts';
import type { EngineSession } from '../../src/wire/control-frame.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { EngineEnd, engineSession, FIREWALL_MAC, SERVER } from './engine-pair.ts';

/** A frame of a tunnel on its way, by the number of the far end that it comes from or goes to. */
export interface StarFrame {
  readonly far: number;
  readonly way: 'out' | 'in';
  readonly bytes: Uint8Array;
}

/**
 * One engine with several sessions, each to an engine of its own: session and site n belong to far end n, from 1 up, under keys of its
 * own. Frames of tunnels reach their end; LAN frames are collected.
 */
export class EngineStar {
  readonly centre: EngineEnd;
  readonly fars: ReadonlyMap<number, EngineEnd>;
  readonly lan = { centre: [] as Uint8Array[], far: new Map<number, Uint8Array[]>() };
  readonly wan: StarFrame[] = [];
  passes: (frame: StarFrame) => boolean = () => true;

  /** `order`: how frames too large for the path are cut. */
  constructor(count: number, { order = 0, ...options }: EngineOptions & { readonly order?: 0 | 1 } = {}) {
    this.centre = new EngineEnd('server', options);
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    this.fars = new Map(numbers.map((far) => [far, new EngineEnd('client', options)]));
    for (const far of numbers) {
      this.lan.far.set(far, []);
      this.#start(far, order);
    }
    this.settle();
  }

  far(number: number): EngineEnd {
    return this.fars.get(number) as EngineEnd;
  }

  /** A frame of the centre's LAN, or of a far end's. */
  fromLan(bytes: Uint8Array, far?: number): void {
    (far === undefined ? this.centre : this.far(far)).host.injectBytes('lower', bytes);
    this.settle();
  }

  /** Lets time pass at all ends, in steps short enough for answers. */
  advance(time_us: number): void {
    const step_us = 500_000;
    for (let done_us = 0; done_us < time_us; done_us += step_us) {
      for (const end of [this.centre, ...this.fars.values()]) end.host.advance(step_us);
      this.settle();
    }
  }

  settle(): void {
    for (let moved = true; moved; ) {
      moved = this.#carryOut();
      for (const [far, end] of this.fars) moved = this.#carryIn(far, end) || moved;
    }
  }

  /** What the centre's START says of its session with a far end. */
  centreSession(far: number, order: 0 | 1 = 0, keysOf = far): EngineSession {
    const keys = engineSession(this.centre.host.vault, 'server', false, keysOf);
    return { ...keys, ...idsOf(far, 'server'), sessionId: far, site: far, order, ...ends(far, 'server') };
  }

  farSession(far: number, order: 0 | 1 = 0): EngineSession {
    const keys = engineSession(this.far(far).host.vault, 'client', false, far);
    return { ...keys, ...idsOf(far, 'client'), sessionId: 1, order, ...ends(far, 'client') };
  }

  #start(far: number, order: 0 | 1): void {
    this.centre.control({ kind: 'start', session: this.centreSession(far, order) });
    this.far(far).control({ kind: 'start', session: this.farSession(far, order) });
  }

  #carryOut(): boolean {
    const frames = this.centre.taken();
    for (const { bytes } of frames) {
      const far = parseFrame(bytes).ip?.destination;
      const end = far === undefined ? undefined : this.fars.get(far - FAR_NET);
      if (end === undefined) this.lan.centre.push(bytes);
      else if (this.#crosses({ far: (far as number) - FAR_NET, way: 'out', bytes }))
        end.host.injectBytes('lower', routed(bytes, FAR_MAC + (far as number) - FAR_NET));
    }
    return frames.length > 0;
  }

  #carryIn(far: number, end: EngineEnd): boolean {
    const frames = end.taken();
    for (const { bytes } of frames) {
      if (parseFrame(bytes).ip?.destination !== SERVER.ip) this.lan.far.get(far)?.push(bytes);
      else if (this.#crosses({ far, way: 'in', bytes }))
        this.centre.host.injectBytes('lower', routed(bytes, SERVER.mac));
    }
    return frames.length > 0;
  }

  #crosses(frame: StarFrame): boolean {
    this.wan.push(frame);
    return this.passes(frame);
  }
}

const FAR_NET = 0xc633_6400;
const FAR_MAC = 0x0200_0000_0300;
const FAR_PORT = 40_000;
const CENTRE_IDS = 0x1000;
const FAR_IDS = 0x2000;

function ends(far: number, role: 'client' | 'server') {
  const there = { mac: FAR_MAC + far, ip: FAR_NET + far, port: FAR_PORT + far };
  const [own, peer] = role === 'server' ? [SERVER, there] : [there, SERVER];
  return {
    ownMac: own.mac,
    nextHopMac: FIREWALL_MAC,
    ownIp: own.ip,
    ownPort: own.port,
    peerIp: peer.ip,
    peerPort: peer.port,
  };
}

function idsOf(far: number, role: 'client' | 'server') {
  const [own, peer] = role === 'server' ? [CENTRE_IDS, FAR_IDS] : [FAR_IDS, CENTRE_IDS];
  return { receiveConnectionId: own + far, sendConnectionId: peer + far };
}

/** What routers do: another F11. */
function routed(bytes: Uint8Array, mac: number): Uint8Array {
  const copy = bytes.slice();
  put48(copy, 0, mac);
  put48(copy, 6, FIREWALL_MAC);
  return copy;
}
