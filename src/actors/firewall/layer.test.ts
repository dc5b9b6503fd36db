import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { ip4 } from '../../../test/support/lab.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { IcmpType, parseIcmp } from '../../wire/icmp.ts';
import { buildIp4, type Ip4View, ip4ChecksumGood, parseIp4Packet } from '../../wire/ipv4.ts';
import { Flag, type TcpFields } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import { buildIcmpPacket } from '../icmp-error.ts';
import { FLOW_TIMEOUT_US, FLOWS_MAX } from './flows.ts';
import { FirewallLayer, type FirewallOptions } from './layer.ts';

const GW20 = ip4('10.2.0.20');
const GW30 = ip4('10.3.0.30');
const T21 = ip4('10.2.0.21');
const OUTSIDE = ip4('192.0.2.9');
const LAN = { name: 'lan', interface: { address: ip4('10.3.0.1'), prefixLength: 24, mac: 1 } };
const WAN = { name: 'wan', interface: { address: ip4('10.2.0.1'), prefixLength: 24, mac: 2 } };
const host32 = (address: number) => ({ address, prefix: 32 });
const OPTIONS: FirewallOptions = {
  sides: [LAN, WAN],
  rules: [
    { from: 'lan', source: host32(GW30), destination: host32(GW20), allow: true },
    { from: 'wan', source: host32(GW20), destination: host32(GW30), protocol: 6, destinationPort: 443, allow: true },
    { from: 'lan', destination: host32(OUTSIDE), protocol: 17, allow: true },
  ],
  routes: [
    { destination: { address: 0, prefix: 0 }, side: 'wan' },
    { destination: { address: ip4('10.9.0.0'), prefix: 16 }, side: 'lan' },
  ],
};
const { SYN, ACK, FIN, RST, PSH } = Flag;
const ETHERNET = { destination: 1, source: 2 };

function started(options: Partial<FirewallOptions> = {}): { host: TestHost; layer: FirewallLayer } {
  const host = new TestHost();
  const layer = host.attach(new FirewallLayer(host, '3301', { ...OPTIONS, ...options }));
  host.start();
  return { host, layer };
}

function tcp(source: number, destination: number, fields: Partial<TcpFields>, length = 0, ttl = 64): Uint8Array {
  const ports =
    source === GW20 ? { sourcePort: 443, destinationPort: 5000 } : { sourcePort: 5000, destinationPort: 443 };
  const segment = { ...ports, seq: 0, flags: ACK, window: 1000, ...fields };
  const ip = { source, destination, ttl };
  return buildTcpFrame({ ethernet: ETHERNET, ip, tcp: segment }, new Uint8Array(length)).subarray(14);
}

function udp(source: number, destination: number, ttl = 64): Uint8Array {
  const isBack = source === GW20 || source === OUTSIDE;
  const ports = isBack ? { sourcePort: 53, destinationPort: 5000 } : { sourcePort: 5000, destinationPort: 53 };
  const ip = { source, destination, ttl };
  return buildUdpFrame({ ethernet: ETHERNET, ip, udp: ports }, new Uint8Array(5)).subarray(14);
}

function echo(source: number, destination: number, type: number): Uint8Array {
  return buildIcmpPacket({ source, destination }, { type, code: 0, identifier: 77, sequence: 1 }, new Uint8Array(8));
}

/** The client GW30 (LAN) talks to GW20 (WAN). Each returns what the firewall did with the segment. */
class Talk {
  readonly host: TestHost;
  readonly layer: FirewallLayer;

  constructor() {
    ({ host: this.host, layer: this.layer } = started());
  }

  client(fields: Partial<TcpFields>, length = 0): string {
    return this.#did('lan', tcp(GW30, GW20, fields, length));
  }

  server(fields: Partial<TcpFields>, length = 0): string {
    return this.#did('wan', tcp(GW20, GW30, fields, length));
  }

