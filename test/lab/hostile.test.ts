import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/actors/random.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { ping, startTransfer, transfer } from '../../src/lab/traffic.ts';
import { FIREWALL_33_WAN, GATEWAY_20, GATEWAY_30, LISTEN_PORT } from '../../src/topologies/network.ts';
import { buildTcpFrame, buildUdpFrame } from '../../src/wire/build.ts';
import { buildLeg, buildUdpHello, LegKind } from '../../src/wire/leg.ts';
import { buildReasonBody, buildRequest } from '../../src/wire/leg-body.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { PROTOCOL_VERSION, Reason } from '../../src/wire/terms.ts';
import { bringUp, firstAt, holdsRecord, isTunnel, newLab, read, SECOND_US, SHAPES, upLab } from './support.ts';

const MINUTE_US = 60 * SECOND_US;
/** Ethernet, IPv4, TCP with MSS and window scale. */
const SYN_ACK_FRAME_BYTES = 62;
const CASES = ['e2', 'e4'].flatMap((topology) => SHAPES.map((shape) => ({ topology, shape })));

describe.each(CASES)('a stranger on the path of $topology, F13 $shape', ({ topology, shape }) => {
  it('with garbage of any length: nothing throws, the session goes on', () => {
    const lab = upLab(topology, { shape });
    const random = new SeededRandom(3, 'garbage');
    for (let count = 0; count < 400; count++) {
      const bytes = random.bytes(random.below(200));
      if (bytes.length > 40 && random.fraction() < 0.7) headed(bytes, shape, random);
      into20(lab, bytes);
    }
    lab.run(10 * SECOND_US);
    expect(lab.isUp).toBe(true);
    expect(ping(lab, { count: 2 }).rtts_us).toHaveLength(2);
  });

  it('with records sent again, damaged or cut short: each is refused with its reason, all bytes arrive', () => {
    const lab = upLab(topology, { shape });
    ping(lab);
    const seen = lab.capture(['W2'], ({ way, bytes }) => way === 'ab' && holdsRecord(bytes));
    const running = startTransfer(lab, { from: 'server31', bytes: 100_000 });
    expect(lab.until(() => seen.length > 30, MINUTE_US)).toBe(true);
    for (const { bytes } of seen.slice(0, 20)) {
      into20(lab, bytes);
      const flipped = bytes.slice();
      flipped[bytes.length - 20] ^= 1;
      flipped[read(bytes).payloadOffset + 15] += 100;
      into20(lab, flipped);
      into20(lab, bytes.subarray(0, bytes.length - 10));
    }
    expect(lab.until(() => running.isOver, MINUTE_US)).toBe(true);
    running.end();
    expect(running.result()).toMatchObject({ complete: true, intact: true });
    const drops = lab.drops('gateway20');
    expect(drops.replayed).toBeGreaterThanOrEqual(20);
    expect(drops['bad-tag']).toBeGreaterThanOrEqual(15);
    expect(drops.malformed).toBeGreaterThanOrEqual(20);
  });

  it('with connection requests that show no cookie of ours: no session, no answer', () => {
    const lab = upLab(topology, { shape });
    const answers = lab.capture(['W2'], ({ way, bytes }) => way === 'ba' && isTunnel(bytes));
    const sessions = lab.layer('gateway20', '2006').counters.sessions;
    for (let count = 0; count < 50; count++) into20(lab, request(shape, 10_000 + count));
    expect(lab.drops('gateway20')['bad-cookie']).toBe(50);
    expect(lab.layer('gateway20', '2006').counters.sessions).toBe(sessions);
    expect(answers).toEqual([]);
  });

  it('with a flood of HELLOs from everywhere: answered without a trace, and a true client still gets in', () => {
    const lab = newLab(topology, { shape });
    lab.cables.W5.isCut = true;
    lab.start();
    lab.run(SECOND_US);
    const before = JSON.stringify(lab.layer('gateway20', '2006').save());
    const cookies = lab.capture(['W2'], ({ way }) => way === 'ba');
    for (let count = 0; count < 3000; count++) into20(lab, hello(shape, count));
    expect(JSON.stringify(lab.layer('gateway20', '2006').save())).toBe(before);
    expect(cookies.length).toBe(3000);
    // Over UDP never longer than the HELLO; over TCP a SYN+ACK as of any TCP.
    const most = shape === 'udp' ? hello(shape, 1).length : SYN_ACK_FRAME_BYTES;
    for (const { bytes } of cookies) expect(bytes.length).toBeLessThanOrEqual(most);
    lab.cables.W5.isCut = false;
    expect(lab.until(() => lab.isUp, MINUTE_US)).toBe(true);
  });

  it('with BYE and RST in clear: the session goes on', () => {
    const lab = upLab(topology, { shape });
    const peerPort = lab.status('gateway20').peers[0].tuple?.remotePort as number;
    for (let count = 0; count < 5; count++) {
      for (const bytes of farewells(shape, peerPort)) into20(lab, bytes);
      lab.run(3 * SECOND_US);
    }
    lab.run(MINUTE_US);
    expect(lab.isUp).toBe(true);
    expect(lab.status('gateway20').sessions).toHaveLength(1);
    expect(ping(lab, { count: 2 }).rtts_us).toHaveLength(2);
  });

  it('with the whole set-up played again: no second session', () => {
    const lab = newLab(topology, { shape });
    const seen = lab.capture(['W2'], ({ way, bytes }) => way === 'ab' && isTunnel(bytes));
    bringUp(lab);
    for (const { bytes } of [...seen]) into20(lab, bytes);
    lab.run(MINUTE_US);
    expect(lab.isUp).toBe(true);
    expect(lab.status('gateway20').sessions).toHaveLength(1);
    expect(transfer(lab, { bytes: 50_000, limit_us: MINUTE_US })).toMatchObject({ complete: true, intact: true });
  });
});

