import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { BROADCAST_MAC, type Ip4, type Mac, parseIp4 } from '../../wire/address.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame, buildIcmpFrame, buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { buildEthernet } from '../../wire/ethernet.ts';
import { checksumVerdict, parseFrame } from '../../wire/frame.ts';
import { IcmpType, icmpQuote, parseIcmp, UnreachableCode } from '../../wire/icmp.ts';
import { buildIp4, type Ip4View, IpProtocol, parseIp4Packet } from '../../wire/ipv4.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import { ICMP_ERRORS_BURST } from '../icmp-error.ts';
import { DEFEND_INTERVAL_US, IpStackLayer, type IpStackOptions } from './layer.ts';
import {
  FIRST_PROBE_DELAY_US,
  NEIGHBOUR_RETRY_US,
  NEIGHBOURS_HEARD_MAX,
  NEIGHBOURS_MAX,
  QUEUE_PACKETS,
  REACHABLE_US,
  STALE_US,
} from './neighbours.ts';

const ip = (text: string): Ip4 => parseIp4(text) as Ip4;
const OWN_MAC: Mac = 0x0200_0000_0001;
const PEER_MAC: Mac = 0x0200_0000_0002;
const OWN = ip('10.2.0.21');
const PEER = ip('10.2.0.20');
const GATEWAY = ip('10.2.0.1');
const FAR = ip('10.3.0.31');
const INTERFACE = { address: OWN, prefixLength: 24, mac: OWN_MAC, gateway: GATEWAY };

function started(options: Partial<IpStackOptions> = {}): { host: TestHost; layer: IpStackLayer } {
  const host = new TestHost();
  const layer = host.attach(new IpStackLayer(host, '2104', { interface: INTERFACE, ...options }));
  host.start();
  host.outputs.length = 0;
  return { host, layer };
}

function arp(operation: number, senderIp: Ip4, targetIp: Ip4, senderMac = PEER_MAC): Uint8Array {
  return buildArpFrame({
    ethernet: { destination: operation === ArpOperation.REPLY ? OWN_MAC : BROADCAST_MAC, source: senderMac },
    arp: { operation, senderMac, senderIp, targetMac: OWN_MAC, targetIp },
  });
}

const answer = (from: Ip4, mac = PEER_MAC) => arp(ArpOperation.REPLY, from, OWN, mac);

function packet(destination: Ip4, length = 40, source = OWN): Uint8Array {
  return buildIp4({ source, destination, protocol: IpProtocol.UDP, dontFragment: true }, new Uint8Array(length - 20));
}

function udpFrame(destination: Ip4, mac = OWN_MAC, source = PEER): Uint8Array {
  const udp = { sourcePort: 1, destinationPort: 2 };
  return buildUdpFrame(
    { ethernet: { destination: mac, source: PEER_MAC }, ip: { source, destination }, udp },
    new Uint8Array(9),
  );
}

function echo(destination: Ip4, length = 56): Uint8Array {
  const icmp = { type: IcmpType.ECHO_REQUEST, code: 0, identifier: 7, sequence: 9 };
  const ethernet = { destination: OWN_MAC, source: PEER_MAC };
  return buildIcmpFrame({ ethernet, ip: { source: PEER, destination }, icmp }, new Uint8Array(length).fill(5));
}

function sent(host: TestHost): ReturnType<typeof parseFrame>[] {
  return host.sentOn('lower').map(({ bytes }) => parseFrame(bytes));
}

function icmpErrors(host: TestHost): { code: number; mtu: number; quoted: Ip4 | undefined; to: Ip4 }[] {
  return host.sentOn('upper').flatMap(({ bytes }: Frame) => {
    const header = parseIp4Packet(bytes, 0, bytes.length) as Ip4View;
    const icmp = parseIcmp(bytes, header.headerEnd, header.end);
    if (!icmp.ok || header.protocol !== IpProtocol.ICMP) return [];
    return [{ code: icmp.code, mtu: icmp.mtu, quoted: icmpQuote(bytes, icmp)?.destination, to: header.destination }];
  });
}

