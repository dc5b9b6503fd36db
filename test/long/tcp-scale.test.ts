import { expect, it } from 'vitest';
import { TcpStand } from '../../bench/support/tcp-stand.ts';
import { liveHeap_bytes } from '../support/garbage.ts';
import { EchoClient, flood, lossy, PORT } from '../support/syn-flood.ts';
import { scaleRun } from '../support/tcp-scale-run.ts';

const GB = 1_000_000_000;

it('100 000 established connections, both ends in one process, take less than 1 GB', () => {
  const { rss_bytes, peakRss_bytes } = scaleRun(100_000);
  expect(rss_bytes).toBeLessThan(GB);
  expect(peakRss_bytes).toBeLessThan(1.1 * GB);
});

it('1 000 000 spoofed SYNs take no memory, and honest clients get through them over a lossy line', () => {
  const backlog = 128;
  const stand = new TcpStand({ delay_us: 5_000, layer: { backlog } });
  stand.listen(PORT);
  const client = new EchoClient(stand, 100_000);
  flood(stand, 10_000, 1);
  lossy(stand, 0.02);
  const before_bytes = liveHeap_bytes();
  for (let batch = 0; batch < 20; batch++) {
    client.open();
    flood(stand, 50_000, 2 + batch);
    stand.pass(5_000_000);
    expect([batch, client.done, client.isRight]).toEqual([batch, true, true]);
    expect(stand.server.layer.size).toBeLessThanOrEqual(backlog + client.opened);
  }
  const grown_bytes = liveHeap_bytes() - before_bytes;
  console.log(JSON.stringify({ grown_bytes, ...stand.server.layer.counters }));
  expect(grown_bytes).toBeLessThan(2_000_000);
});
