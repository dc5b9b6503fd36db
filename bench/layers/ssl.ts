import type { RecordParameters, SslIndication, TcpIndication, TcpRequest } from '../../src/actors/services.ts';
import { SslLayer } from '../../src/actors/ssl/layer.ts';
import type { World } from '../../src/actors/world.ts';
import { LEG_DIGEST_BYTES } from '../../src/wire/terms.ts';
import { BenchHost, benchWorld } from '../support/bench-host.ts';
import { type Benchmark, mustEqual, type Running } from '../support/benchmark.ts';
import { FRAME_SIZES_BYTES, INBOUND, OTHER, OWN, tcpFrame } from '../support/frames.ts';

const CLIENT = 'gateway30';
const SERVER = 'gateway20';
/** Name of the session, and of its TCP connection, at both ends. */
const SESSION = 'one';

/** An SSL layer between an application that does what it should and a TCP that carries everything. */
class SslEnd {
  readonly host: BenchHost;
  frames = 0;
  /** What TCP shall carry. */
  readonly written: Uint8Array[] = [];
  parameters: RecordParameters | undefined;

  constructor(world: World, name: string, peer: string) {
    const address = name === SERVER ? OWN.address : OTHER.address;
    this.host = new BenchHost(name, world);
    this.host.attach(new SslLayer(this.host, '2002', { address, peers: [{ name: peer }] }), {
      upper: (indication: SslIndication) => this.#told(indication),
      lower: (request: TcpRequest) => void (request.kind === 'write' && this.written.push(request.bytes.slice())),
    });
  }

  tcp(indication: TcpIndication): void {
    this.host.inject('lower', indication);
  }

  takes(bytes: Uint8Array): void {
    this.tcp({ kind: 'data', connection: SESSION, bytes });
  }

  #told(indication: SslIndication): void {
    const { host } = this;
    const ask = (request: object) => host.peer('upper').send({ session: SESSION, ...request });
    if (indication.kind === 'frame') this.frames += 1;
    else if (indication.kind === 'connected' || indication.kind === 'accepted') {
      ask({ kind: 'leg', digest: new Uint8Array(LEG_DIGEST_BYTES), shape: 'tcp', handshake: 'hold' });
    } else if (indication.kind === 'secured') {
      ask({ kind: 'records', parameters: indication.parameters });
      ask({ kind: 'installed' });
    } else if (indication.kind === 'closed') throw new Error(`ssl: the session ended: ${indication.reason}`);
  }
}

/** Both ends after the TLS handshake, with the record parts on and the first records through. */
function pair(): { readonly client: SslEnd; readonly server: SslEnd } {
  const world = benchWorld();
  const client = new SslEnd(world, CLIENT, SERVER);
  const server = new SslEnd(world, SERVER, CLIENT);
  const { remote: destination, remotePort: destinationPort, localPort: sourcePort } = INBOUND;
  client.host.inject('upper', {
    kind: 'connect',
    session: SESSION,
    peer: SERVER,
    destination,
    destinationPort,
    sourcePort,
  });
  client.tcp({ kind: 'connected', connection: SESSION, localPort: sourcePort });
  server.tcp({
    kind: 'accepted',
    connection: SESSION,
    localPort: destinationPort,
    remote: OTHER.address,
    remotePort: sourcePort,
  });
  while (client.written.length + server.written.length > 0) {
    for (const bytes of client.written.splice(0)) server.takes(bytes);
    for (const bytes of server.written.splice(0)) client.takes(bytes);
  }
  return { client, server };
}

function sealing(frame_bytes: number): Running {
  const { client } = pair();
  const request = {
    kind: 'frame',
    session: SESSION,
    frame: client.host.frame(tcpFrame(OTHER, OWN, INBOUND, frame_bytes)),
  };
  return {
    prepare: (operations) => () => {
      for (let at = 0; at < operations; at++) client.host.inject('upper', request);
      if (client.written.splice(0).length < operations) throw new Error('ssl: records are missing');
      return { operations, bytes: operations * frame_bytes };
    },
  };
}

function opening(frame_bytes: number): Running {
  const { client, server } = pair();
  const request = {
    kind: 'frame',
    session: SESSION,
    frame: client.host.frame(tcpFrame(OTHER, OWN, INBOUND, frame_bytes)),
  };
  return {
    prepare(operations) {
      for (let at = 0; at < operations; at++) client.host.inject('upper', request);
      const records = client.written.splice(0);
      return () => {
        const before = server.frames;
        for (const record of records) server.takes(record);
        mustEqual('ssl: frames that were opened', server.frames - before, operations);
        return { operations, bytes: operations * frame_bytes };
      };
    },
  };
}

/**
 * SSL 2002 with its record part on, AES-256-GCM of OpenSSL, after a handshake of model TLS. Down: one operation is one frame of the
 * application that is sealed and written to TCP. Up: one frame from the records that TCP delivers.
 */
export const sslBenchmarks: Benchmark[] = FRAME_SIZES_BYTES.flatMap((frame_bytes) => [
  { table: 'layers', name: `ssl down ${frame_bytes} B`, unit: 'frames', open: () => sealing(frame_bytes) },
  { table: 'layers', name: `ssl up ${frame_bytes} B`, unit: 'frames', open: () => opening(frame_bytes) },
]);
