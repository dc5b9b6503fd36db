import { EncapsulationLayer } from '../../src/actors/encapsulation/layer.ts';
import type { Frame } from '../../src/actors/frame.ts';
import type { TcpRequest } from '../../src/actors/services.ts';
import { BenchHost } from '../support/bench-host.ts';
import { INBOUND, OTHER, OWN } from '../support/frames.ts';
import { INNER_MTU, InnerPeer, innerPayload } from '../support/inner-peer.ts';
import { layerBenchmarks, type Stand } from '../support/layer-benchmark.ts';

/** A session that stands, with the terminal's driver and TCP 3003B by hand. */
class Session {
  readonly host = new BenchHost();
  readonly driver = new InnerPeer(OTHER, OWN, INBOUND);
  /** Name of TCP 3003B's connection, and what was written to it. */
  connection = '';
  writes = 0;

  constructor() {
    const options = { speaksAs: 'gateway', closed: [], mtu: INNER_MTU } as const;
    this.host.attach(new EncapsulationLayer(this.host, '3001B', options), {
      application: ({ bytes }: Frame) => this.#toDriver(bytes),
      tcp: (request: TcpRequest) => this.#toTcp(request),
    });
    this.host.inject('application', this.host.frame(this.driver.request()));
  }

  #toDriver(frame: Uint8Array): void {
    const answer = this.driver.takes(frame);
    if (answer !== undefined) this.host.peer('application').send(this.host.frame(answer));
  }

  #toTcp(request: TcpRequest): void {
    if (request.kind === 'write') this.writes += 1;
    if (request.kind !== 'connect') return;
    this.connection = request.connection;
    this.host.peer('tcp').send({ kind: 'connected', connection: this.connection, localPort: INBOUND.localPort });
  }
}

function toServer(frame_bytes: number): Stand {
  const session = new Session();
  const next = () => session.host.frame(session.driver.data(innerPayload(frame_bytes)));
  return {
    host: session.host,
    port: 'application',
    out: () => session.writes,
    messages: (count) => Array.from({ length: count }, next),
  };
}

function toTerminal(frame_bytes: number): Stand {
  const { host, connection, driver } = new Session();
  const indication = { kind: 'data', connection, bytes: innerPayload(frame_bytes) };
  return { host, port: 'tcp', out: () => driver.delivered, messages: () => [indication] };
}

/**
 * Encapsulation processing 3001B as gateway, in a session. To server: one operation is one frame of the tunnel whose DATA unit is written to
 * TCP 3003B. To terminal: what TCP 3003B has received of one segment leaves as one DATA unit. With the CREDITs that this takes.
 */
export const encapsulationBenchmarks = [
  ...layerBenchmarks('encapsulation to server', toServer),
  ...layerBenchmarks('encapsulation to terminal', toTerminal),
];
