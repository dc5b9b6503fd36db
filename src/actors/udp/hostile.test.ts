import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DIALLED, FAR, NEAR, record, TUPLE, tls, UdpPair } from '../../../test/support/udp-pair.ts';
import { buildUdpPacket } from '../../wire/build.ts';
import { concat, EMPTY } from '../../wire/bytes.ts';
import { IcmpType, UnreachableCode } from '../../wire/icmp.ts';
import { buildLeg, buildUdpHello, type LegFields, LegKind } from '../../wire/leg.ts';
import { buildLegData, buildOpen, buildReasonBody } from '../../wire/leg-body.ts';
import { buildIcmpPacket, ICMP_ERRORS_BURST } from '../icmp-error.ts';
import { cookieFor } from '../leg/cookies.ts';
import { UDP_CONNECTIONS, UDP_LISTENERS } from './layer.ts';

const TOKEN = '0123456789abcdef';
const OTHER_TOKEN = 'fedcba9876543210';
const ACCEPTED = 'accepted-1';
const STRANGER = { address: 0xc0_00_02_63, port: 4000 };

const leg = (fields: Partial<LegFields> & { kind: number }, body: Uint8Array = EMPTY) =>
  buildLeg({ sequence: 0, acknowledgement: 0, ...fields }, body);

/** An OPEN with a cookie that the far end gives to whoever is at that address. */
function open(pair: UdpPair, from = NEAR, token = TOKEN, bytes = tls(1, 20)): Uint8Array {
  const tuple = { ...TUPLE, remote: from.address, remotePort: from.port };
  const cookie = cookieFor(pair.far.host.vault, tuple, 'udp', pair.far.host.now_us());
  return leg({ kind: LegKind.OPEN, senderToken: token }, buildOpen({ cookie, fin: false, bytes }));
}

describe('what strangers send', () => {
  it('makes no connection without the cookie of its own address and port', () => {
    const pair = new UdpPair();
    pair.forge('far', open(pair), { ...NEAR, port: NEAR.port + 1 });
    pair.forge('far', open(pair), { ...NEAR, address: NEAR.address + 1 });
    pair.forge(
      'far',
      leg(
        { kind: LegKind.OPEN, senderToken: TOKEN },
        buildOpen({ cookie: new Uint8Array(16), fin: false, bytes: tls(1, 5) }),
      ),
    );
    pair.forge('far', open(pair, NEAR, '0000000000000000'));
    pair.forge('far', leg({ kind: LegKind.OPEN, senderToken: TOKEN }, new Uint8Array(9)));
    expect(pair.far.host.dropReasons()).toEqual(['bad-cookie', 'bad-cookie', 'bad-cookie', 'bad-token', 'malformed']);
    expect(pair.far.told()).toEqual([]);
    expect(pair.crossed('far')).toEqual([]);
  });

  it('gets no answer to a HELLO that is not padded', () => {
    const pair = new UdpPair();
    pair.forge('far', leg({ kind: LegKind.HELLO, senderToken: TOKEN }, new Uint8Array(20)));
    expect(pair.crossed('far')).toEqual([]);
    pair.forge('far', buildUdpHello(TOKEN));
    expect(pair.crossed('far')).toEqual(['COOKIE']);
  });

  it('finds nothing out about connections, and disturbs none', () => {
    const pair = new UdpPair().established();
    const from = pair.line.length;
    for (const kind of Object.values(LegKind)) {
      const body = kind === LegKind.HELLO ? EMPTY : buildLegData({ fin: true, bytes: tls(9, 5) });
      pair.forge('far', leg({ kind, senderToken: TOKEN, receiverToken: OTHER_TOKEN }, body));
      pair.forge('near', leg({ kind, senderToken: TOKEN, receiverToken: OTHER_TOKEN }, body));
    }
    pair.forge('far', concat(record(1), Uint8Array.of(0x99)), STRANGER);
    expect(pair.line.length).toBe(from);
    expect(pair.far.toldKinds()).toEqual(['accepted', 'data']);
    expect([pair.near.state, pair.far.state]).toEqual(['OPEN.ESTABLISHED', 'OPEN.ESTABLISHED']);
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: tls(4, 10) });
    expect(pair.settle().far.received('tls')).toEqual([tls(1, 100), tls(4, 10)]);
  });

  it('is answered by ICMP at a port that nobody has, so often and not oftener', () => {
    const pair = new UdpPair({ listens: false });
    for (let round = 0; round < 2 * ICMP_ERRORS_BURST; round++) pair.forge('far', Uint8Array.of(1));
    expect(pair.crossed('far')).toHaveLength(ICMP_ERRORS_BURST);
    expect(pair.far.layer.counters['icmp-rate']).toBe(ICMP_ERRORS_BURST);
  });

  it('drops what is broken, or for others', () => {
    const { far } = new UdpPair();
    const fields = {
      ip: { source: NEAR.address, destination: FAR.address },
      udp: { sourcePort: NEAR.port, destinationPort: FAR.port },
    };
    far.host.injectBytes('lower', buildUdpPacket(fields, buildUdpHello(TOKEN)), 'bad');
    const elsewhere = { ...fields, ip: { ...fields.ip, destination: FAR.address + 1 } };
    far.host.injectBytes('lower', buildUdpPacket(elsewhere, buildUdpHello(TOKEN)));
    far.host.injectBytes('lower', buildUdpPacket(fields, Uint8Array.of(0x42, 1, 0, 9)));
    far.host.injectBytes('lower', buildUdpPacket(fields, Uint8Array.of(1)).subarray(0, 24));
    const echo = { type: IcmpType.ECHO_REPLY, code: 0 };
    far.host.injectBytes('lower', buildIcmpPacket(fields.ip, echo, new Uint8Array(8)));
    far.host.injectBytes('lower', buildUdpPacket(fields, record(1)));
    expect(far.host.dropReasons()).toEqual([
      'bad-checksum',
      'not-our-address',
      'malformed',
      'malformed',
      'unknown-kind',
      'no-session',
    ]);
  });

  it('throws for nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isOpen) => {
        const pair = isOpen ? new UdpPair().established() : new UdpPair();
        pair.forge('far', bytes);
        pair.far.host.injectBytes('lower', bytes);
        pair.forge('far', concat(open(pair).subarray(0, 45), bytes));
      }),
      { numRuns: 200 },
    );
  });
});

