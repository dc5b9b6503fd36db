import { EngineLayer } from '../../src/actors/engine/layer.ts';
import type { Frame } from '../../src/actors/frame.ts';
import { buildControlFrame } from '../../src/wire/control-frame.ts';
import { CLIENT, engineSession, FIREWALL_MAC, SERVER, SOFTWARE_MAC } from '../../test/support/engine-pair.ts';
import { BenchHost } from '../support/bench-host.ts';
import { type Benchmark, mustEqual, type Running } from '../support/benchmark.ts';
import { FRAME_SIZES_BYTES, INBOUND, OTHER, OWN, tcpFrame } from '../support/frames.ts';

const MAC_BYTES = 6;

interface Engine {
  readonly host: BenchHost;
  /** Takes what has left at the PHY side since the last call. */
  taken(): Uint8Array[];
}

function engine(role: 'client' | 'server'): Engine {
  const host = new BenchHost(role);
  const left: Uint8Array[] = [];
  host.attach(new EngineLayer(host, '2014'), { lower: ({ bytes }: Frame) => void left.push(bytes) });
  const session = engineSession(host.vault, role, false);
  host.inject('upper', host.frame(buildControlFrame({ kind: 'start', session }, SOFTWARE_MAC)));
  return { host, taken: () => left.splice(0) };
}

/** Two engines that have heard of each other, so that both send and open. */
function pair(): { readonly client: Engine; readonly server: Engine } {
  const client = engine('client');
  const server = engine('server');
  for (let moved = true; moved; ) {
    const [there, back] = [client.taken(), server.taken()];
    for (const bytes of there) server.host.inject('lower', server.host.frame(routed(bytes, SERVER.mac)));
    for (const bytes of back) client.host.inject('lower', client.host.frame(routed(bytes, CLIENT.mac)));
    moved = there.length + back.length > 0;
  }
  return { client, server };
}

/** What the firewall in between does to F11. */
function routed(bytes: Uint8Array, to: number): Uint8Array {
  const copy = bytes.slice();
  for (let at = 0; at < MAC_BYTES; at++) {
    copy[at] = Math.floor(to / 2 ** (8 * (MAC_BYTES - 1 - at))) & 0xff;
    copy[MAC_BYTES + at] = Math.floor(FIREWALL_MAC / 2 ** (8 * (MAC_BYTES - 1 - at))) & 0xff;
  }
  return copy;
}

function sealing(frame_bytes: number): Running {
  const { client } = pair();
  const frame = client.host.frame(tcpFrame(OTHER, OWN, INBOUND, frame_bytes));
  return {
    prepare: (operations) => () => {
      for (let at = 0; at < operations; at++) client.host.inject('lower', frame);
      mustEqual('engine: frames that ended', client.host.drops, 0);
      if (client.taken().length < operations) throw new Error('engine: frames are missing');
      return { operations, bytes: operations * frame_bytes };
    },
  };
}

function opening(frame_bytes: number): Running {
  const { client, server } = pair();
  const lan = client.host.frame(tcpFrame(OTHER, OWN, INBOUND, frame_bytes));
  return {
    prepare(operations) {
      for (let at = 0; at < operations; at++) client.host.inject('lower', lan);
      const frames = client.taken().map((bytes) => server.host.frame(routed(bytes, SERVER.mac)));
      return () => {
        for (const frame of frames) server.host.inject('lower', frame);
        const opened = server.taken().filter(({ length }) => length === frame_bytes).length;
        mustEqual('engine: frames that were opened', opened, operations);
        return { operations, bytes: operations * frame_bytes };
      };
    },
  };
}

/**
 * Engine 2014 in a session with AES-256-GCM of OpenSSL, F13 TCP-shaped, encrypt-then-fragment. Out: one operation is one LAN frame, sealed
 * and sent as one or, where it does not fit, two F10 frames. In: one LAN frame again from these.
 */
export const engineBenchmarks: Benchmark[] = FRAME_SIZES_BYTES.flatMap((frame_bytes) => [
  { table: 'layers', name: `engine out ${frame_bytes} B`, unit: 'frames', open: () => sealing(frame_bytes) },
  { table: 'layers', name: `engine in ${frame_bytes} B`, unit: 'frames', open: () => opening(frame_bytes) },
]);
