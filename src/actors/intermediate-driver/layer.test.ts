import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { record, request, shaped, tls, withSourcePort, word } from '../../../test/support/driver-packets.ts';
import { DriverEnd, DriverPair, FAR, FAR_HOP, NEAR, NEAR_HOP } from '../../../test/support/driver-pair.ts';
import { CALM_MS, PROBE_EVERY_MS, TRUST_PROBES } from '../../machines/trust.ts';
import { buildIcmpFrame, buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { buildControlFrame } from '../../wire/control-frame.ts';
import { parseFrame } from '../../wire/frame.ts';
import { IcmpType } from '../../wire/icmp.ts';
import { buildLeg, LegKind } from '../../wire/leg.ts';
import { buildReasonBody, buildRequest } from '../../wire/leg-body.ts';
import { Flag, flagNames } from '../../wire/tcp.ts';
import { PROTOCOL_VERSION } from '../../wire/terms.ts';
import { IntermediateDriverLayer } from './layer.ts';

describe('leg, strangers and rumours', () => {
  it('a HELLO flood costs no state, and each answer is no longer than the question', () => {
    const pair = new DriverPair();
    const empty = JSON.stringify(pair.far.driver.save()).length;
    for (let port = 1; port < 2000; port++)
      pair.far.host.injectBytes('lower', withSourcePort(shaped(Flag.SYN, { seq: port }), port));
    expect(JSON.stringify(pair.far.driver.save()).length).toBe(empty);
    expect(pair.far.driver.sessions.size).toBe(0);
    const answers = pair.far.taken();
    expect(answers.length).toBe(1999);
  });

  it('UDP: a short HELLO is not answered, the answer to a padded one is shorter', () => {
    const pair = new DriverPair({ shape: 'udp' });
    const hello = (length: number): Uint8Array =>
      buildUdpFrame(
        {
          ethernet: { source: FAR_HOP, destination: FAR.mac },
          ip: { source: NEAR.ip, destination: FAR.ip },
          udp: { sourcePort: NEAR.port, destinationPort: FAR.port },
        },
        buildLeg({ kind: LegKind.HELLO, sequence: 0, acknowledgement: 0 }, new Uint8Array(length - 28)),
      );
    pair.far.host.injectBytes('lower', hello(40));
    expect([pair.far.taken().length, pair.far.host.dropReasons()]).toEqual([0, ['malformed']]);
    pair.far.host.injectBytes('lower', hello(64));
    expect(pair.far.taken()[0]?.bytes.length).toBeLessThanOrEqual(hello(64).length);
  });

  it('refuses forged cookies, requests for another shape or without a token, and what was never announced', () => {
    const pair = new DriverPair();
    const send = (payload: Uint8Array, port?: number): void => {
      pair.far.host.injectBytes(
        'lower',
        shaped(Flag.ACK | Flag.PSH, port === undefined ? { payload } : { payload, port }),
      );
    };
    send(request());
    send(request({ udp: true }));
    pair.far.host.injectBytes('lower', shaped(Flag.SYN));
    const cookie = parseFrame(pair.far.taken()[0]?.bytes as Uint8Array).tcp?.seq as number;
    const right = new Uint8Array([cookie >>> 24, cookie >>> 16, cookie >>> 8, cookie]);
    send(request({ token: '0000000000000000', cookie: right }));
    expect(pair.far.host.dropReasons()).toEqual(['bad-cookie', 'malformed', 'bad-token']);
    send(request({ cookie: right }), 444);
    expect(pair.far.host.sentOn('upper').length).toBe(1);
    pair.far.host.advance(180_000_000);
    send(request({ cookie: right }));
    expect(pair.far.host.dropReasons().at(-1)).toBe('bad-cookie');
    expect(pair.far.driver.sessions.size).toBe(0);
  });

  it('lets no operating system see what is addressed to an announced port, whatever its shape or MAC', () => {
    const pair = new DriverPair({ shape: 'udp' });
    pair.far.host.injectBytes('lower', shaped(Flag.SYN));
    const broadcast = shaped(Flag.SYN);
    broadcast.fill(0xff, 0, 6);
    pair.far.host.injectBytes('lower', broadcast);
    expect(pair.far.host.dropReasons()).toEqual(['not-announced', 'not-for-us']);
    expect(pair.far.host.sentOn('upper')).toEqual([]);
  });

  it('believes a COOKIE only with the token of its HELLO', () => {
    const pair = new DriverPair({ shape: 'udp' });
    pair.passes = () => false;
    pair.connect();
    const forged = buildUdpFrame(
      {
        ethernet: { source: NEAR_HOP, destination: NEAR.mac },
        ip: { source: FAR.ip, destination: NEAR.ip },
        udp: { sourcePort: FAR.port, destinationPort: NEAR.port },
      },
      buildLeg({ kind: LegKind.COOKIE, sequence: 0, acknowledgement: 0 }, new Uint8Array(16)),
    );
    pair.arrives('near', forged);
    expect([pair.state('near'), pair.near.host.dropReasons()]).toEqual(['HELLO-SENT', ['bad-token']]);
  });

  it('takes control frames of an engine only for sessions that it gave to one', () => {
    const end = new DriverEnd('far');
    end.announceSpecial();
    for (const kind of ['started', 'authenticated'] as const) {
      end.host.injectBytes('lower', buildControlFrame({ kind, sessionId: 0 }, FAR.mac));
    }
    end.host.injectBytes('lower', buildControlFrame({ kind: 'disconnect', sessionId: 0, reason: 1 }, FAR.mac));
    const want = { site: 3, destination: 7, address: 8 };
    end.host.injectBytes('lower', buildControlFrame({ kind: 'wanted', ...want }, FAR.mac));
    expect([end.indications(), end.host.dropReasons()]).toEqual([[], Array(4).fill('foreign-control-frame')]);
    const rule = { site: 3, idle_ms: 1, networks: [] };
    end.host.inject('settings', { kind: 'engine-demand', rule });
    expect(end.taken().map(({ bytes }) => bytes)).toEqual([buildControlFrame({ kind: 'demand', rule }, FAR.mac)]);
    end.host.injectBytes('lower', buildControlFrame({ kind: 'wanted', ...want }, FAR.mac));
    expect(end.indications()).toEqual([{ kind: 'engine-wanted', want }]);
  });

  it('block I takes for special what the application registered, no more', () => {
    const end = new DriverEnd('far');
    const special = buildControlFrame({ kind: 'started', sessionId: 0 }, FAR.mac);
    end.host.injectBytes('lower', special);
    expect(end.host.sentOn('upper').map(({ bytes }) => bytes)).toEqual([special]);
    end.announceSpecial();
    end.host.injectBytes('lower', special);
    expect([end.host.sentOn('upper').length, end.host.dropReasons()]).toEqual([1, ['foreign-control-frame']]);
  });

  it('keeps its session when a stranger sends leg packets with wrong tokens, another request, bad checksums, SYNs or nonsense', () => {
    const pair = new DriverPair();
    pair.connect();
    const send = (payload: Uint8Array, flags: number = Flag.ACK): void =>
      pair.arrives('far', shaped(flags, { payload }));
    for (const kind of Object.values(LegKind))
      send(
        buildLeg({
          kind,
          senderToken: '1111111111111111',
          receiverToken: '2222222222222222',
          sequence: 0,
          acknowledgement: 0,
        }),
      );
    send(new Uint8Array([0x99, 1]));
    send(new Uint8Array([0x42, 99, 0, 28]));
    send(record(5));
    send(record(5), Flag.SYN);
    pair.arrives('far', shaped(Flag.SYN | Flag.ACK));
    pair.arrives('far', shaped(Flag.ACK, { payload: record(5) }), 'bad');
    pair.arrives('far', shaped(Flag.SYN));
    expect(pair.far.host.dropReasons().length).toBeGreaterThanOrEqual(12);
    expect(pair.state('far')).toBe('OPEN.UNPROVEN');
    pair.near.tcp?.write(tls(20));
    pair.settle();
    expect(pair.far.received()).toEqual([...tls(20)]);
  });

  const trust = (pair: DriverPair): string | undefined =>
    pair.far.driver.machines().find(({ machine }) => machine.id === 'trust')?.state;

  it('a RST of a stranger makes it ask; the answer calms it, and more RSTs cost nothing', () => {
    const pair = new DriverPair();
    pair.connect();
    pair.arrives('far', shaped(Flag.RST, { seq: 99 }));
    expect(trust(pair)).toBe('SUSPECT');
    pair.settle();
    expect(trust(pair)).toBe('CALM');
    const sent = pair.line.length;
    for (let n = 0; n < 1000; n++) pair.arrives('far', shaped(Flag.RST, { seq: n }));
    pair.settle();
    expect(pair.line.length).toBe(sent);
    pair.advance(CALM_MS * 1000 + 100_000);
    expect(trust(pair)).toBe('TRUSTED');
  });

  it('asks again where the question or the answer was lost, and only silence ends the session', () => {
    const pair = new DriverPair();
    pair.connect();
    let n = 0;
    pair.passes = () => ++n > 3;
    pair.arrives('far', shaped(Flag.RST, { seq: 99 }));
    pair.advance(6_000_000);
    expect([pair.state('far'), pair.far.events.map(({ kind }) => kind)]).toEqual(['OPEN.UNPROVEN', ['connected']]);
    pair.passes = () => false;
    pair.advance(6_000_000);
    pair.arrives('far', shaped(Flag.RST, { seq: 99 }));
    pair.advance((TRUST_PROBES * PROBE_EVERY_MS + 200) * 1000);
    expect(pair.far.events.at(-2)).toEqual({ kind: 'closed', reason: 'reset' });
    expect(pair.far.driver.sessions.size).toBe(0);
  });

  it('believes ICMP about its HELLO only with the right number, and gives up at once', () => {
    const pair = new DriverPair();
    pair.passes = () => false;
    pair.connect();
    const hello = pair.line[0]?.bytes as Uint8Array;
    const wrong = hello.slice();
    wrong[38] = (wrong[38] as number) ^ 1;
    const about = (quoted: Uint8Array): Uint8Array =>
      buildIcmpFrame(
        {
          ethernet: { source: NEAR_HOP, destination: NEAR.mac },
          ip: { source: 0xc6336421, destination: NEAR.ip },
          icmp: { type: IcmpType.UNREACHABLE, code: 13 },
        },
        quoted.slice(14, 14 + 28),
      );
    pair.arrives('near', about(wrong));
    expect(pair.state('near')).toBe('HELLO-SENT');
    pair.arrives('near', about(hello));
    pair.settle();
    expect(pair.near.events[0]).toEqual({ kind: 'closed', reason: 'refused' });
  });

  it('takes an ICMP error about its packets for a rumour, and gives others to the IP stack', () => {
    const pair = new DriverPair();
    pair.connect();
    const unreachable = (quoted: Uint8Array): Uint8Array =>
      buildIcmpFrame(
        {
          ethernet: { source: FAR_HOP, destination: FAR.mac },
          ip: { source: 0xc0000221, destination: FAR.ip },
          icmp: { type: IcmpType.UNREACHABLE, code: 3 },
        },
        quoted.slice(14, 14 + 28),
      );
    const own = pair.line.find(({ from }) => from === 'far')?.bytes as Uint8Array;
    const seen = pair.far.host.sentOn('upper').length;
    pair.arrives('far', unreachable(own));
    expect([trust(pair), pair.far.host.sentOn('upper').length]).toEqual(['SUSPECT', seen]);
    pair.arrives('far', unreachable(shaped(Flag.SYN, { port: 9 })));
    expect(pair.far.host.sentOn('upper').length).toBe(seen + 1);
  });

  it.each(['near', 'far'] as const)(
    'BYE of the true peer ends the %s session, since nobody answers for it any more',
    (end) => {
      const pair = new DriverPair();
      pair.connect();
      const other = end === 'near' ? 'far' : 'near';
      pair[other].tcp?.abort();
      pair.advance((TRUST_PROBES * PROBE_EVERY_MS + 400) * 1000);
      expect(pair[end].driver.sessions.size).toBe(0);
    },
  );

  it('no operating system sees late packets of a session that is over', () => {
    const pair = new DriverPair();
    pair.connect();
    const late = pair.line.find(({ from, bytes }) => from === 'far' && word(bytes) === 'COMPLETE')?.bytes as Uint8Array;
    pair.near.tcp?.abort();
    pair.settle();
    const seen = pair.near.host.sentOn('upper').length;
    pair.arrives('near', late);
    expect(pair.near.host.sentOn('upper').length).toBe(seen);
    pair.near.host.advance(61_000_000);
    pair.arrives('near', late);
    expect(pair.near.host.sentOn('upper').length).toBe(seen + 1);
  });

  it('refuses REFUSED and BYE with broken bodies', () => {
    const pair = new DriverPair();
    pair.connect();
    const { ownToken, peerToken } = [...pair.far.driver.sessions.values()][0] as {
      ownToken: string;
      peerToken: string;
    };
    const leg = (kind: number, body: Uint8Array): Uint8Array =>
      shaped(Flag.ACK, {
        payload: buildLeg(
          { kind, senderToken: peerToken, receiverToken: ownToken, sequence: 0, acknowledgement: 0 },
          body,
        ),
      });
    pair.arrives('far', leg(LegKind.BYE, new Uint8Array(3)));
    pair.arrives('far', leg(LegKind.DATA, new Uint8Array([8])));
    pair.arrives('far', leg(LegKind.COMPLETE, new Uint8Array(0)));
    expect(pair.far.host.dropReasons()).toEqual(['malformed', 'malformed', 'malformed']);
    pair.arrives('far', leg(LegKind.REFUSED, buildReasonBody(1)));
    expect(pair.state('far')).toBe('OPEN.UNPROVEN');
  });
});

describe('intermediate driver, what is not its own', () => {
  it('passes a SYN that was not announced untouched, both ways (spec 4.8-7)', () => {
    const end = new DriverEnd('near');
    end.connect();
    const [passed] = end.taken();
    expect(flagNames(parseFrame(passed?.bytes as Uint8Array).tcp?.flags as number)).toBe('SYN');
    end.host.injectBytes('lower', shaped(Flag.SYN));
    expect(end.host.sentOn('upper').length).toBe(1);
  });

  it('an announced session takes a SYN only', () => {
    const end = new DriverEnd('near');
    end.announceConnect('tcp');
    const ack = buildTcpFrame(
      {
        ethernet: { source: NEAR.mac, destination: NEAR_HOP },
        ip: { source: NEAR.ip, destination: FAR.ip },
        tcp: { sourcePort: NEAR.port, destinationPort: FAR.port, seq: 1, ack: 1, flags: Flag.ACK, window: 1 },
      },
      new Uint8Array(0),
    );
    end.host.injectBytes('upper', ack);
    expect([end.taken().length, end.host.dropReasons()]).toEqual([0, ['no-session']]);
  });
});

layerCompliance(
  'intermediate driver',
  (host) => new IntermediateDriverLayer(host, '2006', { mac: FAR.mac, mtu: 1500 }),
  [
    {
      port: 'settings',
      message: { kind: 'announce-listen', address: FAR.ip, port: FAR.port, shape: 'tcp', handshake: 'hold' },
    },
    { port: 'lower', frame: shaped(Flag.SYN) },
    (outputs) => {
      const answer = outputs.findLast((output) => output.kind === 'send' && output.port === 'lower') as {
        message: { bytes: Uint8Array };
      };
      const cookie = parseFrame(answer.message.bytes).tcp?.seq as number;
      const body = buildRequest({
        protocolVersion: PROTOCOL_VERSION,
        udp: false,
        immediate: false,
        cookie: new Uint8Array([cookie >>> 24, cookie >>> 16, cookie >>> 8, cookie]),
        destination: FAR.ip,
        destinationPort: FAR.port,
        source: NEAR.ip,
        sourcePort: NEAR.port,
      });
      const payload = buildLeg(
        { kind: LegKind.REQUEST, senderToken: '0102030405060708', sequence: 0, acknowledgement: 0 },
        body,
      );
      return { port: 'lower', frame: shaped(Flag.ACK | Flag.PSH, { seq: 2, ack: cookie + 1, payload }) };
    },
    (outputs) => {
      const syn = parseFrame(
        (
          outputs.findLast((output) => output.kind === 'send' && output.port === 'upper') as {
            message: { bytes: Uint8Array };
          }
        ).message.bytes,
      );
      return {
        port: 'upper',
        frame: buildTcpFrame(
          {
            ethernet: { source: FAR.mac, destination: FAR_HOP },
            ip: { source: FAR.ip, destination: NEAR.ip },
            tcp: {
              sourcePort: FAR.port,
              destinationPort: NEAR.port,
              seq: 77,
              ack: (syn.tcp?.seq as number) + 1,
              flags: Flag.SYN | Flag.ACK,
              window: 60000,
              options: { mss: 1460 },
            },
          },
          new Uint8Array(0),
        ),
      };
    },
    { wait_us: 400_000 },
    { port: 'lower', frame: shaped(Flag.RST, { seq: 5 }) },
    { wait_us: 6_000_000 },
    {
      port: 'settings',
      message: {
        kind: 'withdraw',
        tuple: { local: FAR.ip, localPort: FAR.port, remote: NEAR.ip, remotePort: NEAR.port },
      },
    },
  ],
  { framePorts: ['upper', 'lower'] },
);