  open(): this {
    expect(this.client({ seq: 100, flags: SYN })).toBe('passed');
    expect(this.server({ seq: 500, ack: 101, flags: SYN | ACK })).toBe('passed');
    expect(this.client({ seq: 101, ack: 501 })).toBe('passed');
    return this;
  }

  get state(): string | undefined {
    return this.layer.machines()[1]?.state;
  }

  #did(port: string, bytes: Uint8Array): string {
    this.host.outputs.length = 0;
    this.host.injectBytes(port, bytes);
    if (this.host.sentOn(port === 'lan' ? 'wan' : 'lan').length === 1) return 'passed';
    return this.host.dropReasons().join();
  }
}

describe('firewall, forwarding', () => {
  it('passes on what a rule allows, with one hop less to live and a right header checksum', () => {
    const { host } = started();
    host.injectBytes('lan', tcp(GW30, GW20, { flags: SYN }));
    const { bytes } = host.sentOn('wan')[0] as Frame;
    const header = parseIp4Packet(bytes, 0, bytes.length) as Ip4View;
    expect(header).toMatchObject({ ttl: 63, source: GW30, destination: GW20 });
    expect(ip4ChecksumGood(bytes, header)).toBe(true);
  });

  it('drops silently what no rule allows', () => {
    const { host } = started();
    host.injectBytes('wan', tcp(T21, GW30, { flags: SYN }));
    host.injectBytes('wan', udp(GW20, GW30));
    host.injectBytes('lan', buildIp4({ source: GW30, destination: GW20, protocol: 47 }, new Uint8Array(30)));
    host.injectBytes('lan', echo(GW30, GW20, 13));
    expect(host.dropReasons()).toEqual(['filtered', 'filtered', 'filtered', 'filtered']);
    expect(host.sentOn('lan')).toEqual([]);
    expect(host.sentOn('wan')).toEqual([]);
  });

  it('lets the first rule that matches decide', () => {
    const rules = [{ from: 'lan', protocol: 6, allow: false }, ...OPTIONS.rules];
    const { host } = started({ rules });
    host.injectBytes('lan', tcp(GW30, GW20, { flags: SYN }));
    expect(host.dropReasons()).toEqual(['filtered']);
  });

  it('drops sources that are not behind their side, and what is for itself', () => {
    const { host } = started();
    host.injectBytes('wan', tcp(GW30, GW20, { flags: SYN }));
    host.injectBytes('lan', tcp(GW20, GW30, { flags: SYN }));
    host.injectBytes('lan', tcp(GW30, LAN.interface.address, { flags: SYN }));
    expect(host.dropReasons()).toEqual(['bad-source', 'bad-source', 'not-our-address']);
  });

  it('tells a sender whose packet has lived too long', () => {
    const { host } = started();
    host.injectBytes('lan', tcp(GW30, GW20, { flags: SYN }, 0, 1));
    expect(host.dropReasons()).toEqual(['ttl-expired']);
    const { bytes } = host.sentOn('lan')[0] as Frame;
    expect(parseIp4Packet(bytes, 0, bytes.length)).toMatchObject({ source: LAN.interface.address, destination: GW30 });
    expect(parseIcmp(bytes, 20, bytes.length)).toMatchObject({ type: IcmpType.TIME_EXCEEDED });
  });

  it('routes by the longest match, and knows when there is no route', () => {
    const { host } = started({
      rules: [
        { from: 'lan', allow: true },
        { from: 'wan', allow: true },
      ],
    });
    host.injectBytes('lan', udp(GW30, OUTSIDE));
    host.injectBytes('wan', udp(T21, ip4('10.9.1.1')));
    expect(host.sentOn('wan')).toHaveLength(1);
    expect(host.sentOn('lan')).toHaveLength(1);
    const { host: islands } = started({ routes: [], rules: [{ from: 'lan', allow: true }] });
    islands.injectBytes('lan', udp(GW30, OUTSIDE));
    expect(islands.dropReasons()).toEqual(['no-route']);
  });

  it('sends on an ICMP error that its own IP stack made', () => {
    const { host } = started();
    const error = { type: IcmpType.UNREACHABLE, code: 1 };
    const fields = { source: WAN.interface.address, destination: GW30 };
    host.injectBytes('wan', buildIcmpPacket(fields, error, tcp(GW30, GW20, {}).subarray(0, 28)));
    expect(host.sentOn('lan')).toHaveLength(1);
  });

  it('stops and starts empty', () => {
    const talk = new Talk().open();
    talk.host.stop();
    expect(talk.client({ seq: 101, ack: 501 })).toBe('stopped');
    expect(talk.host.timers()).toEqual([]);
    talk.host.start();
    expect(talk.client({ seq: 101, ack: 501 })).toBe('state-invalid');
  });
});