describe('IP stack, sending', () => {
  it('announces its address on start', () => {
    const host = new TestHost();
    host.attach(new IpStackLayer(host, '2104', { interface: INTERFACE }));
    host.start();
    expect(sent(host)).toMatchObject([
      { ethernet: { destination: BROADCAST_MAC, source: OWN_MAC }, arp: { senderIp: OWN, targetIp: OWN } },
    ]);
  });

  it('asks for a neighbour, lets packets wait and sends them in order when it answers', () => {
    const { host } = started();
    host.injectBytes('upper', packet(PEER, 40));
    host.injectBytes('upper', packet(PEER, 41));
    expect(sent(host)).toMatchObject([
      { arp: { operation: ArpOperation.REQUEST, targetIp: PEER, senderMac: OWN_MAC } },
    ]);
    host.injectBytes('lower', answer(PEER));
    host.injectBytes('upper', packet(PEER, 42));
    expect(sent(host).slice(1)).toMatchObject(
      [40, 41, 42].map((totalLength) => ({
        ethernet: { destination: PEER_MAC, source: OWN_MAC },
        ip: { totalLength },
      })),
    );
  });

  it('sends to its gateway what is for another network', () => {
    const { host } = started();
    host.injectBytes('upper', packet(FAR));
    host.injectBytes('lower', answer(GATEWAY, 0x0200_0000_00fe));
    expect(sent(host)).toMatchObject([
      { arp: { targetIp: GATEWAY } },
      { ethernet: { destination: 0x0200_0000_00fe }, ip: { destination: FAR } },
    ]);
  });

  it('says so when there is no route', () => {
    const { host } = started({ interface: { address: OWN, prefixLength: 24, mac: OWN_MAC } });
    host.injectBytes('upper', packet(FAR));
    expect(host.dropReasons()).toEqual(['no-route']);
    expect(icmpErrors(host)).toEqual([{ code: UnreachableCode.NETWORK, mtu: 0, quoted: FAR, to: OWN }]);
  });

  it('uses broadcast and multicast addresses without asking', () => {
    const { host } = started();
    for (const destination of ['255.255.255.255', '10.2.0.255', '239.129.2.3'])
      host.injectBytes('upper', packet(ip(destination)));
    expect(sent(host).map(({ ethernet }) => ethernet?.destination)).toEqual([
      BROADCAST_MAC,
      BROADCAST_MAC,
      0x0100_5e01_0203,
    ]);
  });

  it('asks three times, a second apart, then ends the packets and tells their sender', () => {
    const { host } = started();
    host.injectBytes('upper', packet(PEER));
    host.injectBytes('upper', packet(PEER));
    host.advance(3 * NEIGHBOUR_RETRY_US - 1);
    expect(sent(host)).toHaveLength(3);
    expect(host.dropReasons()).toEqual([]);
    host.advance(1);
    expect(host.dropReasons()).toEqual(['neighbour-timeout', 'neighbour-timeout']);
    expect(icmpErrors(host)).toHaveLength(2);
    expect(icmpErrors(host)[0]).toEqual({ code: UnreachableCode.HOST, mtu: 0, quoted: PEER, to: OWN });
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)).toHaveLength(4);
  });

  it('keeps a bounded queue for each neighbour; the oldest packet gives way', () => {
    const { host } = started();
    for (let i = 0; i < QUEUE_PACKETS + 2; i++) host.injectBytes('upper', packet(PEER, 40 + i));
    expect(host.dropReasons()).toEqual(['neighbour-queue-full', 'neighbour-queue-full']);
    host.injectBytes('lower', answer(PEER));
    expect(
      sent(host)
        .slice(1)
        .map((frame) => frame.ip?.totalLength),
    ).toEqual(Array.from({ length: QUEUE_PACKETS }, (_, i) => 42 + i));
  });

  it('tells the sender of a packet that is too long which length would do', () => {
    const { host } = started({ mtu: 1400 });
    host.injectBytes('upper', packet(PEER, 1401));
    expect(host.dropReasons()).toEqual(['too-long']);
    expect(icmpErrors(host)).toEqual([
      { code: UnreachableCode.FRAGMENTATION_NEEDED, mtu: 1400, quoted: PEER, to: OWN },
    ]);
  });

  it('limits the rate of its errors', () => {
    const { host, layer } = started({ mtu: 100 });
    for (let i = 0; i < ICMP_ERRORS_BURST + 7; i++) host.injectBytes('upper', packet(PEER, 200));
    expect(icmpErrors(host)).toHaveLength(ICMP_ERRORS_BURST);
    expect(layer.counters['icmp-rate']).toBe(7);
  });
});

