import { describe, expect, it } from 'vitest';
import type { HttpProxyLayer } from '../../src/actors/http-proxy/layer.ts';
import { startTransfer } from '../../src/lab/traffic.ts';
import { FIREWALL_33_WAN, GATEWAY_20, LISTEN_PORT } from '../../src/topologies/network.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { mustTransfer } from './reorigination.ts';
import { bringUp, countersOf, newLab, SECOND_US, upLab } from './support.ts';

describe.each(['e5-proxy', 'e6-proxy', 'e7-proxy'])('%s', (topology) => {
  it('comes up by CONNECT and carries users both ways; gateway 20 sees the proxy, and nothing else passes it', () => {
    const lab = newLab(topology);
    const seen = lab.capture(['W3', 'W4'], ({ bytes }) => parseFrame(bytes).ip !== undefined);
    bringUp(lab);
    mustTransfer(lab);
    if (topology === 'e5-proxy') mustTransfer(lab, 200_000, 'server31');
    const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
    const first = (place: string, word: string) =>
      seen.findIndex((each) => each.place === place && text(each.bytes).includes(word));
    expect(first('W4', `CONNECT 192.0.2.20:${LISTEN_PORT} HTTP/1.1`)).toBeGreaterThanOrEqual(0);
    expect(first('W4', 'HTTP/1.1 200')).toBeGreaterThan(first('W4', 'CONNECT'));
    expect(first('W3', 'CONNECT')).toBe(-1);
    const outside = seen.filter(({ place, way }) => place === 'W3' && way === 'ba');
    const ends = new Set(
      outside.map(({ bytes }) => `${parseFrame(bytes).ip?.source} ${parseFrame(bytes).ip?.destination}`),
    );
    expect(ends).toEqual(new Set([`${FIREWALL_33_WAN.address} ${GATEWAY_20.address}`]));
    expect(countersOf(lab, 'firewall33', '3301')).toMatchObject({ opened: 1 });
  });

  it('goes on at 1 % loss', () => mustTransfer(upLab(topology, { path: { delay_us: 5_000, loss: 0.01 } })));
});

describe('a session through an HTTP proxy', () => {
  it('is lost with the proxy and comes back with it', () => {
    const lab = upLab('e5-proxy');
    const proxy = lab.layer('firewall33', '3301') as HttpProxyLayer;
    expect(proxy.machines().map(({ state }) => state)).toEqual(['RUNNING', 'OPEN']);
    lab.devices.firewall33.stop();
    lab.run(SECOND_US);
    lab.devices.firewall33.start();
    expect(lab.until(() => proxy.machines().some(({ state }) => state === 'OPEN'), 300 * SECOND_US)).toBe(true);
    expect(lab.until(() => lab.isUp, 120 * SECOND_US)).toBe(true);
    mustTransfer(lab);
  });

  it('loses nothing when gateway 20 takes bytes slower than gateway 30 gives them', () => {
    const lab = upLab('e5-proxy', { path: { delay_us: 5_000, rate_bps: 10_000_000 } });
    const running = startTransfer(lab, { from: 'server31', bytes: 4_000_000 });
    expect(lab.until(() => running.isOver, 60 * SECOND_US)).toBe(true);
    running.end();
    expect(running.result()).toMatchObject({ complete: true, intact: true, reason: 'normal' });
  });
});
