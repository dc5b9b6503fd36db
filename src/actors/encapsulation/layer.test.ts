import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import {
  AS_TERMINAL,
  GW30,
  innerFrame,
  MOST_BYTES,
  PORT,
  Processing,
  request,
  S31,
  SERVER_PORT,
  T21,
  T22,
} from '../../../test/support/encapsulation.ts';
import { buildInnerFrame } from '../../wire/inner-frame.ts';
import { InnerRefusal, InnerReset } from '../../wire/inner-leg.ts';
import type { Ip6 } from '../../wire/ip-address.ts';
import { parseIp6 } from '../../wire/ip-address.ts';
import type { TcpCloseReason } from '../services.ts';
import { EncapsulationLayer } from './layer.ts';

const BYTES = Uint8Array.of(1, 2, 3, 4, 5);

describe('encapsulation processing, a session begins', () => {
  it('makes TCP 3003B connect for a CONN-REQ and tells its answer, in the name of the server', () => {
    const p = new Processing();
    p.say(request());
    expect(p.asked('connect')).toEqual([
      { kind: 'connect', connection: p.connection, destination: S31.address, destinationPort: SERVER_PORT },
    ]);
    expect(p.heard).toEqual([]);
    p.tcp('connected', { localPort: 5 });
    expect(p.heard).toMatchObject([{ kind: 'conn-done', token: 77 }]);
    expect(p.frames[0]).toMatchObject({
      ethernet: { source: S31.mac, destination: T21.mac },
      ip: { source: S31.address, destination: T21.address },
      tcp: { sourcePort: SERVER_PORT, destinationPort: PORT },
    });
    expect(p.orders).toEqual([]);
  });

  it('answers a repeated CONN-REQ without a second connection', () => {
    const p = new Processing();
    p.say(request());
    p.say(request());
    p.tcp('connected', { localPort: 5 });
    p.say(request());
    expect(p.asked('connect')).toHaveLength(1);
    expect(p.heard.map(({ kind }) => kind)).toEqual(['trying', 'conn-done', 'conn-done']);
  });

  it.each<[TcpCloseReason, number]>([
    ['refused', InnerRefusal.REFUSED],
    ['unreachable', InnerRefusal.UNREACHABLE],
    ['timed-out', InnerRefusal.TIMED_OUT],
  ])('tells the driver when the server is %s', (reason, told) => {
    const p = new Processing();
    p.say(request());
    p.tcp('closed', { reason });
    expect(p.heard).toMatchObject([{ kind: 'refused', token: 77, reason: told }]);
    expect(p.layer.size).toBe(0);
  });

  it("uses the terminal's port where it is told so, another one where that is taken", () => {
    const p = new Processing({ sourcePorts: 'terminal' });
    p.say(request());
    p.say(request(78), T22);
    p.say(request(79), T22, PORT, T21);
    expect(p.asked('connect').map(({ sourcePort }) => sourcePort)).toEqual([PORT, undefined, PORT]);
  });

  it('connects nobody to the gateway itself, nor over IPv6', () => {
    const p = new Processing();
    p.say(request(), T21, PORT, GW30);
    const ip6 = (text: string) => parseIp6(text) as Ip6;
    const ends = { local: ip6('fd00::1'), localPort: 5, remote: ip6('fd00::2'), remotePort: 80 };
    const link = { source: T21.mac, destination: S31.mac };
    p.host.injectBytes('application', buildInnerFrame(link, ends, { seq: 1, ack: 2 }, request()));
    expect(p.asked('connect')).toEqual([]);
    expect(p.heard).toMatchObject([
      { kind: 'refused', reason: InnerRefusal.REFUSED },
      { kind: 'refused', reason: InnerRefusal.UNREACHABLE },
    ]);
  });
});

