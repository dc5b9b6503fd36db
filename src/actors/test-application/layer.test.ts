import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import type { TcpIndication, TcpRequest } from '../services.ts';
import { TestApplicationLayer, WRITE_BYTES } from './layer.ts';
import { isPattern, PatternCheck, pattern } from './pattern.ts';

const SERVICES = [
  { port: 80, bytes: 3 * WRITE_BYTES, seed: 5 },
  { port: 81, bytes: 0, seed: 0 },
];

function started(onData?: PatternCheck['watch']): TestHost {
  const host = new TestHost();
  host.attach(new TestApplicationLayer(host, '2101', { services: SERVICES, ...(onData && { onData }) }));
  host.start();
  return host;
}

function tell(host: TestHost, message: TcpIndication): void {
  host.inject('tcp', message);
}

const accepted = (connection: string, localPort: number): TcpIndication => ({
  kind: 'accepted',
  connection,
  localPort,
  remote: 1,
  remotePort: 2,
});

function asked(host: TestHost, kind: TcpRequest['kind']): TcpRequest[] {
  return host.sentOn<TcpRequest>('tcp').filter((request) => request.kind === kind);
}

function written(host: TestHost): number {
  return asked(host, 'write').reduce((sum, request) => sum + (request.kind === 'write' ? request.bytes.length : 0), 0);
}

describe('application that sends', () => {
  it('serves its pattern, one write after the other, and closes', () => {
    const host = started();
    tell(host, accepted('accepted-1', 80));
    expect(written(host)).toBe(WRITE_BYTES);
    host.advance(0);
    expect(written(host)).toBe(3 * WRITE_BYTES);
    const bytes = asked(host, 'write').flatMap((request) => (request.kind === 'write' ? [...request.bytes] : []));
    expect(isPattern(5, 0, Uint8Array.from(bytes))).toBe(true);
    expect(asked(host, 'close')).toHaveLength(1);
    host.advance(700);
    tell(host, { kind: 'closed', connection: 'accepted-1', reason: 'normal' });
    const facts = { connection: 'accepted-1', role: 'send', bytes: 3 * WRITE_BYTES, time_us: 700, reason: 'normal' };
    expect(host.notes('transfer')).toEqual([facts]);
  });

  it('waits while TCP is full', () => {
    const host = started();
    host.event('push', { connection: 'c', destination: 9, port: 81, bytes: 2 * WRITE_BYTES + 10, seed: 1 });
    tell(host, { kind: 'connected', connection: 'c', localPort: 5 });
    tell(host, { kind: 'full', connection: 'c' });
    host.advance(1_000);
    expect(written(host)).toBe(WRITE_BYTES);
    tell(host, { kind: 'writable', connection: 'c', space: 1 });
    host.advance(1_000);
    expect(written(host)).toBe(2 * WRITE_BYTES + 10);
    expect(host.timers()).toEqual([]);
  });

  it.each([
    ['before it is open', 0],
    ['while it sends', 1],
    ['while it waits', 2],
  ])('tells of an end %s', (_, stage) => {
    const host = started();
    host.event('push', { connection: 'c', destination: 9, port: 81, bytes: 2 * WRITE_BYTES, seed: 1 });
    if (stage > 0) tell(host, { kind: 'connected', connection: 'c', localPort: 5 });
    if (stage > 1) tell(host, { kind: 'full', connection: 'c' });
    tell(host, { kind: 'closed', connection: 'c', reason: 'reset' });
    expect(host.notes('transfer')).toMatchObject([{ reason: 'reset', bytes: stage === 0 ? 0 : WRITE_BYTES }]);
    expect(host.timers()).toEqual([]);
  });
});

