import { describe, expect, it } from 'vitest';
import { ip4 } from '../../../test/support/lab.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { Flag } from '../../wire/tcp.ts';
import type { TcpIndication } from '../services.ts';
import { TcpLayer, type TcpLayerOptions } from './layer.ts';
import { packetFromSegment, segmentFromPacket, type TcpTuple } from './segment.ts';

const OWN = ip4('10.9.0.30');
const TERMINAL = ip4('10.9.0.1');
const SERVER = ip4('10.9.0.2');
const TUPLE: TcpTuple = { local: TERMINAL, localPort: 40_000, remote: SERVER, remotePort: 80 };

function started(options: Partial<TcpLayerOptions>): TestHost {
  const host = new TestHost();
  host.attach(new TcpLayer(host, '3003B', { address: OWN, mtu: 1500, ...options }));
  host.start();
  return host;
}

function connect(host: TestHost, source: number | undefined): void {
  const ends = { destination: SERVER, destinationPort: 80, sourcePort: 40_000 };
  host.inject('upper', { kind: 'connect', connection: 'c', ...ends, ...(source !== undefined && { source }) });
}

/** What the layer sent last. */
function last(host: TestHost): ReturnType<typeof segmentFromPacket> & { ok: true } {
  const read = segmentFromPacket(host.sentOn('lower').at(-1)!.bytes, undefined);
  if (!read.ok) throw new Error(read.reason);
  return read;
}

/** From the server's side. */
function answer(host: TestHost, fields: { flags: number; seq: number; ack: number }): void {
  const { local, localPort, remote, remotePort } = TUPLE;
  const ends = { local: remote, localPort: remotePort, remote: local, remotePort: localPort };
  const segment = { ...fields, window: 1000, payload: new Uint8Array(0), options: {} };
  host.injectBytes('lower', packetFromSegment(segment as never, ends, {}));
}

const kinds = (host: TestHost) => host.sentOn<TcpIndication>('upper').map(({ kind }) => kind);

describe('TCP that takes on any source', () => {
  it('connects from the address and port that its user names, and knows the answers', () => {
    const host = started({ anySource: true });
    connect(host, TERMINAL);
    expect(last(host).tuple).toEqual({ local: SERVER, localPort: 80, remote: TERMINAL, remotePort: 40_000 });
    answer(host, { flags: Flag.SYN | Flag.ACK, seq: 9, ack: last(host).segment.seq + 1 });
    expect(kinds(host)).toEqual(['connected']);
    expect(last(host).segment).toMatchObject({ flags: Flag.ACK, ack: 10 });
  });

  it('answers by a reset for an address without a connection', () => {
    const host = started({ anySource: true });
    answer(host, { flags: Flag.ACK, seq: 1, ack: 77 });
    expect(last(host)).toMatchObject({ tuple: { remote: TERMINAL }, segment: { flags: Flag.RST, seq: 77 } });
  });

  it('uses its own address when none is named', () => {
    const host = started({ anySource: true });
    connect(host, undefined);
    expect(last(host).tuple.remote).toBe(OWN);
  });

  it('does none of that unless it is told so', () => {
    const host = started({});
    connect(host, TERMINAL);
    expect(host.sentOn<TcpIndication>('upper')).toEqual([{ kind: 'closed', connection: 'c', reason: 'refused' }]);
    answer(host, { flags: Flag.ACK, seq: 1, ack: 77 });
    expect(host.dropReasons()).toEqual(['not-our-address']);
  });
});