describe('firewall, tracking of TCP', () => {
  it('follows a connection through its whole life', () => {
    const talk = new Talk();
    talk.client({ seq: 100, flags: SYN });
    expect(talk.state).toBe('SYN_SENT');
    talk.server({ seq: 500, ack: 101, flags: SYN | ACK });
    expect(talk.state).toBe('SYN_RECV');
    talk.client({ seq: 101, ack: 501 });
    expect(talk.state).toBe('ESTABLISHED');
    expect(talk.client({ seq: 101, ack: 501, flags: PSH | ACK }, 500)).toBe('passed');
    expect(talk.server({ seq: 501, ack: 601 }, 300)).toBe('passed');
    talk.client({ seq: 601, ack: 801, flags: FIN | ACK });
    expect(talk.state).toBe('FIN_WAIT');
    expect(talk.client({ seq: 601, ack: 801, flags: FIN | ACK })).toBe('passed');
    expect(talk.state).toBe('FIN_WAIT');
    talk.server({ seq: 801, ack: 602 });
    expect(talk.state).toBe('CLOSE_WAIT');
    talk.client({ seq: 601, ack: 801, flags: FIN | ACK });
    expect(talk.state).toBe('CLOSE_WAIT');
    talk.server({ seq: 801, ack: 602, flags: FIN | ACK });
    expect(talk.state).toBe('LAST_ACK');
    talk.client({ seq: 602, ack: 802 });
    expect(talk.state).toBe('TIME_WAIT');
    expect(talk.client({ seq: 7000, flags: SYN })).toBe('passed');
    expect(talk.state).toBe('SYN_SENT');
  });

  it('follows a server that closes first, and FINs of both at once', () => {
    const talk = new Talk().open();
    talk.server({ seq: 501, ack: 101, flags: FIN | ACK });
    expect(talk.state).toBe('FIN_WAIT');
    talk.client({ seq: 101, ack: 501, flags: FIN | ACK });
    expect(talk.state).toBe('LAST_ACK');
    talk.server({ seq: 502, ack: 102 });
    expect(talk.state).toBe('TIME_WAIT');
  });

  it('takes a FIN before the handshake is over', () => {
    const talk = new Talk();
    talk.client({ seq: 100, flags: SYN });
    talk.server({ seq: 500, ack: 101, flags: SYN | ACK });
    talk.client({ seq: 101, ack: 501, flags: FIN | ACK });
    expect(talk.state).toBe('FIN_WAIT');
  });

  it('lets only a SYN open a connection', () => {
    const talk = new Talk();
    expect(talk.client({ seq: 1 })).toBe('state-invalid');
    expect(talk.client({ seq: 1, flags: SYN | ACK })).toBe('state-invalid');
    expect(talk.server({ seq: 1 }, 10)).toBe('state-invalid');
    for (const flags of [0, SYN | FIN, SYN | RST, FIN, FIN | RST]) expect(talk.client({ flags })).toBe('state-invalid');
    expect(talk.layer.machines()).toHaveLength(1);
  });

  it('lets a SYN and its answer come again, and none of them later', () => {
    const talk = new Talk();
    for (let i = 0; i < 2; i++) expect(talk.client({ seq: 100, flags: SYN })).toBe('passed');
    expect(talk.client({ seq: 300, flags: SYN })).toBe('passed');
    for (let i = 0; i < 2; i++) expect(talk.server({ seq: 500, ack: 301, flags: SYN | ACK })).toBe('passed');
    expect(talk.client({ seq: 301, flags: SYN | ACK })).toBe('state-invalid');
    expect(talk.server({ seq: 500, flags: SYN })).toBe('state-invalid');
    expect(talk.client({ seq: 301, ack: 501 })).toBe('passed');
    expect(talk.client({ seq: 9000, flags: SYN })).toBe('state-invalid');
    expect(talk.state).toBe('ESTABLISHED');
  });

  it('drops what is outside of the windows', () => {
    const talk = new Talk().open();
    expect(talk.client({ seq: 1101, ack: 501 }, 1)).toBe('passed');
    expect(talk.client({ seq: 1102, ack: 501 }, 1)).toBe('state-invalid');
    expect(talk.client({ seq: 101 - 2000, ack: 501 }, 100)).toBe('state-invalid');
    expect(talk.client({ seq: 101, ack: 502 })).toBe('state-invalid');
    expect(talk.client({ seq: 101, ack: 501 - 70_000 })).toBe('state-invalid');
    expect(talk.server({ seq: 501, ack: 1102, window: 5000 })).toBe('passed');
    expect(talk.client({ seq: 1102, ack: 501 }, 1400)).toBe('passed');
  });

  it('counts scaled windows when both ends scale', () => {
    const talk = new Talk();
    talk.client({ seq: 100, flags: SYN, options: { windowScale: 14 } });
    talk.server({ seq: 500, ack: 101, flags: SYN | ACK, options: { windowScale: 14 } });
    talk.client({ seq: 101, ack: 501, window: 65_535 });
    talk.server({ seq: 501, ack: 101, window: 65_535 });
    expect(talk.client({ seq: 101 + 900_000_000, ack: 501 }, 1000)).toBe('passed');
    const unscaled = new Talk();
    unscaled.client({ seq: 100, flags: SYN, options: { windowScale: 14 } });
    unscaled.server({ seq: 500, ack: 101, flags: SYN | ACK });
    unscaled.client({ seq: 101, ack: 501, window: 65_535 });
    expect(unscaled.server({ seq: 501 + 100_000, ack: 101 }, 1000)).toBe('state-invalid');
  });

  it('takes SACK blocks for acknowledgement of what lies behind a hole', () => {
    const talk = new Talk();
    talk.client({ seq: 100, flags: SYN, options: { sackPermitted: true } });
    talk.server({ seq: 500, ack: 101, flags: SYN | ACK, options: { sackPermitted: true } });
    talk.client({ seq: 101, ack: 501 });
    expect(talk.client({ seq: 601, ack: 501 }, 500)).toBe('passed');
    expect(talk.server({ seq: 501, ack: 101, options: { sacks: [{ left: 601, right: 1101 }] } })).toBe('passed');
    expect(talk.server({ seq: 501, ack: 101, options: { sacks: [{ left: 601, right: 1102 }] } })).toBe('state-invalid');
  });

  it('takes a RST that refuses, and one in sequence; not a blind one', () => {
    const refused = new Talk();
    refused.client({ seq: 100, flags: SYN });
    expect(refused.server({ seq: 0, ack: 101, flags: RST | ACK })).toBe('passed');
    expect(refused.state).toBe('CLOSE');
    const talk = new Talk().open();
    expect(talk.server({ seq: 1, ack: 101, flags: RST | ACK })).toBe('state-invalid');
    expect(talk.state).toBe('ESTABLISHED');
    expect(talk.server({ seq: 501, flags: RST })).toBe('passed');
    expect(talk.state).toBe('CLOSE');
    expect(talk.client({ seq: 101, flags: SYN })).toBe('passed');
    expect(talk.state).toBe('SYN_SENT');
  });

  const stages: Record<string, (talk: Talk) => void> = {
    SYN_SENT: (talk) => talk.client({ seq: 100, flags: SYN }),
    SYN_RECV: (talk) => talk.server({ seq: 500, ack: 101, flags: SYN | ACK }),
    ESTABLISHED: (talk) => talk.client({ seq: 101, ack: 501 }),
    FIN_WAIT: (talk) => talk.client({ seq: 101, ack: 501, flags: FIN | ACK }),
    CLOSE_WAIT: (talk) => talk.server({ seq: 501, ack: 102 }),
    LAST_ACK: (talk) => talk.server({ seq: 501, ack: 102, flags: FIN | ACK }),
    TIME_WAIT: (talk) => talk.client({ seq: 102, ack: 502 }),
  };

  function at(state: string): Talk {
    const talk = new Talk();
    for (const [name, go] of Object.entries(stages)) {
      go(talk);
      if (name === state) break;
    }
    expect(talk.state).toBe(state);
    return talk;
  }

  it.each(Object.keys(stages))('forgets a connection in %s after its time', (state) => {
    const talk = at(state);
    talk.host.advance((FLOW_TIMEOUT_US[state] as number) - 1);
    expect(talk.state).toBe(state);
    talk.host.advance(1);
    expect(talk.state).toBeUndefined();
  });

  it.each(['SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK'])(
    'takes a RST in %s, and forgets it then',
    (state) => {
      const talk = at(state);
      const late = state === 'FIN_WAIT' || state === 'CLOSE_WAIT' || state === 'LAST_ACK';
      expect(talk.client({ seq: late ? 102 : 101, flags: RST })).toBe('passed');
      expect(talk.state).toBe('CLOSE');
      talk.host.advance(FLOW_TIMEOUT_US.CLOSE as number);
      expect(talk.state).toBeUndefined();
    },
  );
});

