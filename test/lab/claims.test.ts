import { describe, expect, it } from 'vitest';
import type { AeadProvider } from '../../src/engine/crypto/suite.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Sighting } from '../../src/lab/taps.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { GATEWAY_20, GATEWAY_30, LISTEN_PORT, SERVER_31, TERMINAL_21 } from '../../src/topologies/network.ts';
import { opensslProvider } from '../../src/transport/openssl/aead.ts';
import { toHex, u48 } from '../../src/wire/bytes.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { checkHoldOrder, checkNoF13Life } from './checks.ts';
import {
  bringUp,
  controls,
  countersOf,
  firstAt,
  hasFlags,
  holdsRecord,
  isControl,
  isTunnel,
  legNames,
  newLab,
  payloadLength,
  read,
  SECOND_US,
  upLab,
} from './support.ts';

/**
 * The claims of the published design, each number in the name of the test that shows it; docs/CLAIMS.md is the table of them. System,
 * device, method and program claims of the same content share a test.
 */

/** Both gateways' TCPs are terminated there; with an engine, and without. */
const TERMINATING = ['e2', 'e3', 'e4'];
const TAG_BYTES = 16;
const SYN_ACK = Flag.SYN | Flag.ACK;

const isComplete = (bytes: Uint8Array) => legNames(bytes).includes('COMPLETE');
const isRequest = (bytes: Uint8Array) => legNames(bytes).includes('REQUEST');

/** What passed the IP stacks and the gateways' cables while the session came up. */
function setUp(topology: string, handshake: 'hold' | 'immediate' = 'hold'): { lab: Lab; seen: Sighting[] } {
  const lab = newLab(topology, { handshake });
  const seen = lab.capture(['S20', 'S30', 'W2', 'W5'], ({ bytes }) => isTunnel(bytes));
  bringUp(lab);
  return { lab, seen };
}

describe.each(TERMINATING)('terminating means in %s', (topology) => {
  it.each(['hold', 'immediate'] as const)(
    'claims 1, 10, 18, 26: the SYN is caught and answered in its host, and a connection request goes to the receiver (%s)',
    (handshake) => {
      const { seen } = setUp(topology, handshake);
      const syn = seen[firstAt(seen, 'S30', 'down', (bytes) => hasFlags(bytes, Flag.SYN))];
      const answer = seen[firstAt(seen, 'S30', 'up', (bytes) => hasFlags(bytes, SYN_ACK))];
      const far = seen[firstAt(seen, 'S20', 'down', (bytes) => hasFlags(bytes, SYN_ACK))];
      expect(read(answer.bytes).tcp?.ack).toBe(((read(syn.bytes).tcp?.seq ?? 0) + 1) >>> 0);
      // Not the far TCP's answer carried over: a number of the driver's own.
      expect(read(answer.bytes).tcp?.seq).not.toBe(read(far.bytes).tcp?.seq);
      const request = seen[firstAt(seen, 'W5', 'ab', isRequest)];
      expect(read(request.bytes)).toMatchObject({
        ip: { source: GATEWAY_30.address, destination: GATEWAY_20.address },
        tcp: { destinationPort: LISTEN_PORT, sourcePort: read(syn.bytes).tcp?.sourcePort },
      });
      checkHoldOrder(topology, 'tcp', handshake);
    },
  );

  it('claims 2, 11, 19, 27: a connection request that arrives becomes a SYN to the local TCP, and nothing else does', () => {
    const { seen } = setUp(topology);
    const requested = firstAt(seen, 'W2', 'ab', isRequest);
    const syns = seen.filter(({ place, way, bytes }) => place === 'S20' && way === 'up' && hasFlags(bytes, Flag.SYN));
    expect(syns).toHaveLength(1);
    expect(seen.indexOf(syns[0])).toBeGreaterThan(requested);
    expect(read(syns[0].bytes)).toMatchObject({
      ip: { source: GATEWAY_30.address, destination: GATEWAY_20.address },
      tcp: { destinationPort: LISTEN_PORT },
    });
  });

  it("claims 3, 12, 20, 28: the local TCP's SYN+ACK is acknowledged in its host, and connection complete goes back", () => {
    const { seen } = setUp(topology);
    const synAck = firstAt(seen, 'S20', 'down', (bytes) => hasFlags(bytes, SYN_ACK));
    const ack = firstAt(seen, 'S20', 'up', (bytes) => hasFlags(bytes, Flag.ACK));
    const complete = firstAt(seen, 'W2', 'ba', isComplete);
    expect([synAck < ack, ack < complete]).toEqual([true, true]);
    expect(read(seen[ack].bytes).tcp?.ack).toBe(((read(seen[synAck].bytes).tcp?.seq ?? 0) + 1) >>> 0);
    const onWires = seen.filter(({ place }) => place.startsWith('W'));
    expect(onWires.some(({ bytes }) => read(bytes).tcp?.seq === read(seen[synAck].bytes).tcp?.seq)).toBe(false);
  });

  it('claims 4, 13, 21, 29: request, completion and all that follows cross without congestion control', () => {
    const asUdp = newLab(topology, { shape: 'udp' });
    const leg = asUdp.capture(['W3'], ({ bytes }) => isRequest(bytes) || isComplete(bytes));
    bringUp(asUdp);
    expect(leg.length).toBeGreaterThanOrEqual(2);
    for (const { bytes } of leg) expect(read(bytes).udp).toBeDefined();
    const lab = upLab(topology);
    ping(lab);
    const wire = lab.capture(['W3'], ({ way, bytes }) => way === 'ab' && holdsRecord(bytes));
    // Nothing comes back: a TCP at F13 would stop at its window or its timer.
    lab.cables.W3.lose = (direction) => direction === 'ba';
    for (let seq = 1; seq <= 400; seq++) {
      lab.tell('terminal21', '2103P', 'ping', { destination: SERVER_31.address, id: 2, seq, length: 1000 });
      lab.run(2_000);
    }
    expect(wire).toHaveLength(400);
    checkNoF13Life(wire);
  });
});

