import { describe, expect, it } from 'vitest';
import { TcpStand } from '../bench/support/tcp-stand.ts';
import type { TcpLayerOptions } from '../src/actors/tcp/layer.ts';
import { FIRST_EPHEMERAL_PORT, LAST_EPHEMERAL_PORT, MAX_CONNECTIONS } from '../src/actors/tcp/limits.ts';
import { liveHeap_bytes } from './support/garbage.ts';

const PORT = 443;
const DELAY_US = 100;
const TIME_WAIT_US = 60_000_000;
const EPHEMERAL_PORTS = LAST_EPHEMERAL_PORT - FIRST_EPHEMERAL_PORT + 1;
const GREETING = new Uint8Array(100);

/** The server greets each client and closes when the client has closed; the client closes once it is greeted. */
function greetingStand(layer: Partial<TcpLayerOptions> = {}) {
  const stand = new TcpStand({ delay_us: DELAY_US, layer });
  const { server, client } = stand;
  stand.listen(PORT);
  server.onIndication = ({ kind, connection }) => {
    if (kind === 'accepted') server.ask({ kind: 'write', connection, bytes: GREETING });
    if (kind === 'remote-closed') server.ask({ kind: 'close', connection });
  };
  client.onIndication = ({ kind, connection }) => {
    if (kind === 'data') client.ask({ kind: 'close', connection });
  };
  let opened = 0;
  const one = (sourcePort?: number) => {
    const name = `short ${++opened}`;
    client.ask({
      kind: 'connect',
      connection: name,
      destination: server.address,
      destinationPort: PORT,
      ...(sourcePort !== undefined && { sourcePort }),
    });
    stand.pass(10 * DELAY_US);
  };
  return { stand, server, client, one };
}

describe('short connections', () => {
  it('10 000 in sequence: each is served, none is kept longer than there is room, nothing is left', () => {
    const { stand, server, client, one } = greetingStand();
    for (let run = 0; run < 1_000; run++) one();
    stand.pass(TIME_WAIT_US);
    const before_bytes = liveHeap_bytes();
    for (let run = 0; run < 10_000; run++) one();
    expect(client.counts).toMatchObject({ connected: 11_000, closed: 11_000, bytes: 11_000 * GREETING.length });
    expect(server.counts).toMatchObject({ accepted: 11_000, closed: 11_000 });
    expect(client.layer.size).toBe(MAX_CONNECTIONS);
    expect(client.layer.counters['time-wait-recycled']).toBeGreaterThan(4_000);
    expect(server.layer.size).toBe(0);
    stand.pass(TIME_WAIT_US);
    expect([client.layer.size, stand.scheduler.waiting]).toEqual([0, 0]);
    expect(liveHeap_bytes() - before_bytes).toBeLessThan(1_000_000);
    server.ask({ kind: 'unlisten', port: PORT });
    one();
    expect(client.counts).toMatchObject({ connected: 11_000, closed: 11_001 });
  });

  it('use a port again that is in TIME-WAIT, a second after its last segment (RFC 6191)', () => {
    const { stand, client, one } = greetingStand();
    for (let run = 0; run < 200; run++) {
      one(5_000);
      expect(client.layer.machines()).toMatchObject([{ state: 'TIME-WAIT' }]);
      stand.pass(1_000_000);
    }
    expect(client.counts).toMatchObject({ connected: 200, closed: 200, bytes: 200 * GREETING.length });
    one(5_000);
    one(5_000);
    expect(client.counts).toMatchObject({ connected: 201, closed: 202 });
  });

  it('never use a port again in TIME-WAIT without timestamps', () => {
    const { stand, client, one } = greetingStand({ connections: { timestamps: false } });
    one(5_000);
    stand.pass(TIME_WAIT_US / 2);
    one(5_000);
    expect(client.counts).toMatchObject({ connected: 1, closed: 2 });
    stand.pass(TIME_WAIT_US);
    one(5_000);
    expect(client.counts).toMatchObject({ connected: 2, closed: 3 });
  });

  it('are refused when every ephemeral port is taken, and not before', () => {
    const { stand, server, client } = greetingStand({ maxConnections: 2 * EPHEMERAL_PORTS });
    client.carry = () => {};
    for (let run = 0; run < EPHEMERAL_PORTS; run++) stand.connect(client, `c${run}`, PORT);
    expect([client.layer.size, client.counts.closed]).toEqual([EPHEMERAL_PORTS, 0]);
    stand.connect(client, 'one too many', PORT);
    expect(client.counts.closed).toBe(1);
    stand.connect(client, 'to another port', PORT + 1);
    client.ask({ kind: 'abort', connection: 'c7' });
    stand.connect(client, 'again', PORT);
    expect([client.layer.size, client.counts.closed]).toEqual([EPHEMERAL_PORTS + 1, 2]);
    expect(server.layer.size).toBe(0);
  });
});