describe('firewall, tracking of datagrams', () => {
  it('lets the answer back in, for a while, and longer when there was one', () => {
    const { host, layer } = started();
    host.injectBytes('wan', udp(OUTSIDE, GW30));
    expect(host.dropReasons()).toEqual(['filtered']);
    host.injectBytes('lan', udp(GW30, OUTSIDE));
    host.advance((FLOW_TIMEOUT_US.UNREPLIED as number) - 1);
    host.injectBytes('wan', udp(OUTSIDE, GW30));
    expect(host.sentOn('lan')).toHaveLength(1);
    host.advance((FLOW_TIMEOUT_US.ASSURED as number) - 1);
    host.injectBytes('wan', udp(OUTSIDE, GW30));
    expect(host.sentOn('lan')).toHaveLength(2);
    host.advance(FLOW_TIMEOUT_US.ASSURED as number);
    expect(layer.machines()).toHaveLength(1);
    host.injectBytes('lan', udp(GW30, OUTSIDE));
    host.advance(FLOW_TIMEOUT_US.UNREPLIED as number);
    expect(layer.machines()).toHaveLength(1);
  });

  it('lets an echo reply back in to its request only', () => {
    const { host } = started();
    host.injectBytes('wan', echo(GW20, GW30, IcmpType.ECHO_REPLY));
    host.injectBytes('lan', echo(GW30, GW20, IcmpType.ECHO_REQUEST));
    host.injectBytes('wan', echo(GW20, GW30, IcmpType.ECHO_REPLY));
    host.injectBytes('wan', echo(GW20, GW30, IcmpType.ECHO_REQUEST));
    expect(host.dropReasons()).toEqual(['state-invalid', 'filtered']);
    expect(host.sentOn('lan')).toHaveLength(1);
  });

  it('lets ICMP errors pass that are about a tracked connection', () => {
    const talk = new Talk().open();
    const error = (quoted: Uint8Array) =>
      buildIcmpPacket({ source: T21, destination: GW30 }, { type: 3, code: 4, mtu: 1400 }, quoted.subarray(0, 28));
    talk.host.injectBytes('lan', echo(GW30, GW20, IcmpType.ECHO_REQUEST));
    talk.host.outputs.length = 0;
    talk.host.injectBytes('wan', error(tcp(GW30, GW20, {})));
    talk.host.injectBytes('wan', error(echo(GW30, GW20, IcmpType.ECHO_REQUEST)));
    talk.host.injectBytes('wan', error(udp(GW30, OUTSIDE)));
    expect(talk.host.sentOn('lan')).toHaveLength(2);
    expect(talk.host.dropReasons()).toEqual(['state-invalid']);
  });

  it('passes nothing with a bad checksum or a broken header', () => {
    const { host } = started();
    host.injectBytes('lan', udp(GW30, OUTSIDE), 'bad');
    host.injectBytes('lan', buildIp4({ source: GW30, destination: OUTSIDE, protocol: 17 }, new Uint8Array(4)));
    host.injectBytes('lan', buildIp4({ source: GW30, destination: OUTSIDE, protocol: 1 }, new Uint8Array(4)));
    host.injectBytes('lan', buildIp4({ source: GW30, destination: OUTSIDE, protocol: 6 }, new Uint8Array(4)));
    host.injectBytes('lan', new Uint8Array(12));
    expect(host.dropReasons()).toEqual([
      'bad-checksum',
      'state-invalid',
      'state-invalid',
      'state-invalid',
      'malformed',
    ]);
  });
});

