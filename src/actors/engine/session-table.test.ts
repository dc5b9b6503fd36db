import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENGINE_SESSIONS } from '../../machines/engine.ts';
import { buildIcmpFrame, buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import type { EngineSession } from '../../wire/control-frame.ts';
import { type FrameView, parseFrame } from '../../wire/frame.ts';
import { Flag } from '../../wire/tcp.ts';
import { type SessionRow, SessionTable } from './session-table.ts';

const OWN_MAC = 0x0200_0000_0020;
const NEXT_HOP = 0x0200_0000_0033;
const OWN_IP = 0xc000_0214;
const PEER_IP = 0xc633_641e;

function session(sessionId: number, more: Partial<EngineSession> = {}): EngineSession {
  const { udp = false } = more;
  return {
    sessionId,
    udp,
    client: true,
    suite: 1,
    order: 0,
    ownMac: OWN_MAC,
    nextHopMac: NEXT_HOP,
    ownIp: OWN_IP,
    peerIp: PEER_IP,
    ownPort: 50_000 + sessionId,
    peerPort: 443,
    pathMtu: 1500,
    receiveConnectionId: sessionId,
    sendConnectionId: sessionId,
    sendDataKeyId: 1,
    receiveDataKeyId: 2,
    sendControlKeyId: 3,
    receiveControlKeyId: 4,
    nextSequence: 0,
    acknowledgement: 0,
    site: 1,
    ...more,
  };
}

/** A frame of the session's peer to this node, or the other way. */
function frame(of: EngineSession, way: 'in' | 'out', destination = OWN_MAC): FrameView {
  const [source, sourcePort, target, destinationPort] =
    way === 'in' ? [of.peerIp, of.peerPort, of.ownIp, of.ownPort] : [of.ownIp, of.ownPort, of.peerIp, of.peerPort];
  const head = { ethernet: { source: NEXT_HOP, destination }, ip: { source, destination: target } };
  const bytes = of.udp
    ? buildUdpFrame({ ...head, udp: { sourcePort, destinationPort } }, new Uint8Array(4))
    : buildTcpFrame(
        { ...head, tcp: { sourcePort, destinationPort, seq: 1, ack: 1, flags: Flag.ACK, window: 1 } },
        new Uint8Array(4),
      );
  return parseFrame(bytes) as FrameView;
}

function tableOf(...sessions: readonly EngineSession[]): SessionTable<SessionRow> {
  const table = new SessionTable<SessionRow>();
  for (const each of sessions) expect(table.add({ session: each })).toBe(true);
  return table;
}

describe('session table 2014N', () => {
  it('gives block B the session id for MAC, IP and port, and a miss when any of them differs', () => {
    const one = session(1);
    const table = tableOf(one, session(2));
    expect(table.sessionTo(frame(one, 'in'))).toBe(1);
    const others: Partial<EngineSession>[] = [
      { ownIp: OWN_IP + 1 },
      { peerIp: PEER_IP + 1 },
      { ownPort: 9 },
      { peerPort: 9 },
      { udp: true },
    ];
    for (const other of others) expect(table.sessionTo(frame({ ...one, ...other }, 'in'))).toBeUndefined();
    expect(table.sessionTo(frame(one, 'in', NEXT_HOP))).toBeUndefined();
    expect(table.sessionTo(frame(one, 'out'))).toBeUndefined();
    expect(table.sessionFrom(frame(one, 'out', NEXT_HOP))).toBe(1);
    expect(table.sessionFrom(frame(one, 'in'))).toBeUndefined();
  });

  it('misses for what has no ports', () => {
    const ping = buildIcmpFrame(
      {
        ethernet: { source: NEXT_HOP, destination: OWN_MAC },
        ip: { source: PEER_IP, destination: OWN_IP },
        icmp: { type: 8, code: 0 },
      },
      new Uint8Array(4),
    );
    const view = parseFrame(ping) as FrameView;
    const table = tableOf(session(1));
    expect([table.sessionTo(view), table.sessionFrom(view)]).toEqual([undefined, undefined]);
  });

  it('gives blocks G, I and L keys and header values for the session id', () => {
    const table = tableOf(session(1), session(2, { sendDataKeyId: 77 }));
    expect(table.row(2)?.session.sendDataKeyId).toBe(77);
    table.remove(2);
    table.remove(2);
    expect(table.row(2)).toBeUndefined();
    expect(table.sessionTo(frame(session(2), 'in'))).toBeUndefined();
    expect([...table.rows].map((row) => row.session.sessionId)).toEqual([1]);
  });

  it('takes no two sessions with the same id or the same ends, and no more than its limit', () => {
    const table = tableOf(session(1));
    expect(table.add({ session: session(1, { ownPort: 9 }) })).toBe(false);
    expect(table.add({ session: session(2, { ownPort: 50_001 }) })).toBe(false);
    expect(table.add({ session: session(2, { ownPort: 50_001, udp: true }) })).toBe(true);
    for (let id = 3; id <= ENGINE_SESSIONS; id++) expect(table.add({ session: session(id) })).toBe(true);
    expect([table.size, table.isFree(session(9999))]).toEqual([ENGINE_SESSIONS, false]);
    table.clear();
    expect([table.size, table.isFree(session(1))]).toEqual([0, true]);
  });

  it('collects what must stay out of tunnels from all rows, and forgets it with them', () => {
    const table = tableOf(session(1), session(2, { peerIp: 7, nextHopMac: 8 }));
    table.reserved = [5];
    expect(table.ends).toEqual({
      ownMacs: new Set([OWN_MAC]),
      nextHopMacs: new Set([NEXT_HOP, 8]),
      addresses: new Set([OWN_IP, PEER_IP, 7, 5]),
    });
    expect(table.isOwn(OWN_MAC)).toBe(true);
    table.remove(1);
    table.remove(2);
    expect(table.isOwn(OWN_MAC)).toBe(false);
    expect(table.ends.addresses).toEqual(new Set([5]));
    expect(table.reserved).toEqual([5]);
  });

  it('finds what a search through all rows would find, whatever was added and removed', () => {
    const few = fc.integer({ min: 0, max: 3 });
    const row = fc
      .record({ sessionId: few, udp: fc.boolean(), ownIp: few, peerIp: few, ownPort: few, peerPort: few })
      .map(({ sessionId, ...more }) => session(sessionId, more));
    const step = fc.oneof({ weight: 3, arbitrary: row }, { weight: 1, arbitrary: few });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), row, (steps, asked) => {
        const table = new SessionTable<SessionRow>();
        const model = new Map<number, EngineSession>();
        for (const each of steps) {
          if (typeof each === 'number') {
            table.remove(each);
            model.delete(each);
          } else {
            const clashes = model.has(each.sessionId) || [...model.values()].some((known) => sameEnds(known, each));
            expect(table.add({ session: each })).toBe(!clashes);
            if (!clashes) model.set(each.sessionId, each);
          }
          const found = [...model.values()].find((known) => sameEnds(known, asked))?.sessionId;
          expect(table.sessionTo(frame(asked, 'in'))).toBe(found);
          expect(table.sessionFrom(frame(asked, 'out'))).toBe(found);
          expect(table.size).toBe(model.size);
        }
      }),
    );
  });
});

function sameEnds(one: EngineSession, other: EngineSession): boolean {
  const keys = ['udp', 'ownIp', 'peerIp', 'ownPort', 'peerPort'] as const;
  return keys.every((key) => one[key] === other[key]);
}