describe('IP stack, ageing of neighbours', () => {
  function resolved(): TestHost {
    const { host } = started();
    host.injectBytes('upper', packet(PEER));
    host.injectBytes('lower', answer(PEER));
    host.outputs.length = 0;
    return host;
  }

  it('asks a neighbour directly when it stays silent after a use, and goes on sending meanwhile', () => {
    const host = resolved();
    host.advance(REACHABLE_US - 1);
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)).toHaveLength(1);
    host.advance(1);
    host.injectBytes('upper', packet(PEER));
    host.advance(FIRST_PROBE_DELAY_US);
    host.injectBytes('upper', packet(PEER));
    expect(sent(host).slice(1)).toMatchObject([
      { ip: { destination: PEER } },
      { ethernet: { destination: PEER_MAC }, arp: { targetIp: PEER } },
      { ip: { destination: PEER } },
    ]);
    host.injectBytes('lower', answer(PEER));
    host.advance(REACHABLE_US - 1);
    host.outputs.length = 0;
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)).toMatchObject([{ ethernet: { destination: PEER_MAC }, ip: { destination: PEER } }]);
  });

  it('gives a neighbour up that no longer answers, and asks everybody again', () => {
    const host = resolved();
    host.advance(REACHABLE_US);
    host.injectBytes('upper', packet(PEER));
    host.advance(FIRST_PROBE_DELAY_US + 3 * NEIGHBOUR_RETRY_US);
    expect(sent(host).filter(({ arp: asked }) => asked)).toHaveLength(3);
    host.outputs.length = 0;
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)).toMatchObject([{ ethernet: { destination: BROADCAST_MAC } }]);
  });

  it('trusts a neighbour again for the whole time whenever it is heard', () => {
    const host = resolved();
    host.advance(REACHABLE_US - 1);
    host.injectBytes('lower', answer(PEER));
    host.advance(REACHABLE_US - 1);
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)).toHaveLength(1);
    host.advance(1);
    host.injectBytes('lower', answer(PEER, 0x0200_0000_0077));
    host.outputs.length = 0;
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)).toMatchObject([{ ethernet: { destination: 0x0200_0000_0077 } }]);
  });

  it('follows a neighbour that changes its address', () => {
    const host = resolved();
    host.injectBytes('lower', arp(ArpOperation.REQUEST, PEER, PEER, 0x0200_0000_0088));
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)).toMatchObject([{ ethernet: { destination: 0x0200_0000_0088 } }]);
  });

  it('forgets a neighbour that nobody uses', () => {
    const { host, layer } = started();
    host.injectBytes('lower', arp(ArpOperation.REQUEST, PEER, OWN));
    expect(layer.machines().map(({ instance }) => instance)).toEqual(['', 'neighbour-10.2.0.20']);
    host.advance(REACHABLE_US + STALE_US - 1);
    expect(layer.machines()).toHaveLength(2);
    host.advance(1);
    expect(layer.machines()).toHaveLength(1);
    expect(host.timers()).toEqual([]);
  });

  it('keeps a bounded table, of which strangers fill a part only', () => {
    const { host, layer } = started({ interface: { ...INTERFACE, prefixLength: 16 } });
    for (let i = 0; i < NEIGHBOURS_HEARD_MAX + 9; i++)
      host.injectBytes('lower', arp(ArpOperation.REQUEST, ip('10.2.1.0') + i, OWN));
    expect(layer.machines()).toHaveLength(1 + NEIGHBOURS_HEARD_MAX);
    for (let i = 0; i < NEIGHBOURS_MAX; i++) host.injectBytes('upper', packet(ip('10.2.8.0') + i));
    expect(layer.machines()).toHaveLength(1 + NEIGHBOURS_MAX);
    expect(layer.drops.get('table-full')).toBe(NEIGHBOURS_HEARD_MAX);
  });

  it('gives a stale neighbour up for a new one when the table is full', () => {
    const { host, layer } = started({ interface: { ...INTERFACE, prefixLength: 16 } });
    for (let i = 0; i < NEIGHBOURS_HEARD_MAX; i++)
      host.injectBytes('lower', arp(ArpOperation.REQUEST, ip('10.2.1.0') + i, OWN));
    host.advance(REACHABLE_US);
    host.injectBytes('lower', arp(ArpOperation.REQUEST, PEER, OWN));
    expect(layer.machines()).toHaveLength(1 + NEIGHBOURS_HEARD_MAX);
    host.outputs.length = 0;
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)).toMatchObject([{ ip: { destination: PEER } }]);
  });
});