describe('limits', () => {
  it('refuses a connection too many without keeping anything; one that is over gives way', () => {
    const pair = new UdpPair();
    const port = (index: number) => ({ ...NEAR, port: 10_000 + index });
    for (let index = 0; index < UDP_CONNECTIONS; index++) pair.forge('far', open(pair, port(index)), port(index));
    expect(pair.far.toldKinds().filter((kind) => kind === 'accepted')).toHaveLength(UDP_CONNECTIONS);
    pair.connect();
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: tls(1, 10) });
    pair.settle();
    expect(pair.crossed('far').at(-1)).toBe('REFUSED');
    expect(pair.near.toldKinds()).toEqual(['connected', 'closed refused']);
    const fin = leg({ kind: LegKind.OPEN, senderToken: TOKEN, sequence: 25 }, finishing(pair, port(0)));
    pair.far.asks({ kind: 'close', connection: ACCEPTED });
    pair.forge('far', fin, port(0));
    const [token] = pair.far.layer.save().connections as never as [{ start: { ownToken: string } }];
    const acknowledgement = leg({
      kind: LegKind.ACKNOWLEDGE,
      senderToken: TOKEN,
      receiverToken: token.start.ownToken,
      acknowledgement: 1,
    });
    pair.forge('far', acknowledgement, port(0));
    expect(pair.far.toldKinds().at(-1)).toBe('closed normal');
    pair.connect();
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: tls(1, 10) });
    expect(pair.settle().near.state).toBe('OPEN.ESTABLISHED');
  });

  it('believes an end that says no before it has said anything else', () => {
    const pair = new UdpPair();
    pair.connect();
    pair.far.host.outputs.length = 0;
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: tls(1, 10) });
    const [{ start }] = pair.near.layer.save().connections as never as [{ start: { ownToken: string } }];
    pair.forge(
      'near',
      leg({ kind: LegKind.BYE, senderToken: TOKEN, receiverToken: start.ownToken }, buildReasonBody(6)),
    );
    expect(pair.near.toldKinds()).toEqual(['connected', 'closed reset']);
    expect(pair.near.host.timers()).toEqual([]);
  });

  it('lets a peer that began anew at the same address in, once the old one is silent', () => {
    const pair = new UdpPair().established();
    pair.fate = () => [];
    pair.forge('far', open(pair, NEAR, OTHER_TOKEN));
    expect(pair.far.toldKinds()).toEqual(['accepted', 'data']);
    pair.advance(5_000_000);
    pair.forge('far', open(pair, NEAR, OTHER_TOKEN));
    expect(pair.far.toldKinds()).toEqual(['accepted', 'data', 'closed reset', 'accepted', 'data']);
  });

  it('answers a user who asks for the impossible', () => {
    const { near } = new UdpPair();
    const dial = { kind: 'connect', destination: FAR.address, destinationPort: FAR.port } as const;
    near.asks({ ...dial, connection: 'six', destination: '2001:db8::1' });
    near.asks({ ...dial, connection: 'one' });
    near.asks({ ...dial, connection: 'one' });
    near.asks({ kind: 'write', connection: 'nobody', bytes: tls(1, 1) });
    near.asks({ kind: 'status', connection: 'one' });
    for (let port = 1; port <= UDP_LISTENERS + 1; port++) near.asks({ kind: 'listen', port });
    near.asks({ kind: 'listen', port: 1 });
    near.asks({ kind: 'unlisten', port: 1 });
    near.asks({ kind: 'listen', port: UDP_LISTENERS + 1 });
    expect(near.toldKinds()).toEqual(['closed unreachable', 'closed aborted']);
    expect(near.host.dropReasons()).toEqual(['no-connection', 'unknown-kind', 'table-full']);
  });

  it('ends when the peer puts nonsense into the stream, and drops a record that is in it', () => {
    const pair = new UdpPair();
    pair.forge('far', open(pair, NEAR, TOKEN, record(1)));
    expect(pair.far.host.dropReasons()).toEqual(['unexpected-unit']);
    const bad = buildOpen({
      cookie: cookieFor(pair.far.host.vault, TUPLE, 'udp', 0),
      fin: false,
      bytes: Uint8Array.of(0xff),
    });
    pair.forge('far', leg({ kind: LegKind.OPEN, senderToken: TOKEN, sequence: record(1).length }, bad));
    expect(pair.far.toldKinds()).toEqual(['accepted', 'closed timed-out']);
  });

  it('asks after ICMP that is about a connection, and not after other ICMP', () => {
    const pair = new UdpPair().established();
    const quoted = pair.line.find(({ from }) => from === 'near')?.bytes.subarray(0, 28) as Uint8Array;
    const error = (code: number) =>
      buildIcmpPacket({ source: FAR.address, destination: NEAR.address }, { type: IcmpType.UNREACHABLE, code }, quoted);
    const from = pair.line.length;
    pair.near.host.injectBytes('lower', error(UnreachableCode.FRAGMENTATION_NEEDED));
    pair.near.host.injectBytes('lower', error(UnreachableCode.HOST));
    pair.settle();
    expect(pair.crossed().slice(from)).toEqual(['PING', 'ACKNOWLEDGE']);
  });

  it('does not ask after ICMP that was damaged on its way', () => {
    const pair = new UdpPair().established();
    const quoted = pair.line.find(({ from }) => from === 'near')?.bytes.subarray(0, 28) as Uint8Array;
    const error = { type: IcmpType.UNREACHABLE, code: UnreachableCode.HOST };
    const bytes = buildIcmpPacket({ source: FAR.address, destination: NEAR.address }, error, quoted);
    const from = pair.line.length;
    pair.near.host.inject('lower', pair.near.host.frame(bytes, undefined, 'bad'));
    pair.settle();
    expect(pair.crossed().slice(from)).toEqual([]);
    expect(pair.near.layer.drops.get('bad-checksum')).toBe(1);
  });
});

/** The end of a stream, as an end says it that has heard nothing yet. */
function finishing(pair: UdpPair, from: typeof NEAR): Uint8Array {
  const tuple = { ...TUPLE, remote: from.address, remotePort: from.port };
  const cookie = cookieFor(pair.far.host.vault, tuple, 'udp', pair.far.host.now_us());
  return buildOpen({ cookie, fin: true, bytes: new Uint8Array(0) });
}