describe('encapsulation processing that speaks as the terminal', () => {
  it('has 3005B take on the terminal before TCP 3003B connects, and leave it after the connection', () => {
    const p = new Processing(AS_TERMINAL);
    p.say(request());
    expect(p.orders).toMatchObject([{ kind: 'take', identity: T21 }]);
    expect(p.asked('connect')).toEqual([]);
    p.identity('taken');
    expect(p.asked('connect')).toMatchObject([{ source: T21.address, sourcePort: PORT, destination: S31.address }]);
    p.tcp('connected', { localPort: PORT });
    p.tcp('closed', { reason: 'reset' });
    expect(p.orders.slice(1)).toEqual([{ kind: 'leave', identity: T21 }]);
  });

  it('refuses when 3005B does', () => {
    const p = new Processing(AS_TERMINAL);
    p.say(request());
    p.identity('refused');
    expect(p.heard).toMatchObject([{ kind: 'refused', reason: InnerRefusal.REFUSED }]);
    expect([p.asked('connect'), p.layer.size]).toEqual([[], 0]);
  });

  it.each(['taken', 'refused'] as const)(
    'holds nothing when the terminal gives up before 3005B has said %s',
    (answer) => {
      const p = new Processing(AS_TERMINAL);
      p.say(request());
      p.say(request(), T21, PORT + 1);
      const [first] = p.orders;
      p.host.stop();
      p.host.inject('identities', { kind: answer, name: first?.kind === 'take' ? first.name : '', reason: 'full' });
      expect(p.orders.filter(({ kind }) => kind === 'leave')).toHaveLength(answer === 'taken' ? 1 : 0);
      expect(p.asked('connect')).toEqual([]);
    },
  );
});

describe('encapsulation processing, data', () => {
  it('gives F24 to TCP 3003B, without the headers', () => {
    const p = new Processing().opened();
    p.say({ kind: 'data', token: p.token, position: 0, bytes: BYTES, urgent: false });
    p.say({ kind: 'data', token: p.token, position: 5, bytes: BYTES, urgent: true });
    expect(p.written).toEqual(Uint8Array.of(...BYTES, ...BYTES));
    expect(p.asked('write').map(({ urgent }) => urgent)).toEqual([undefined, true]);
  });

  it('puts F21, F22 and F23 before F24 of the server, cut to what the driver takes', () => {
    const p = new Processing().opened();
    p.tcp('urgent', { bytes: 2 });
    p.tcp('data', { bytes: new Uint8Array(MOST_BYTES + 500).fill(9) });
    const data = p.frames.filter(({ messages }) => messages[0]?.kind === 'data');
    expect(data.map(({ messages: [message] }) => message.kind === 'data' && message.bytes.length)).toEqual([
      2, 1000, 498,
    ]);
    for (const frame of data)
      expect(frame).toMatchObject({
        ethernet: { source: S31.mac, destination: T21.mac },
        ip: { source: S31.address, destination: T21.address },
        tcp: { sourcePort: SERVER_PORT, destinationPort: PORT },
      });
  });

  it('takes no more from the server than the driver grants', () => {
    const p = new Processing().opened(1500);
    p.tcp('data', { bytes: new Uint8Array(5000) });
    const consumed = () => p.asked('consumed').reduce((sum, { bytes }) => sum + bytes, 0);
    expect(consumed()).toBe(1500);
    p.say({ kind: 'credit', token: p.token, granted: 4000, received: 1500 });
    expect(consumed()).toBe(4000);
  });

  it('grants the driver no more while the server does not read', () => {
    const p = new Processing().opened();
    const granted = () =>
      p.heard.reduce((most, message) => ('granted' in message ? Math.max(most, message.granted) : most), 0);
    const first = granted();
    p.tcp('full');
    let position = 0;
    while (position < first) {
      const bytes = new Uint8Array(Math.min(MOST_BYTES, first - position));
      p.say({ kind: 'data', token: p.token, position, bytes, urgent: false });
      position += bytes.length;
    }
    p.say({ kind: 'check', token: p.token, sent: position });
    expect(p.written).toHaveLength(first);
    expect(granted()).toBe(first);
    p.tcp('writable', { space: 100_000 });
    expect(granted()).toBeGreaterThan(first);
  });
});

