import { describe, expect, it } from 'vitest';
import { TcpStand } from '../bench/support/tcp-stand.ts';
import { liveHeap_bytes } from './support/garbage.ts';
import { EchoClient, flood, lossy, PORT } from './support/syn-flood.ts';

const BACKLOG = 128;
const DELAY_US = 5_000;
/** The SYN+ACKs of the flood's half-open connections are given up. */
const GIVEN_UP_US = 130_000_000;
const ECHO_BYTES = 100_000;

function stand() {
  const made = new TcpStand({ delay_us: DELAY_US, layer: { backlog: BACKLOG } });
  made.listen(PORT);
  return made;
}

describe('a SYN flood', () => {
  it.each([0, 0.03])('takes no memory, and an honest client gets through it at loss %s', (loss) => {
    const made = stand();
    const client = new EchoClient(made, ECHO_BYTES);
    const { server } = made;
    flood(made, 5_000, 1);
    lossy(made, loss);
    const before_bytes = liveHeap_bytes();
    client.open();
    for (let batch = 0; batch < 40; batch++) {
      flood(made, 500, 2 + batch);
      made.pass(500_000);
      expect(server.layer.size).toBeLessThanOrEqual(BACKLOG + client.opened);
    }
    expect([client.done, client.isRight, client.failed]).toEqual([true, true, 0]);
    expect(server.layer.counters['syn-cookies-taken']).toBe(1);
    expect(server.layer.drops.get('bad-cookie')).toBeGreaterThan(2_000);
    expect(server.layer.drops.get('queue-full')).toBeUndefined();
    expect(liveHeap_bytes() - before_bytes).toBeLessThan(1_000_000);
  });

  it('is over when it is over: handshakes are kept again, and no ACK is looked at for a cookie', () => {
    const made = stand();
    const client = new EchoClient(made, ECHO_BYTES);
    const { server } = made;
    flood(made, 1_000, 1);
    made.pass(GIVEN_UP_US);
    expect(server.layer.size).toBe(0);
    const { 'syn-cookies-sent': sent } = server.layer.counters;
    const refused = server.layer.drops.get('bad-cookie');
    expect(sent).toBe(1_000 - BACKLOG);
    client.open();
    made.pass(5_000_000);
    expect([client.done, client.isRight]).toEqual([true, true]);
    flood(made, BACKLOG, 2);
    expect(server.layer.counters).toMatchObject({ 'syn-cookies-sent': sent });
    expect(server.layer.counters['syn-cookies-taken']).toBeUndefined();
    expect(server.layer.drops.get('bad-cookie')).toBe(refused);
  });

  it('closes a port that uses no cookies', () => {
    const made = new TcpStand({ delay_us: DELAY_US, layer: { backlog: BACKLOG, synCookies: 'never' } });
    made.listen(PORT);
    const client = new EchoClient(made, ECHO_BYTES);
    flood(made, 1_000, 1);
    client.open();
    made.pass(3_000_000);
    expect(made.client.counts.connected).toBe(0);
    expect(made.server.layer.drops.get('queue-full')).toBeGreaterThan(1_000 - BACKLOG);
  });
});
