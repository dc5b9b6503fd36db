import { describe, expect, it } from 'vitest';
import { TcpStand } from '../../../bench/support/tcp-stand.ts';
import { segment } from '../../../test/support/tcp-pair.ts';
import { Flag, type TcpOptions } from '../../wire/tcp.ts';
import type { TcpLayerOptions } from './layer.ts';
import { packetFromSegment, type Segment, segmentFromPacket } from './segment.ts';

const PORT = 443;
const DELAY_US = 1_000;
const ROUND_US = 10 * DELAY_US;
const PERIOD_US = 64_000_000;

/** Server and client on one wire; what the server sends is kept. */
function pairOf(layer: Partial<TcpLayerOptions> = {}, clientOptions: TcpLayerOptions['connections'] = {}) {
  const stand = new TcpStand({ delay_us: DELAY_US, layer, clientLayer: { connections: clientOptions } });
  stand.listen(PORT);
  const sent: Segment[] = [];
  const { carry } = stand.server;
  stand.server.carry = (packet) => {
    const read = segmentFromPacket(packet);
    if (read.ok) sent.push(read.segment);
    carry(packet);
  };
  return { stand, sent, server: stand.server, client: stand.client };
}

/** A stranger's segment to the server. */
function strange(stand: TcpStand, localPort: number, flags: number, seq: number, ack = 0, options: TcpOptions = {}) {
  const tuple = { local: 0xc0a8_0001, localPort, remote: stand.server.address, remotePort: PORT };
  stand.server.packet(packetFromSegment(segment(flags, seq, ack, options), tuple));
}

describe('a listening port with SYN cookies', () => {
  it.each([
    ['everything', {}, { mss: 1448, scaled: true }],
    ['no timestamps, so no window scale', { timestamps: false }, { mss: 1460, scaled: false }],
    ['no window scale', { windowScale: false }, { mss: 1448, scaled: false }],
    ['no SACK', { sack: false }, { mss: 1448, scaled: true }],
  ])('opens, carries both ways and closes: %s', (_, options, { mss, scaled }) => {
    const { stand, sent, server, client } = pairOf({ synCookies: 'always' }, options);
    stand.connect(client, 'mine', PORT);
    stand.pass(1.5 * DELAY_US);
    expect(server.layer.size).toBe(0);
    expect(sent).toMatchObject([{ flags: Flag.SYN | Flag.ACK, window: 65_535 }]);
    stand.pass(ROUND_US);
    expect([client.counts.connected, server.counts.accepted]).toEqual([1, 1]);
    expect(server.layer.counters).toMatchObject({ 'syn-cookies-sent': 1, 'syn-cookies-taken': 1 });
    const { path } = server.layer.connection('accepted-1')!;
    expect(path.mss).toBe(mss);
    expect(client.layer.connection('mine')!.path.mss).toBe(mss);
    client.ask({ kind: 'write', connection: 'mine', bytes: new Uint8Array(300_000) });
    server.ask({ kind: 'write', connection: 'accepted-1', bytes: new Uint8Array(300_000) });
    stand.pass(3_000_000);
    expect([client.counts.bytes, server.counts.bytes]).toEqual([300_000, 300_000]);
    expect(server.layer.connection('accepted-1')!.path.window > 65_535).toBe(scaled);
    client.ask({ kind: 'close', connection: 'mine' });
    server.ask({ kind: 'close', connection: 'accepted-1' });
    stand.pass(3_000_000);
    expect([client.counts.closed, server.counts.closed]).toEqual([1, 1]);
    expect(server.layer.connection('accepted-1')).toBeUndefined();
  });

  it('takes a cookie from the first data when the ACK itself was lost', () => {
    const { stand, server, client } = pairOf({ synCookies: 'always' });
    const { carry } = client;
    let packets = 0;
    client.carry = (packet) => {
      packets += 1;
      if (packets !== 2) carry(packet);
    };
    stand.connect(client, 'mine', PORT);
    stand.pass(ROUND_US);
    expect([client.counts.connected, server.counts.accepted]).toEqual([1, 0]);
    client.ask({ kind: 'write', connection: 'mine', bytes: new Uint8Array(10) });
    stand.pass(ROUND_US);
    expect([server.counts.accepted, server.counts.bytes]).toEqual([1, 10]);
  });

  it('answers a wrong number and a late one by RST, with the reason', () => {
    const { stand, sent, server } = pairOf({ synCookies: 'always' });
    strange(stand, 7, Flag.SYN, 100);
    const cookie = sent[0].seq;
    strange(stand, 7, Flag.ACK, 101, cookie);
    expect(sent[1]).toMatchObject({ flags: Flag.RST, seq: cookie });
    strange(stand, 8, Flag.ACK, 101, cookie + 1);
    expect(server.layer.drops.get('bad-cookie')).toBe(2);
    stand.pass(PERIOD_US);
    strange(stand, 7, Flag.ACK, 101, cookie + 1);
    expect(server.counts.accepted).toBe(1);
    strange(stand, 9, Flag.SYN, 100);
    const late = sent.at(-1)!.seq;
    stand.pass(2 * PERIOD_US + 1);
    strange(stand, 9, Flag.ACK, 101, late + 1);
    expect(sent.at(-1)).toMatchObject({ flags: Flag.RST });
    expect(server.layer.drops.get('no-connection')).toBe(1);
    expect(server.counts.accepted).toBe(1);
  });

  it('takes cookies over IPv6', () => {
    const { stand, sent, server } = pairOf({ synCookies: 'always', otherAddresses: ['fd00::1'] });
    const tuple = { local: 'fd00::2', localPort: 7, remote: 'fd00::1', remotePort: PORT };
    server.packet(packetFromSegment(segment(Flag.SYN, 100, 0, { mss: 1440 }), tuple));
    expect(sent).toMatchObject([{ flags: Flag.SYN | Flag.ACK, ack: 101, options: { mss: 1440 } }]);
    server.packet(packetFromSegment(segment(Flag.ACK, 101, sent[0].seq + 1), tuple));
    stand.pass(ROUND_US);
    expect(server.layer.connection('accepted-1')?.path.mss).toBe(1440);
  });

  it('keeps what a restored layer needs to take its cookies, and nothing else of a SYN', () => {
    const { stand, sent, server } = pairOf({ synCookies: 'always' });
    const before = server.layer.save();
    strange(stand, 7, Flag.SYN, 100);
    const saved = structuredClone(server.layer.save());
    expect({ ...saved, listeners: null }).toEqual({ ...before, listeners: null });
    const fresh = pairOf({ synCookies: 'always' });
    fresh.server.ask({ kind: 'unlisten', port: PORT });
    fresh.server.layer.restore(saved);
    strange(fresh.stand, 7, Flag.ACK, 101, sent[0].seq + 1);
    expect(fresh.server.counts.accepted).toBe(1);
  });

  it('uses no cookie for a SYN that follows a connection in TIME-WAIT: its numbers must be higher', () => {
    const { stand, sent, server, client } = pairOf({ synCookies: 'always' });
    client.ask({
      kind: 'connect',
      connection: 'one',
      destination: server.address,
      destinationPort: PORT,
      sourcePort: 5,
    });
    stand.pass(ROUND_US);
    server.ask({ kind: 'close', connection: 'accepted-1' });
    stand.pass(ROUND_US);
    client.ask({ kind: 'close', connection: 'one' });
    stand.pass(ROUND_US);
    expect(server.layer.machines()).toMatchObject([{ state: 'TIME-WAIT' }]);
    client.ask({
      kind: 'connect',
      connection: 'two',
      destination: server.address,
      destinationPort: PORT,
      sourcePort: 5,
    });
    stand.pass(ROUND_US);
    expect(server.counts.accepted).toBe(2);
    expect(server.layer.counters).toMatchObject({ 'syn-cookies-sent': 1 });
    expect(sent.filter(({ flags }) => flags === (Flag.SYN | Flag.ACK))).toHaveLength(2);
  });
});