describe('encrypting means', () => {
  it('claims 5, 8, 14, 16, 22, 24: with the keys of the session stored, it encrypts and decrypts from the start command on', () => {
    const lab = newLab('e2');
    const seen = lab.capture(['M20', 'W2', 'W3']);
    lab.cables.W3.isCut = true;
    lab.start();
    ping(lab);
    lab.cables.W3.isCut = false;
    const isArp = ({ bytes }: Sighting) => read(bytes).arp?.senderIp === TERMINAL_21.address;
    expect(seen.some((each) => each.place === 'M20' && each.way === 'up' && isArp(each))).toBe(true);
    expect(countersOf(lab, 'gateway20', '2014')).toMatchObject({ sealed: 0, opened: 0 });
    expect(lab.until(() => lab.isUp, 60 * SECOND_US)).toBe(true);
    const start = seen.findIndex(({ place, bytes }) => place === 'M20' && isControl(bytes));
    const [{ session }] = controls(seen, 'M20', 'start');
    expect(session.sendDataKeyId).not.toBe(session.receiveDataKeyId);
    const data = ({ place, bytes }: Sighting) => place === 'W3' && holdsRecord(bytes);
    expect(seen.slice(0, start).filter(data)).toEqual([]);
    ping(lab, { count: 3 });
    expect(seen.filter(data).length).toBeGreaterThanOrEqual(6);
    const { sealed, opened } = countersOf(lab, 'gateway20', '2014');
    expect([sealed >= 3, opened >= 3]).toEqual([true, true]);
    lab.tell('gateway20', '2001', 'disconnect', { peer: 'gateway30' });
    lab.run(SECOND_US);
    const records = seen.filter(data).length;
    ping(lab);
    expect(seen.filter(data)).toHaveLength(records);
  });

  it('claims 7, 9, 15, 17, 23, 25: data already split is encrypted, and decrypted before it is joined', () => {
    const counted = (order: 0 | 1) => {
      const calls: number[] = [];
      const lab = upLab('e2', { orders: [order], hostMtu: 1500 }, { aead: counting(calls) });
      ping(lab);
      const seen = lab.capture(['W1', 'W3', 'W6'], ({ way }) => way === 'ab');
      const at = (place: string, fits: (bytes: Uint8Array) => boolean) =>
        seen.filter((each) => each.place === place && fits(each.bytes));
      const isUsers = (bytes: Uint8Array) => u48(bytes, 0) === SERVER_31.mac;
      calls.length = 0;
      lab.tell('terminal21', '2103P', 'ping', { destination: SERVER_31.address, id: 3, seq: 1, length: 1472 });
      // Long enough for the request to arrive, too short for the reply.
      lab.run(5_500);
      expect(at('W6', isUsers).map(({ bytes }) => toHex(bytes))).toEqual(
        at('W1', isUsers).map(({ bytes }) => toHex(bytes)),
      );
      const pieces = at('W3', isTunnel).length;
      // Sealing and opening of one whole frame, or of its parts.
      return {
        frames: at('W6', isUsers).length,
        pieces,
        whole: calls.filter((length) => length >= 1514).length,
        calls: calls.length,
      };
    };
    // The order of the claims: each piece is a record of its own. The order of the description: one record, cut afterwards.
    expect(counted(1)).toMatchObject({ frames: 1, pieces: 2, whole: 0 });
    expect(counted(0)).toMatchObject({ frames: 1, pieces: 2 });
    expect(counted(0).whole).toBeGreaterThanOrEqual(2);
    expect(counted(1).calls).toBeGreaterThan(counted(0).calls);
  });
});

