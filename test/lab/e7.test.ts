import { describe, expect, it } from 'vitest';
import type { IdentityIndication } from '../../src/actors/services.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { ping } from '../../src/lab/traffic.ts';
import { GATEWAY_20, GATEWAY_30_INSIDE, SERVER_31, TERMINAL_21, TRANSFER_PORT } from '../../src/topologies/network.ts';
import { E6, E7 } from '../../src/topologies/reoriginating.ts';
import { isMulticast } from '../../src/wire/address.ts';
import { u48 } from '../../src/wire/bytes.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { Flag } from '../../src/wire/tcp.ts';
import {
  bytesAt,
  checkLossAtServer,
  checkOrder,
  checkTerminalsView,
  innerMessages,
  isUsers,
  isUsersTcp,
  mustTransfer,
  watchAccepted,
  watchPorts,
} from './reorigination.ts';
import { firstAt, read, SECOND_US, upLab } from './support.ts';

const GATEWAY_30 = GATEWAY_30_INSIDE.gateway30;

describe('embodiment 7', () => {
  it("7.8-1 server's view: the peer of 3101 is terminal 21 with TCP 2102's port, frames at W6 have its MAC", () => {
    const lab = upLab('e7');
    const accepted = watchAccepted(lab, 'server31', '3101');
    const ports = watchPorts(lab, 'terminal21', '2101');
    const seen = lab.capture(['W6'], ({ way, bytes }) => way === 'ab' && isUsersTcp(bytes));
    mustTransfer(lab);
    expect(accepted).toMatchObject([{ remote: TERMINAL_21.address, remotePort: [...ports.values()][0] }]);
    expect(seen.length).toBeGreaterThan(50);
    for (const { bytes } of seen) {
      expect(u48(bytes, 6)).toBe(TERMINAL_21.mac);
      expect(read(bytes).ip?.source).toBe(TERMINAL_21.address);
    }
  });

  it('7.8-2 but no driver in server 31, and a true TCP at W6: SYN, SYN+ACK, ACK', () => {
    const lab = upLab('e7');
    expect(lab.devices.server31.layers.map(({ kind }) => kind)).not.toContain('terminal-driver');
    const seen = lab.capture(['W6', 'W1']);
    mustTransfer(lab);
    const order = [
      firstAt(seen, 'W6', 'ab', isUsers(Flag.SYN)),
      firstAt(seen, 'W6', 'ba', isUsers(Flag.SYN | Flag.ACK)),
      firstAt(seen, 'W6', 'ab', isUsers(Flag.ACK)),
    ];
    expect(order).toEqual([...order].sort((one, other) => one - other));
    expect(bytesAt(seen, 'W6', 'ab').flatMap(innerMessages)).toEqual([]);
    expect(bytesAt(seen, 'W1', 'ab').filter(isUsersTcp)).toEqual([]);
  });

  it('7.8-2 loss on W6 is repaired by TCP 3003B, invisible at W1', () => checkLossAtServer(upLab('e7')));

  it("7.8-3 two identities on W5: gateway 30's towards gateway 20, terminal 21's towards server 31, at the same time", () => {
    const lab = upLab('e7');
    const seen = lab.capture(['W5'], ({ way, bytes }) => way === 'ab' && read(bytes).tcp !== undefined);
    mustTransfer(lab);
    const sources = (isToServer: boolean) => {
      const some = seen.filter(({ bytes }) => (read(bytes).ip?.destination === SERVER_31.address) === isToServer);
      expect(some.length).toBeGreaterThan(50);
      return new Set(some.map(({ bytes }) => `${u48(bytes, 6)} ${read(bytes).ip?.source}`));
    };
    expect(sources(true)).toEqual(new Set([`${TERMINAL_21.mac} ${TERMINAL_21.address}`]));
    expect(sources(false)).toEqual(new Set([`${GATEWAY_30.mac} ${GATEWAY_30.address}`]));
    const kinds = seen.map(({ bytes }) => read(bytes).ip?.destination === GATEWAY_20.address);
    const changes = kinds.filter((kind, at) => at > 0 && kind !== kinds[at - 1]).length;
    expect(changes).toBeGreaterThan(10);
  });

  it("7.8-4 demux in bridge 3008: gateway 30's MAC to 3005, terminal 21's to 3005B, never crossed", () => {
    const lab = upLab('e7');
    const destinations = (label: string) => {
      const seen: number[] = [];
      lab.layer('gateway30', label).ports.lower.received$.subscribe(({ bytes }: { bytes: Uint8Array }) => {
        if (!isMulticast(u48(bytes, 0))) seen.push(u48(bytes, 0));
      });
      return seen;
    };
    const [own, terminals] = [destinations('3005'), destinations('3005B')];
    mustTransfer(lab);
    expect([own.length > 50, terminals.length > 20]).toEqual([true, true]);
    expect(new Set(own)).toEqual(new Set([GATEWAY_30.mac]));
    expect(new Set(terminals)).toEqual(new Set([TERMINAL_21.mac]));
  });

  it('7.8-5 order: 3005B is configured before the SYN leaves on W5', () => {
    const lab = upLab('e7');
    const order: string[] = [];
    lab
      .layer('gateway30', '3001B')
      .ports.identities.received$.subscribe(({ kind }: IdentityIndication) => order.push(kind));
    lab.tap('W5', ({ way, bytes }) => way === 'ab' && isUsers(Flag.SYN)(bytes) && order.push('SYN'));
    mustTransfer(lab, 1000);
    expect(order).toEqual(['taken', 'SYN']);
  });

  it("7.8-5 order: CONN-DONE leaves only after TCP 3003B's ACK to the SYN+ACK", () =>
    checkOrder(upLab('e7'), { holds: true }));

  it('7.8-6 ACK locality: with 500 ms to the other gateway the handshake on W6 completes in LAN time', () => {
    const lab = upLab('e7', { path: { delay_us: 500_000 } });
    const seen = lab.capture(['W6']);
    mustTransfer(lab, 1000);
    const at = (index: number) => seen[index].time_us;
    const answered = firstAt(seen, 'W6', 'ba', isUsers(Flag.SYN | Flag.ACK));
    const acknowledged = firstAt(seen, 'W6', 'ab', isUsers(Flag.ACK));
    expect(acknowledged).toBeGreaterThan(answered);
    expect(at(acknowledged) - at(answered)).toBeLessThan(1000);
  });

  it("7.8-7 terminal's view: W1 shows server 31 only", () => checkTerminalsView(upLab('e7'), TERMINAL_21, SERVER_31));

  it('7.8-8 switch test: without 3008 and 3005B it is embodiment 6, and the server sees gateway 30', () => {
    const labels = ({ plan }: Lab) =>
      plan.devices.find(({ name }) => name === 'gateway30')!.layers.map(({ label }) => label);
    const [e6, e7] = [upLab(E6.name), upLab(E7.name)];
    expect(labels(e7).filter((label) => label !== '3008' && label !== '3005B')).toEqual(labels(e6));
    const accepted = [e6, e7].map((lab) => watchAccepted(lab, 'server31', '3101'));
    for (const lab of [e6, e7]) mustTransfer(lab);
    expect(accepted).toMatchObject([[{ remote: GATEWAY_30.address }], [{ remote: TERMINAL_21.address }]]);
  });
});