describe('limits of a listening port', () => {
  it('begins no more than its user takes at a time, with or without cookies', () => {
    for (const synCookies of ['always', 'never'] as const) {
      const { stand, server, client } = pairOf({ synCookies });
      server.ask({ kind: 'unlisten', port: PORT });
      server.ask({ kind: 'listen', port: PORT, most: 2 });
      for (const name of ['a', 'b', 'c']) {
        stand.connect(client, name, PORT);
        stand.pass(ROUND_US);
      }
      expect([client.counts.connected, server.counts.accepted]).toEqual([2, 2]);
      expect(server.layer.drops.get('listener-full')).toBe(1);
      server.ask({ kind: 'abort', connection: 'accepted-1' });
      stand.pass(2_000_000);
      expect(server.counts.accepted).toBe(3);
    }
  });

  it('counts the connections of an earlier listener of the port', () => {
    const { stand, server, client } = pairOf();
    stand.connect(client, 'a', PORT);
    stand.pass(ROUND_US);
    server.ask({ kind: 'unlisten', port: PORT });
    server.ask({ kind: 'listen', port: PORT, most: 1 });
    stand.connect(client, 'b', PORT);
    stand.pass(ROUND_US);
    expect(server.layer.drops.get('listener-full')).toBe(1);
    client.ask({ kind: 'abort', connection: 'a' });
    stand.pass(2_000_000);
    expect([client.counts.connected, server.counts.accepted]).toEqual([2, 2]);
  });

  it('does not take a cookie back for which there is no room; the client is not told off', () => {
    const { stand, sent, server } = pairOf({ synCookies: 'always', maxConnections: 1 });
    strange(stand, 7, Flag.SYN, 100);
    strange(stand, 8, Flag.SYN, 100);
    const [seven, eight] = sent.map(({ seq }) => seq);
    strange(stand, 7, Flag.ACK, 101, seven + 1);
    strange(stand, 8, Flag.ACK, 101, eight + 1);
    strange(stand, 9, Flag.SYN, 100);
    expect(server.layer.drops.get('too-many-connections')).toBe(2);
    expect(sent).toHaveLength(2);
    server.ask({ kind: 'abort', connection: 'accepted-1' });
    strange(stand, 8, Flag.ACK, 101, eight + 1);
    expect(server.counts.accepted).toBe(2);
  });
});