describe('table of connections', () => {
  it('is bounded; the unproved give way, the proved do not', () => {
    const { host, layer } = started();
    const syn = (port: number) => tcp(GW30, GW20, { sourcePort: port, seq: 100, flags: SYN });
    for (let port = 1; port <= FLOWS_MAX + 5; port++) host.injectBytes('lan', syn(port));
    expect(layer.machines()).toHaveLength(1 + FLOWS_MAX);
    expect(host.dropReasons()).toEqual([]);
    for (let port = 6; port <= FLOWS_MAX + 5; port++) {
      host.injectBytes('wan', tcp(GW20, GW30, { destinationPort: port, seq: 500, ack: 101, flags: SYN | ACK }));
      host.injectBytes('lan', tcp(GW30, GW20, { sourcePort: port, seq: 101, ack: 501 }));
    }
    host.injectBytes('lan', syn(60_000));
    expect(host.dropReasons()).toEqual(['table-full']);
  });
});

layerCompliance(
  'firewall',
  (host) => new FirewallLayer(host, '3301', OPTIONS),
  [
    { port: 'lan', frame: tcp(GW30, GW20, { seq: 100, flags: SYN, options: { windowScale: 7, sackPermitted: true } }) },
    { port: 'wan', frame: tcp(GW20, GW30, { seq: 500, ack: 101, flags: SYN | ACK, options: { windowScale: 7 } }) },
    { port: 'lan', frame: tcp(GW30, GW20, { seq: 101, ack: 501 }, 500) },
    { port: 'lan', frame: udp(GW30, OUTSIDE) },
    { port: 'wan', frame: tcp(GW20, GW30, { seq: 501, ack: 601 }, 1000) },
    { port: 'wan', frame: udp(T21, GW30) },
    { wait_us: FLOW_TIMEOUT_US.UNREPLIED as number },
    { port: 'wan', frame: udp(OUTSIDE, GW30) },
    { port: 'lan', frame: tcp(GW30, GW20, { seq: 601, ack: 1501, flags: FIN | ACK }) },
    { port: 'lan', frame: udp(GW30, OUTSIDE, 1) },
    { wait_us: FLOW_TIMEOUT_US.FIN_WAIT as number },
  ],
  {
    framePorts: ['lan', 'wan'],
    accounts: true,
    flood: (index) => ({ port: 'lan', frame: tcp(GW30, GW20, { sourcePort: index, flags: SYN }) }),
    savedMax_bytes: 3_000_000,
  },
);
