import { EngineLayer, type EngineOptions } from '../../src/actors/engine/layer.ts';
import type { Frame } from '../../src/actors/frame.ts';
import type { Direction, Purpose } from '../../src/engine/crypto/key-schedule.ts';
import type { Vault } from '../../src/engine/crypto/vault.ts';
import {
  buildControlFrame,
  type ControlFrameMessage,
  type EngineSession,
  parseControlFrame,
} from '../../src/wire/control-frame.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { TestHost } from './test-host.ts';

export const SOFTWARE_MAC = 0x02_00_00_00_00_99;
export const CLIENT = { mac: 0x02_00_00_00_00_30, ip: 0xc6_33_64_1e, port: 40_000 };
export const SERVER = { mac: 0x02_00_00_00_00_20, ip: 0xc0_00_02_14, port: 443 };
const FIRST_SESSION = 7;
export const FIREWALL_MAC = 0x02_00_00_00_00_33;

/** Derives the four keys of a session from a base that both ends know; their ids. */
function keyIds(
  vault: Vault,
  client: boolean,
  generation: number,
): Pick<EngineSession, 'sendDataKeyId' | 'receiveDataKeyId' | 'sendControlKeyId' | 'receiveControlKeyId'> {
  const base = vault.importBase(new Uint8Array(32).fill(generation));
  const key = (direction: Direction, purpose: Purpose): number => vault.deriveTraffic(base, 1, direction, purpose, 0);
  const [out, inward]: [Direction, Direction] = client ? ['c2s', 's2c'] : ['s2c', 'c2s'];
  return {
    sendDataKeyId: key(out, 'data'),
    receiveDataKeyId: key(inward, 'data'),
    sendControlKeyId: key(out, 'control'),
    receiveControlKeyId: key(inward, 'control'),
  };
}

/** The content of a START for one end; sessions have ports of their own. `keys` of the vault are derived by this call. */
export function engineSession(
  vault: Vault,
  role: 'client' | 'server',
  udp: boolean,
  generation = 1,
  sessionId = FIRST_SESSION,
): EngineSession {
  const client = role === 'client';
  const clientEnd = { ...CLIENT, port: CLIENT.port + sessionId - FIRST_SESSION };
  const [own, peer] = client ? [clientEnd, SERVER] : [SERVER, clientEnd];
  const ids = client ? [100 + generation, 200 + generation] : [200 + generation, 100 + generation];
  return {
    sessionId,
    udp,
    client,
    suite: 1,
    order: 0,
    ownMac: own.mac,
    nextHopMac: FIREWALL_MAC,
    ownIp: own.ip,
    peerIp: peer.ip,
    ownPort: own.port,
    peerPort: peer.port,
    pathMtu: 1500,
    receiveConnectionId: ids[0] as number,
    sendConnectionId: ids[1] as number,
    ...keyIds(vault, client, generation),
    nextSequence: client ? 1000 : 2000,
    acknowledgement: client ? 2000 : 1000,
    site: 1,
  };
}

/** One engine under test with what stands above and below it. */
export class EngineEnd {
  readonly host = new TestHost();
  readonly layer: EngineLayer;
  readonly role: 'client' | 'server';
  #seen = 0;

  constructor(role: 'client' | 'server', options: EngineOptions = {}) {
    this.role = role;
    this.layer = this.host.attach(new EngineLayer(this.host, role === 'client' ? '3014' : '2014', options));
    this.host.start();
  }

  control(message: ControlFrameMessage): void {
    this.host.injectBytes('upper', buildControlFrame(message, SOFTWARE_MAC));
  }

  startSession(udp = false, sessionId = FIRST_SESSION): void {
    this.control({ kind: 'start', session: engineSession(this.host.vault, this.role, udp, 1, sessionId) });
  }

  /** Control frames that the engine sent up, in order. */
  reports(): ControlFrameMessage[] {
    return this.host.sentOn('upper').flatMap((frame) => {
      const read = parseControlFrame(frame.bytes);
      return read.ok ? [read.message] : [];
    });
  }

  /** Frames that left at the PHY side since the last call. */
  taken(): Frame[] {
    const all = this.host.sentOn('lower');
    const fresh = all.slice(this.#seen);
    this.#seen = all.length;
    return fresh;
  }
}

/** Two engines whose F10 frames reach each other (a router in between rewrites F11); LAN frames are collected. */
export class EnginePair {
  readonly client: EngineEnd;
  readonly server: EngineEnd;
  readonly lan = { client: [] as Uint8Array[], server: [] as Uint8Array[] };
  readonly wan: { from: 'client' | 'server'; bytes: Uint8Array }[] = [];
  passes: (from: 'client' | 'server', bytes: Uint8Array) => boolean = () => true;

  constructor(options: { udp?: boolean; engine?: EngineOptions } = {}) {
    this.client = new EngineEnd('client', options.engine);
    this.server = new EngineEnd('server', options.engine);
    this.server.startSession(options.udp);
    this.client.startSession(options.udp);
    this.settle();
  }

  /** A frame of the LAN arrives at one engine's PHY side. */
  fromLan(end: 'client' | 'server', bytes: Uint8Array): void {
    this[end].host.injectBytes('lower', bytes);
    this.settle();
  }

  advance(time_us: number): void {
    const step_us = 100_000;
    for (let done_us = 0; done_us < time_us; done_us += step_us) {
      this.client.host.advance(Math.min(step_us, time_us - done_us));
      this.server.host.advance(Math.min(step_us, time_us - done_us));
      this.settle();
    }
  }

  settle(): void {
    for (let moved = true; moved; ) {
      moved = this.#carry('client', 'server');
      moved = this.#carry('server', 'client') || moved;
    }
  }

  #carry(from: 'client' | 'server', to: 'client' | 'server'): boolean {
    const frames = this[from].taken();
    for (const { bytes } of frames) {
      if (!isTunnel(bytes)) {
        this.lan[from].push(bytes);
        continue;
      }
      this.wan.push({ from, bytes });
      if (this.passes(from, bytes)) this[to].host.injectBytes('lower', rerouted(bytes, to));
    }
    return frames.length > 0;
  }
}

function isTunnel(bytes: Uint8Array): boolean {
  const { ip } = parseFrame(bytes);
  return (
    ip !== undefined && [ip.source, ip.destination].every((address) => address === CLIENT.ip || address === SERVER.ip)
  );
}

/** What a router between the two does: another F11, nothing else. */
function rerouted(bytes: Uint8Array, to: 'client' | 'server'): Uint8Array {
  const copy = bytes.slice();
  const mac = (to === 'client' ? CLIENT : SERVER).mac;
  copy.set(
    [0, 8, 16, 24, 32, 40].map((shift) => Math.floor(mac / 2 ** (40 - shift)) & 0xff),
    0,
  );
  return copy;
}