describe('embodiment 7, what the specification leaves open', () => {
  it('N7-3 mirrored: driver 3106 in the server, gateway 20 connects to the terminal in its name', () => {
    const lab = upLab('e7-mirrored');
    const accepted = watchAccepted(lab, 'terminal21', '2101');
    mustTransfer(lab, 200_000, 'server31');
    expect(accepted).toMatchObject([{ remote: SERVER_31.address }]);
  });

  it('N7-4 a NAT router in place of firewall 33', () => mustTransfer(upLab('e7-nat')));

  it('several terminals at once: each is itself to the server, answered for by ARP, for as long as it has sessions', () => {
    const lab = upLab('e7-three-terminals');
    const accepted = watchAccepted(lab, 'server31', '3101');
    const done: number[] = [];
    lab.watch(({ kind, device, name, data }) => {
      if (kind === 'note' && device === 'server31' && name === 'transfer') done.push((data as { bytes: number }).bytes);
    });
    const terminals = lab.plan.ends.filter(({ device }) => device !== 'server31');
    const order = { destination: SERVER_31.address, port: TRANSFER_PORT, bytes: 300_000, seed: 1 };
    for (const { device, application } of terminals)
      lab.tell(device, application, 'push', { ...order, connection: device });
    const held = () => (lab.layer('gateway30', '3005B') as unknown as { size: number }).size;
    lab.until(() => accepted.length === 3, 10 * SECOND_US);
    expect(held()).toBe(3);
    expect(lab.until(() => done.length === 3, 60 * SECOND_US)).toBe(true);
    expect(done).toEqual([300_000, 300_000, 300_000]);
    expect(lab.received.server31.broken.size).toBe(0);
    const addresses = terminals.map(({ address }) => address);
    expect(new Set(accepted.map(({ remote }) => remote))).toEqual(new Set(addresses));
    lab.run(200 * SECOND_US);
    expect(held()).toBe(0);
  });

  it('an address that a live server there has is not taken: 3005B asks first, and the server goes on undisturbed', () => {
    const lab = upLab('e7');
    const heard: IdentityIndication[] = [];
    const { identities } = lab.layer('gateway30', '3001B').ports;
    identities.received$.subscribe((indication: IdentityIndication) => heard.push(indication));
    const claims = lab.capture(['W5', 'W6'], ({ bytes }) => {
      const { arp } = parseFrame(bytes);
      return arp?.senderIp === SERVER_31.address && arp.senderMac !== SERVER_31.mac;
    });
    const identity = { address: SERVER_31.address, mac: TERMINAL_21.mac };
    identities.send({ kind: 'take', name: 'server-side', identity });
    lab.run(SECOND_US);
    expect(heard).toEqual([{ kind: 'refused', name: 'server-side', reason: 'conflict' }]);
    expect(claims).toEqual([]);
    mustTransfer(lab, 1000);
  });

  it('server 31 reaches the terminal by ping while a session holds its identity: IP stack 3005B answers', () => {
    const lab = upLab('e7');
    expect(ping(lab, { from: 'server31' }).rtts_us).toEqual([]);
    mustTransfer(lab, 1000);
    const seen = lab.capture(['W5', 'W1'], ({ bytes }) => parseFrame(bytes).icmp !== undefined);
    expect(ping(lab, { from: 'server31' }).rtts_us).toHaveLength(1);
    expect(bytesAt(seen, 'W5', 'ab').map((bytes) => u48(bytes, 6))).toEqual([TERMINAL_21.mac]);
    expect(bytesAt(seen, 'W1', 'ba')).toEqual([]);
  });
});