it('claim 6: on both sides of a firewall a terminating means stands in its own network', () => {
  for (const topology of TERMINATING) {
    const { lab, seen } = setUp(topology);
    for (const [gateway, label, place] of [
      ['gateway20', '2006', 'S20'],
      ['gateway30', '3006', 'S30'],
    ] as const) {
      expect(lab.layer(gateway, label).kind).toBe('intermediate-driver');
      // Each TCP has a whole conversation in its own host.
      for (const way of ['up', 'down'] as const)
        expect(seen.some((each) => each.place === place && each.way === way && hasFlags(each.bytes, Flag.ACK))).toBe(
          true,
        );
    }
    expect(lab.drops('firewall33')).not.toHaveProperty('filtered');
  }
});

describe('tunnel setting means', () => {
  it('claims 30, 35, 40, 45: asked over TCP, terminated by the driver, made without congestion control, its header information handed to the transfer means', () => {
    const lab = newLab('e2');
    const seen = lab.capture(['S30', 'W5', 'M20', 'M30', 'W1', 'W2']);
    bringUp(lab);
    const asked = firstAt(seen, 'S30', 'down', (bytes) => hasFlags(bytes, Flag.SYN));
    const made = firstAt(seen, 'W5', 'ba', isComplete);
    const handed = firstAt(seen, 'M30', 'down', isControl);
    expect([asked < made, made < handed]).toEqual([true, true]);
    const [{ session }] = controls(seen, 'M20', 'start');
    ping(lab);
    const from = seen.length;
    ping(lab);
    const out = seen.slice(from).find(({ place, way, bytes }) => place === 'W2' && way === 'ba' && holdsRecord(bytes));
    const header = read((out as Sighting).bytes);
    // What the control frame said is what stands in front of the user's frame.
    expect(header).toMatchObject({
      ethernet: { source: session.ownMac, destination: session.nextHopMac },
      ip: { source: session.ownIp, destination: session.peerIp },
      tcp: { sourcePort: session.ownPort, destinationPort: session.peerPort },
    });
  });

  it("claims 31, 36: the transfer means takes the header information off the opposite means' frames and hands them to the terminal", () => {
    const lab = upLab('e2');
    ping(lab);
    const seen = lab.capture(['W2', 'W5', 'W6', 'W1']);
    ping(lab);
    const inside = seen.find(({ place, way, bytes }) => place === 'W5' && way === 'ba' && holdsRecord(bytes));
    const plain = seen.find(({ place, way, bytes }) => place === 'W6' && way === 'ab' && read(bytes).icmp?.type === 8);
    const sent = seen.find(({ place, way, bytes }) => place === 'W1' && way === 'ab' && read(bytes).icmp?.type === 8);
    expect(inside).toBeDefined();
    expect(toHex((plain as Sighting).bytes)).toBe(toHex((sent as Sighting).bytes));
  });

  it('claims 32, 37, 41, 42: the transfer means encrypts what it sends and decrypts what it gets, with the stored key, after the start command', () => {
    const lab = newLab('e2');
    const ctrl = lab.capture(['M30'], ({ bytes }) => isControl(bytes));
    bringUp(lab);
    ping(lab);
    const seen = lab.capture(['W1', 'W2', 'W3']);
    const before = { ...countersOf(lab, 'gateway20', '2014') };
    ping(lab, { count: 5 });
    const after = countersOf(lab, 'gateway20', '2014');
    expect([after.sealed - before.sealed, after.opened - before.opened]).toEqual([5, 5]);
    const sent = seen.find(({ place, way, bytes }) => place === 'W1' && way === 'ab' && read(bytes).icmp?.type === 8);
    const clear = toHex((sent as Sighting).bytes);
    for (const { bytes } of seen.filter(({ place, bytes }) => place === 'W3' && isTunnel(bytes)))
      expect(toHex(bytes)).not.toContain(clear.slice(0, 60));
    // The keys that the control frame named are the ones: what gateway 20 sent opens with gateway 30's, and with no other.
    const [{ session }] = controls(ctrl, 'M30', 'start');
    const vault = lab.world.vaultOf('gateway30');
    const record = seen.find(
      ({ place, way, bytes }) => place === 'W3' && way === 'ab' && holdsRecord(bytes),
    ) as Sighting;
    const { payloadOffset, payloadEnd } = read(record.bytes);
    const sealed = record.bytes.subarray(payloadOffset, payloadEnd);
    expect(toHex(vault.open(session.receiveDataKeyId, sealed) as Uint8Array)).toBe(clear);
    expect(vault.open(session.sendDataKeyId, sealed)).toBeUndefined();
  });

  it('claims 33, 38, 43, 46: encrypted, then an encryption header and an encapsulation header; both off again, then decrypted', () => {
    const lab = upLab('e2');
    ping(lab);
    const seen = lab.capture(['W1', 'W3', 'W6']);
    expect(transfer(lab, { bytes: 50_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    const large = (place: string) =>
      seen.filter((each) => each.place === place && each.way === 'ab' && each.bytes.length > 1300);
    const outer = large('W3').map(({ bytes }) => payloadLength(bytes));
    const inner = large('W1').map(({ bytes }) => bytes.length);
    // Record header of 16 bytes and tag of 16 bytes, around the whole inner frame, behind F11 to F13.
    expect(outer).toEqual(inner.map((length) => length + 32));
    expect(large('W6').map(({ bytes }) => toHex(bytes))).toEqual(large('W1').map(({ bytes }) => toHex(bytes)));
  });

  it('claims 34, 39, 44, 47: the tunnel is made with a TCP session, and the terminals communicate without it', () => {
    const lab = newLab('e2');
    const seen = lab.capture(['S20', 'S30'], ({ bytes }) => isTunnel(bytes));
    bringUp(lab);
    expect(seen.filter(({ bytes }) => hasFlags(bytes, SYN_ACK))).toHaveLength(2);
    ping(lab);
    lab.run(5 * SECOND_US);
    const before = seen.length;
    expect(transfer(lab, { bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    expect(seen.length).toBe(before);
  });
});

/** OpenSSL's ciphers, noting the length of the plain text of each call. */
function counting(calls: number[]): AeadProvider {
  return {
    ...opensslProvider,
    create(...args) {
      const aead = opensslProvider.create(...args);
      return {
        seal: (nonce, aad, plaintext, out, offset) => {
          calls.push(plaintext.length);
          aead.seal(nonce, aad, plaintext, out, offset);
        },
        open: (nonce, aad, sealed, out, offset) => {
          calls.push(sealed.length - TAG_BYTES);
          return aead.open(nonce, aad, sealed, out, offset);
        },
        wipe: () => aead.wipe(),
      };
    },
  };
}