it('a frame with a wrong checksum never reaches a session', () => {
  const lab = upLab('e4');
  ping(lab);
  const seen = lab.capture(['W2'], ({ way, bytes }) => way === 'ab' && holdsRecord(bytes));
  ping(lab);
  const before = lab.drops('gateway20')['bad-checksum'] ?? 0;
  const { bytes } = seen[firstAt(seen, 'W2', 'ab', () => true)];
  lab.devices.gateway20.input({ kind: 'frame', port: '2013', bytes, checksum: 'bad' });
  expect(lab.drops('gateway20')['bad-checksum']).toBe(before + 1);
});

function into20(lab: Lab, bytes: Uint8Array): void {
  lab.devices.gateway20.input({ kind: 'frame', port: '2013', bytes, checksum: 'good' });
}

const link = { ethernet: { destination: GATEWAY_20.mac, source: FIREWALL_33_WAN.mac } };

function packet(
  shape: 'tcp' | 'udp',
  sourcePort: number,
  payload: Uint8Array,
  flags: number = Flag.ACK,
  source = GATEWAY_30.address,
): Uint8Array {
  const ip = { source, destination: GATEWAY_20.address };
  const ports = { sourcePort, destinationPort: LISTEN_PORT };
  if (shape === 'udp') return buildUdpFrame({ ...link, ip, udp: ports }, payload);
  return buildTcpFrame({ ...link, ip, tcp: { ...ports, seq: 1000, ack: 1, flags, window: 65_535 } }, payload);
}

/** Random bytes behind true addresses and ports. */
function headed(bytes: Uint8Array, shape: 'tcp' | 'udp', random: SeededRandom): void {
  const head = packet(shape, 50_000 + random.below(3), new Uint8Array(0));
  bytes.set(head.subarray(0, Math.min(head.length, bytes.length, 14 + random.below(head.length))));
}

function hello(shape: 'tcp' | 'udp', number: number): Uint8Array {
  const source = 0x0a00_0000 + number;
  return shape === 'udp'
    ? packet(shape, 999, buildUdpHello('0102030405060708'), 0, source)
    : packet(shape, 999, new Uint8Array(0), Flag.SYN, source);
}

function request(shape: 'tcp' | 'udp', sourcePort: number): Uint8Array {
  const body = buildRequest({
    protocolVersion: PROTOCOL_VERSION,
    udp: shape === 'udp',
    immediate: false,
    cookie: new Uint8Array(shape === 'udp' ? 16 : 4).fill(7),
    destination: GATEWAY_20.address,
    destinationPort: LISTEN_PORT,
    source: GATEWAY_30.address,
    sourcePort,
  });
  const unit = buildLeg(
    { kind: LegKind.REQUEST, senderToken: 'aaaaaaaaaaaaaaaa', sequence: 0, acknowledgement: 0 },
    body,
  );
  return packet(shape, sourcePort, unit);
}

function farewells(shape: 'tcp' | 'udp', peerPort: number): Uint8Array[] {
  const tokens = { senderToken: 'aaaaaaaaaaaaaaaa', receiverToken: 'bbbbbbbbbbbbbbbb' };
  const bye = buildLeg(
    { kind: LegKind.BYE, ...tokens, sequence: 0, acknowledgement: 0 },
    buildReasonBody(Reason.OPERATOR),
  );
  const frames = [packet(shape, peerPort, bye)];
  if (shape === 'tcp')
    frames.push(
      packet(shape, peerPort, new Uint8Array(0), Flag.RST),
      packet(shape, peerPort, new Uint8Array(0), Flag.RST | Flag.ACK),
    );
  return frames;
}