describe('application that receives', () => {
  it('fetches, gives consumed bytes back, shows them to its watcher and closes after the sender', () => {
    const check = new PatternCheck(5);
    const host = started(check.watch);
    expect(host.event('fetch', { connection: 'f', destination: 9, port: 80 })).toBe(true);
    expect(asked(host, 'connect')).toMatchObject([{ connection: 'f', destination: 9, destinationPort: 80 }]);
    host.advance(10);
    tell(host, { kind: 'connected', connection: 'f', localPort: 5 });
    for (const at of [0, 1000]) tell(host, { kind: 'data', connection: 'f', bytes: pattern(5, at, 1000) });
    expect(asked(host, 'consumed')).toHaveLength(2);
    host.advance(90);
    tell(host, { kind: 'remote-closed', connection: 'f' });
    expect(asked(host, 'close')).toHaveLength(1);
    tell(host, { kind: 'closed', connection: 'f', reason: 'normal' });
    expect(host.notes('transfer')).toMatchObject([{ role: 'receive', bytes: 2000, time_us: 90, reason: 'normal' }]);
    expect(check.good.get('f')).toBe(2000);
    expect(check.broken.size).toBe(0);
  });

  it('takes what is pushed to it, and tells of an early end', () => {
    const host = started();
    tell(host, accepted('accepted-1', 81));
    tell(host, { kind: 'data', connection: 'accepted-1', bytes: new Uint8Array(7) });
    tell(host, { kind: 'closed', connection: 'accepted-1', reason: 'reset' });
    expect(host.notes('transfer')).toMatchObject([{ bytes: 7, reason: 'reset' }]);
  });

  it('aborts what it has no service for, and everything when it stops', () => {
    const host = started();
    tell(host, accepted('accepted-1', 99));
    tell(host, accepted('accepted-2', 81));
    tell(host, { kind: 'data', connection: 'accepted-1', bytes: new Uint8Array(1) });
    expect(host.event('other')).toBe(false);
    host.stop();
    expect(asked(host, 'abort').map((request) => 'connection' in request && request.connection)).toEqual([
      'accepted-1',
      'accepted-2',
    ]);
    expect(asked(host, 'unlisten')).toHaveLength(2);
    expect(host.notes('transfer')).toMatchObject([{ reason: 'aborted' }]);
  });
});

describe('check of a pattern', () => {
  it('sees a wrong byte, a gap and a repeat', () => {
    const check = new PatternCheck(3);
    check.watch('good', 0, pattern(3, 0, 70_000));
    check.watch('good', 70_000, pattern(3, 70_000, 70_000));
    check.watch(
      'wrong',
      0,
      pattern(3, 0, 10).map((byte, at) => (at === 9 ? byte ^ 1 : byte)),
    );
    check.watch('gap', 0, pattern(3, 10, 100));
    check.watch('repeat', 0, pattern(3, 0, 100));
    check.watch('repeat', 100, pattern(3, 0, 100));
    expect(check.good.get('good')).toBe(140_000);
    expect([...check.broken]).toEqual(['wrong', 'gap', 'repeat']);
    expect(pattern(4, 0, 10)).not.toEqual(pattern(3, 0, 10));
  });
});

layerCompliance('test-application', (host) => new TestApplicationLayer(host, '2101', { services: SERVICES }), [
  { port: 'tcp', message: accepted('accepted-1', 80) },
  { wait_us: 0 },
  { event: 'fetch', data: { connection: 'f', destination: 9, port: 80 } },
  { port: 'tcp', message: { kind: 'connected', connection: 'f', localPort: 5 } },
  { port: 'tcp', message: { kind: 'data', connection: 'f', bytes: pattern(1, 0, 500) } },
  { event: 'push', data: { connection: 'p', destination: 9, port: 80, bytes: 100_000, seed: 1 } },
  { port: 'tcp', message: { kind: 'connected', connection: 'p', localPort: 6 } },
  { port: 'tcp', message: { kind: 'full', connection: 'p' } },
  { wait_us: 10 },
  { port: 'tcp', message: { kind: 'writable', connection: 'p', space: 10 } },
  { wait_us: 10 },
  { port: 'tcp', message: { kind: 'remote-closed', connection: 'f' } },
  { port: 'tcp', message: { kind: 'closed', connection: 'f', reason: 'normal' } },
]);
