import type { TcpIndication } from '../src/actors/services.ts';
import { type Benchmark, mustEqual, type Running } from './support/benchmark.ts';
import { TcpStand } from './support/tcp-stand.ts';

const PORT = 443;
/** Room for the connections of one sample, which all stand at the same time or wait in TIME-WAIT. */
const MAX_CONNECTIONS = 50_000;
/** Connections in TIME-WAIT, below the number of ephemeral ports. */
const PORTS_BEFORE_REST = 20_000;
/** What runs once per connection takes long to be compiled well. */
const LEAST = 30_000;
const TRANSFER_BYTES = 1_024;
/** Longer than TIME-WAIT: ports are free again. */
const SETTLED_US = 61_000_000;

/** Client and server; `onIndication` of the ends says what becomes of a connection. */
function stand(): TcpStand {
  const made = new TcpStand({ layer: { maxConnections: MAX_CONNECTIONS } });
  made.listen(PORT);
  return made;
}

/** SYN, SYN+ACK, ACK; both users are told. The client's user aborts the connection before the next one, so that ports never run out. */
function handshakes(): Running {
  const { client, server, ...rest } = pairOf(stand());
  client.onIndication = ({ kind, connection }: TcpIndication) => {
    if (kind === 'connected') client.ask({ kind: 'abort', connection });
  };
  return rest.running((before) => {
    mustEqual('connections that the client has opened', client.counts.connected, before.connected + before.operations);
    mustEqual('connections that the server has accepted', server.counts.accepted, before.accepted + before.operations);
  });
}

/** A handshake, 1 KiB from client to server, FIN both ways; the client's end stays in TIME-WAIT. */
function transfers(): Running {
  const { client, server, ...rest } = pairOf(stand());
  const payload = new Uint8Array(TRANSFER_BYTES);
  client.onIndication = ({ kind, connection }: TcpIndication) => {
    if (kind !== 'connected') return;
    client.ask({ kind: 'write', connection, bytes: payload });
    client.ask({ kind: 'close', connection });
  };
  server.onIndication = ({ kind, connection }: TcpIndication) => {
    if (kind === 'remote-closed') server.ask({ kind: 'close', connection });
  };
  return rest.running((before) => {
    mustEqual('bytes that arrived', server.counts.bytes, before.bytes + before.operations * TRANSFER_BYTES);
    mustEqual('connections that both ends have closed', server.counts.closed, before.closed + before.operations);
  });
}

interface Before {
  readonly operations: number;
  readonly connected: number;
  readonly accepted: number;
  readonly closed: number;
  readonly bytes: number;
}

/** Opens as many connections as there are operations, one after the other, then looks at what became of them. */
function pairOf(made: TcpStand) {
  const { client, server } = made;
  let opened = 0;
  const open = (count: number): void => {
    for (let at = 0; at < count; at++) {
      // Ports in TIME-WAIT run out: virtual time goes on, which takes the time that it takes.
      if (client.layer.size >= PORTS_BEFORE_REST) made.pass(SETTLED_US);
      made.connect(client, `c${++opened}`, PORT);
    }
  };
  const running = (check: (before: Before) => void): Running => ({
    prepare(operations) {
      made.pass(SETTLED_US);
      return () => {
        const { accepted, closed, bytes } = server.counts;
        const before = { operations, connected: client.counts.connected, accepted, closed, bytes };
        open(operations);
        check(before);
        return { operations };
      };
    },
  });
  return { client, server, running };
}

/** One operation is one connection. */
export const connectionsBenchmarks: readonly Benchmark[] = [
  { table: 'connections', name: 'tcp: handshakes per second', unit: 'handshakes', least: LEAST, open: handshakes },
  { table: 'connections', name: 'tcp: connect, 1 KiB, close', unit: 'connections', least: LEAST, open: transfers },
];
