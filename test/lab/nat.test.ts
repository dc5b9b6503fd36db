import { describe, expect, it } from 'vitest';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { FIREWALL_33_WAN, GATEWAY_20, GATEWAY_30 } from '../../src/topologies/network.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { bringUp, newLab, SECOND_US, SHAPES } from './support.ts';

/** Addresses and ports of the TCP or UDP packets to and from gateway 20, as `from:port to:port`. */
function ends(bytes: Uint8Array): { readonly ip: readonly number[]; readonly ports: readonly number[] } | undefined {
  const { ip, tcp, udp } = parseFrame(bytes);
  const ports = tcp ?? udp;
  if (ip === undefined || ports === undefined) return undefined;
  return { ip: [ip.source, ip.destination], ports: [ports.sourcePort, ports.destinationPort] };
}

describe.each(['e2-nat', 'e4-nat'])('%s', (topology) => {
  it.each(SHAPES)('F13 in the shape of %s passes a NAT router that translates address and port', (shape) => {
    const lab = newLab(topology, { shape }, { verifies: true });
    const seen = lab.capture(['W3', 'W4'], ({ way, bytes }) => way === 'ba' && ends(bytes) !== undefined);
    bringUp(lab);
    expect(ping(lab, { count: 3 }).rtts_us).toHaveLength(3);
    for (const from of ['terminal21', 'server31'])
      expect(transfer(lab, { from, bytes: 300_000, limit_us: 60 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
    const at = (place: string) => seen.filter((each) => each.place === place).map(({ bytes }) => ends(bytes)!);
    const [outside, inside] = [at('W3'), at('W4')];
    expect(outside.length).toBeGreaterThan(100);
    expect(inside.length).toBe(outside.length);
    for (const { ip } of inside) expect(ip).toEqual([GATEWAY_30.address, GATEWAY_20.address]);
    for (const { ip } of outside) expect(ip).toEqual([FIREWALL_33_WAN.address, GATEWAY_20.address]);
    const portsOf = (all: typeof inside) => new Set(all.map(({ ports }) => ports[0]));
    expect([portsOf(inside).size, portsOf(outside).size]).toEqual([1, 1]);
    expect(portsOf(outside)).not.toEqual(portsOf(inside));
    expect(lab.drops()).not.toHaveProperty('bad-checksum');
  });

  it('goes on at 1 % loss', () => {
    const lab = newLab(topology, { path: { delay_us: 5_000, loss: 0.01 } });
    bringUp(lab);
    expect(transfer(lab, { bytes: 300_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
  });
});