describe('IP stack, receiving', () => {
  it('answers ARP for its own address, and knows the asker then', () => {
    const { host } = started();
    host.injectBytes('lower', arp(ArpOperation.REQUEST, PEER, OWN));
    expect(sent(host)).toMatchObject([
      {
        ethernet: { destination: PEER_MAC, source: OWN_MAC },
        arp: { operation: ArpOperation.REPLY, senderMac: OWN_MAC, senderIp: OWN, targetIp: PEER },
      },
    ]);
    host.injectBytes('upper', packet(PEER));
    expect(sent(host)[1]).toMatchObject({ ip: { destination: PEER } });
  });

  it('answers no ARP for others', () => {
    const { host } = started();
    host.injectBytes('lower', arp(ArpOperation.REQUEST, PEER, GATEWAY));
    expect(sent(host)).toEqual([]);
    expect(host.dropReasons()).toEqual(['not-our-address']);
  });

  it('defends its address once per interval and tells of the conflict', () => {
    const { host } = started();
    for (let i = 0; i < 3; i++) host.injectBytes('lower', arp(ArpOperation.REQUEST, OWN, PEER, 0x0200_0000_0666));
    expect(host.notes('address-conflict')).toHaveLength(3);
    expect(sent(host)).toMatchObject([{ arp: { senderIp: OWN, targetIp: OWN } }]);
    host.advance(DEFEND_INTERVAL_US);
    host.injectBytes('lower', arp(ArpOperation.REQUEST, OWN, PEER, 0x0200_0000_0666));
    expect(sent(host)).toHaveLength(2);
    host.stop();
    expect(host.timers()).toEqual([]);
    host.injectBytes('lower', arp(ArpOperation.REQUEST, PEER, OWN));
    expect(sent(host)).toHaveLength(2);
  });

  it('takes no packet for one host from a frame for all or for a group, not even to forward it', () => {
    for (const forwarding of [false, true]) {
      const { host, layer } = started({ forwarding });
      for (const mac of [BROADCAST_MAC, 0x0100_5e00_0001]) host.injectBytes('lower', udpFrame(OWN, mac));
      if (forwarding) host.injectBytes('lower', udpFrame(FAR, BROADCAST_MAC));
      expect(host.sentOn('upper')).toEqual([]);
      expect(layer.drops.get('link-broadcast')).toBe(forwarding ? 3 : 2);
    }
  });

  it('gives packets for its address, broadcast and multicast up, without padding', () => {
    const { host } = started();
    for (const destination of [OWN, ip('10.2.0.255'), ip('255.255.255.255'), ip('224.0.0.1')]) {
      const mac = destination === OWN ? OWN_MAC : BROADCAST_MAC;
      host.injectBytes('lower', new Uint8Array([...udpFrame(destination, mac), 0, 0, 0, 0]));
    }
    expect(host.sentOn('upper').map(({ bytes }) => bytes.length)).toEqual([37, 37, 37, 37]);
  });

  it.each([
    ['not-for-us', udpFrame(OWN, 0x0200_0000_0099)],
    ['not-our-address', udpFrame(FAR)],
    ['bad-source', udpFrame(OWN, OWN_MAC, OWN)],
    ['bad-source', udpFrame(OWN, OWN_MAC, ip('224.0.0.5'))],
    ['malformed', udpFrame(OWN).subarray(0, 30)],
    ['malformed', new Uint8Array(5)],
    ['bad-checksum', udpFrame(OWN).map((byte, at) => (at === 22 ? byte ^ 1 : byte))],
    [
      'unknown-protocol',
      buildEthernet({ destination: OWN_MAC, source: PEER_MAC, etherType: 0x86dd }, new Uint8Array(40)),
    ],
    [
      'unknown-protocol',
      buildEthernet(
        {
          destination: OWN_MAC,
          source: PEER_MAC,
          etherType: 0x0800,
          vlan: { priority: 0, dropEligible: false, id: 3 },
        },
        packet(OWN, 40, PEER),
      ),
    ],
    ['malformed', arp(3, PEER, OWN)],
    ['bad-source', arp(ArpOperation.REQUEST, PEER, OWN, BROADCAST_MAC)],
    [
      'no-fragmentation',
      buildEthernet(
        { destination: OWN_MAC, source: PEER_MAC, etherType: 0x0800 },
        buildIp4({ source: PEER, destination: OWN, protocol: 17, moreFragments: true }, new Uint8Array(64)),
      ),
    ],
  ])('drops with reason %s', (reason, bytes) => {
    const { host } = started();
    host.injectBytes('lower', bytes);
    expect(host.dropReasons()).toEqual([reason]);
    expect(host.outputs).toHaveLength(1);
  });

  it('lets a bad transport checksum be judged above', () => {
    const { host } = started();
    host.injectBytes('lower', udpFrame(OWN), 'bad');
    expect(host.sentOn('upper')[0]?.checksum).toBe('bad');
  });

  it('answers an echo request with the same data and a right checksum', () => {
    const { host } = started();
    host.injectBytes('lower', arp(ArpOperation.REQUEST, PEER, OWN));
    host.injectBytes('lower', echo(OWN));
    const { bytes } = host.sentOn('lower')[1] as Frame;
    const reply = parseFrame(bytes);
    expect(reply).toMatchObject({
      ethernet: { destination: PEER_MAC },
      ip: { source: OWN, destination: PEER, ttl: 64 },
      icmp: { type: IcmpType.ECHO_REPLY, identifier: 7, sequence: 9 },
    });
    expect(checksumVerdict(bytes, reply)).toBe('good');
    expect(bytes.subarray(42)).toEqual(new Uint8Array(56).fill(5));
  });

  it('answers no echo request with a bad checksum, to a group, or too long to answer', () => {
    const { host } = started({ mtu: 500 });
    host.injectBytes('lower', echo(OWN), 'bad');
    host.injectBytes('lower', echo(OWN, 600));
    host.injectBytes('lower', echo(ip('224.0.0.1')));
    expect(host.dropReasons()).toEqual(['bad-checksum', 'too-long']);
    expect(sent(host)).toEqual([]);
    expect(host.sentOn('upper')).toHaveLength(1);
  });

  it('gives packets for others up when a router stands above', () => {
    const { host } = started({ forwarding: true });
    host.injectBytes('lower', udpFrame(FAR));
    expect(host.sentOn('upper')).toHaveLength(1);
  });

  it('drops what waits when it stops', () => {
    const { host } = started();
    host.injectBytes('upper', packet(PEER));
    host.stop();
    host.injectBytes('upper', packet(PEER));
    expect(host.dropReasons()).toEqual(['stopped', 'stopped']);
    expect(host.timers()).toEqual([]);
  });
});

