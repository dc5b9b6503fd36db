/**
 * Opens many connections between two TCP layers on virtual time, moves 1 KiB each way over every one, and prints as JSON what they take:
 * `node --expose-gc test/support/tcp-scale.ts 100000`. A process of its own, so that it measures nothing else.
 */
import { readFileSync } from 'node:fs';
import { TcpStand } from '../../bench/support/tcp-stand.ts';

/** Bytes that each end of a connection sends. */
const EACH_WAY_BYTES = 1024;
const FIRST_PORT = 443;
/** Connections to one port: below the number of the client's ephemeral ports. */
const PER_PORT = 20_000;
/** Connections that open at the same time; then all that is under way comes to rest. */
const BATCH = 2_000;
const DELAY_US = 500;
const REST_US = 3_000_000;
const ALIVE_SAMPLE = 100;

/** What the parent process reads. */
export interface ScaleReport {
  readonly connections: number;
  readonly established: readonly [client: number, server: number];
  /** The least that any end has got. */
  readonly leastBytes: number;
  /** Scheduled calls while all connections are idle. */
  readonly armedTimers: number;
  /** Connections out of a sample that still carry data both ways afterwards. */
  readonly alive: number;
  /** Of what opened after the first batch. */
  readonly heapPerEnd_bytes: number;
  readonly heap_bytes: number;
  readonly rss_bytes: number;
  readonly peakRss_bytes: number;
  readonly seconds: number;
}

process.stdout.write(`${JSON.stringify(run(Number(process.argv[2])))}\n`);

function run(connections: number): ScaleReport {
  const started_ms = performance.now();
  const limits = { maxConnections: connections, backlog: BATCH };
  const stand = new TcpStand({ delay_us: DELAY_US, layer: limits });
  const { client, server } = stand;
  const payload = new Uint8Array(EACH_WAY_BYTES);
  const names: string[] = [];
  server.onIndication = (indication) => {
    const { kind, connection } = indication;
    if (kind === 'accepted') names.push(connection);
    if (kind === 'data') server.ask({ kind: 'write', connection, bytes: indication.bytes.slice() });
  };
  for (let port = FIRST_PORT; (port - FIRST_PORT) * PER_PORT < connections; port++) stand.listen(port);
  // What is there once, such as compiled code, is there after the first batch.
  let before = collected();
  for (let at = 0; at < connections; at++) {
    if (at === BATCH) before = collected();
    stand.connect(client, `c${at}`, FIRST_PORT + Math.floor(at / PER_PORT));
    client.ask({ kind: 'write', connection: `c${at}`, bytes: payload });
    if (at % BATCH === BATCH - 1) stand.pass(REST_US);
  }
  stand.pass(REST_US);
  const { heapUsed, rss } = collected();
  const measured = connections > BATCH ? connections - BATCH : connections;
  const established = [client, server].map(
    ({ layer }) => layer.machines().filter(({ state }) => state === 'ESTABLISHED').length,
  ) as [number, number];
  const received = [
    ...names.map((name) => server.layer.connection(name)?.stats.bytesIn ?? 0),
    ...names.map((_, at) => client.layer.connection(`c${at}`)?.stats.bytesIn ?? 0),
  ];
  return {
    connections,
    established,
    leastBytes: received.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY),
    armedTimers: stand.scheduler.waiting,
    alive: alive(stand, connections),
    heapPerEnd_bytes: Math.round((heapUsed - before.heapUsed) / measured / 2),
    heap_bytes: heapUsed,
    rss_bytes: rss,
    peakRss_bytes: Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024,
    seconds: Math.round((performance.now() - started_ms) / 100) / 10,
  };
}

/** Of a sample over all connections, how many get an echo. */
function alive(stand: TcpStand, connections: number): number {
  const { client } = stand;
  const before = client.counts.bytes;
  for (let at = 0; at < ALIVE_SAMPLE; at++) {
    const connection = `c${Math.floor((at * connections) / ALIVE_SAMPLE)}`;
    client.ask({ kind: 'write', connection, bytes: new Uint8Array(EACH_WAY_BYTES) });
  }
  stand.pass(REST_US);
  return (client.counts.bytes - before) / EACH_WAY_BYTES;
}

function collected(): NodeJS.MemoryUsage {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('run with --expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  return process.memoryUsage();
}