describe('encapsulation processing, a session ends', () => {
  it('hands half closes on, both ways, and tells the second only when all has arrived', () => {
    const p = new Processing().opened();
    p.say({ kind: 'fin', token: p.token, position: 0 });
    expect(p.asked('close')).toHaveLength(1);
    p.tcp('data', { bytes: BYTES });
    p.tcp('remote-closed');
    expect(p.heard.map(({ kind }) => kind)).not.toContain('fin');
    p.tcp('closed', { reason: 'normal' });
    expect(p.heard.at(-1)).toMatchObject({ kind: 'fin', position: 5 });
    p.say({ kind: 'credit', token: p.token, granted: 1000, received: 6 });
    expect(p.layer.size).toBe(0);
  });

  it('hands on the end of what the server sends', () => {
    const p = new Processing().opened();
    p.tcp('remote-closed');
    expect(p.heard.at(-1)).toMatchObject({ kind: 'fin', position: 0 });
    p.say({ kind: 'fin', token: p.token, position: 0 });
    p.say({ kind: 'credit', token: p.token, granted: 1000, received: 1 });
    p.tcp('closed', { reason: 'normal' });
    expect(p.layer.size).toBe(0);
  });

  it('tells the driver of a reset by the server, and the server of one by the terminal', () => {
    const server = new Processing().opened();
    server.tcp('closed', { reason: 'reset' });
    expect(server.heard.at(-1)).toMatchObject({ kind: 'reset', token: 77, reason: InnerReset.BY_HOST });
    const terminal = new Processing().opened();
    terminal.say({ kind: 'reset', token: terminal.token, reason: InnerReset.BY_HOST, unknown: 0 });
    expect(terminal.asked('abort')).toHaveLength(1);
    terminal.tcp('closed', { reason: 'aborted' });
    expect([server.layer.size, terminal.layer.size]).toEqual([0, 0]);
  });

  it('sends nothing on of what the server has sent when the session was over already', () => {
    const p = new Processing().opened();
    p.say({ kind: 'reset', token: p.token, reason: InnerReset.BY_HOST, unknown: 0 });
    p.tcp('data', { bytes: BYTES });
    expect(p.heard.map(({ kind }) => kind)).toEqual(['conn-done']);
    expect(p.asked('consumed')).toEqual([]);
  });

  it('aborts a connection that nobody waits for any more', () => {
    const p = new Processing(AS_TERMINAL);
    p.say(request());
    p.identity('taken');
    p.host.stop();
    expect(p.asked('abort')).toHaveLength(1);
    p.tcp('closed', { reason: 'aborted' });
    expect(p.orders.at(-1)).toEqual({ kind: 'leave', identity: T21 });
  });

  it('lets a terminal begin anew while the end of its last connection is still to be told', () => {
    const p = new Processing(AS_TERMINAL).opened();
    const old = p.connection;
    p.say({ kind: 'reset', token: p.token, reason: InnerReset.BY_HOST, unknown: 0 });
    p.say(request(99));
    p.identity('taken');
    expect(p.connection).not.toBe(old);
    p.tcp('closed', { reason: 'aborted' }, old);
    p.tcp('connected', { localPort: 5 });
    p.tcp('data', { bytes: BYTES });
    expect(p.heard.slice(-2)).toMatchObject([
      { kind: 'conn-done', token: 99 },
      { kind: 'data', token: 99 },
    ]);
    expect(p.orders.map(({ kind }) => kind)).toEqual(['take', 'take', 'leave']);
    expect(p.layer.size).toBe(1);
  });

  it('answers a unit of a session that it does not know', () => {
    const p = new Processing();
    p.say({ kind: 'data', token: 1234, position: 0, bytes: BYTES, urgent: false });
    expect(p.heard).toEqual([{ kind: 'reset', token: 0, reason: InnerReset.UNKNOWN, unknown: 1234 }]);
  });
});

layerCompliance(
  'encapsulation',
  (host) => new EncapsulationLayer(host, '3001B', AS_TERMINAL),
  [
    { port: 'application', frame: innerFrame(request()) },
    (outputs) => {
      const order = outputs.flatMap((each) =>
        each.kind === 'send' && each.port === 'identities' ? [each.message] : [],
      )[0];
      return {
        port: 'identities',
        message: { kind: 'taken', name: (order as { name: string } | undefined)?.name ?? '' },
      };
    },
    (outputs) => ({ port: 'tcp', message: { kind: 'connected', connection: connectionOf(outputs), localPort: PORT } }),
    (outputs) => ({ port: 'tcp', message: { kind: 'data', connection: connectionOf(outputs), bytes: BYTES } }),
    { port: 'application', frame: innerFrame(request(88), T22) },
    { wait_us: 2_000_000 },
    (outputs) => ({ port: 'tcp', message: { kind: 'remote-closed', connection: connectionOf(outputs) } }),
    { port: 'application', frame: innerFrame(request(99)) },
    (outputs) => ({ port: 'tcp', message: { kind: 'closed', connection: connectionOf(outputs), reason: 'reset' } }),
  ],
  { framePorts: ['application'] },
);

function connectionOf(outputs: readonly { readonly kind: string }[]): string {
  const asked = outputs.flatMap((each) =>
    'message' in each ? [each.message as { kind: string; connection: string }] : [],
  );
  return asked.find(({ kind }) => kind === 'connect')?.connection ?? '';
}