const SYN = { sourcePort: 1, destinationPort: 2, seq: 1, flags: Flag.SYN, window: 1 };
const segment = buildTcpFrame(
  { ethernet: { destination: OWN_MAC, source: PEER_MAC }, ip: { source: PEER, destination: OWN }, tcp: SYN },
  new Uint8Array(20),
);

layerCompliance(
  'ip-stack',
  (host) => new IpStackLayer(host, '2104', { interface: INTERFACE }),
  [
    { port: 'upper', frame: packet(PEER) },
    { port: 'upper', frame: packet(FAR) },
    { wait_us: NEIGHBOUR_RETRY_US },
    { port: 'lower', frame: answer(PEER) },
    { port: 'lower', frame: echo(OWN) },
    { port: 'lower', frame: segment },
    { wait_us: 3 * NEIGHBOUR_RETRY_US },
    { port: 'upper', frame: packet(PEER, 1600) },
    { port: 'lower', frame: arp(ArpOperation.REQUEST, OWN, PEER, 0x0200_0000_0666) },
    { wait_us: REACHABLE_US },
    { port: 'upper', frame: packet(PEER) },
    { port: 'lower', frame: arp(ArpOperation.REQUEST, PEER, OWN) },
    { wait_us: REACHABLE_US + STALE_US },
    { port: 'upper', frame: packet(PEER) },
  ],
  {
    framePorts: ['upper', 'lower'],
    flood: (index) => ({ port: 'upper', frame: packet(ip('10.2.0.30') + (index % 100), 400) }),
    savedMax_bytes: 2_500_000,
  },
);
