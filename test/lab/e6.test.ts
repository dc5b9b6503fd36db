import { describe, expect, it } from 'vitest';
import { isSuccess, reportText } from '../../src/lab/report.ts';
import { runLab } from '../../src/lab/run.ts';
import { labSettings } from '../../src/lab/settings.ts';
import { ping, startTransfer, transfer } from '../../src/lab/traffic.ts';
import {
  GATEWAY_20_INSIDE,
  GATEWAY_30_INSIDE,
  SERVER_31,
  TERMINAL_21,
  TRANSFER_PORT,
} from '../../src/topologies/network.ts';
import { toHex, u48 } from '../../src/wire/bytes.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { Flag } from '../../src/wire/tcp.ts';
import {
  bytesAt,
  checkLossAtServer,
  checkOrder,
  checkTerminalsView,
  expectEachOnce,
  innerMessages,
  isUsers,
  isUsersTcp,
  mustTransfer,
  says,
  watchAccepted,
  watchPorts,
} from './reorigination.ts';
import { firstAt, newLab, payloadLength, read, SECOND_US, upLab } from './support.ts';

const GATEWAY_30 = GATEWAY_30_INSIDE.gateway30;

/** A second is not enough for the transfers here. */
function slowLab() {
  return upLab('e6', { path: { delay_us: 5_000, rate_bps: 20_000_000 } });
}

describe('embodiment 6', () => {
  it("6.8-1 server's view: the peer of 3101 is gateway 30 with a port of TCP 3003B, frames at W6 have its MAC", () => {
    const lab = upLab('e6');
    const accepted = watchAccepted(lab, 'server31', '3101');
    const seen = lab.capture(['W6'], ({ way, bytes }) => way === 'ab' && isUsersTcp(bytes));
    mustTransfer(lab);
    expect(accepted).toMatchObject([{ remote: GATEWAY_30.address }]);
    expect(seen.length).toBeGreaterThan(50);
    for (const { bytes } of seen) {
      expect(u48(bytes, 6)).toBe(GATEWAY_30.mac);
      expect([read(bytes).ip?.source, read(bytes).tcp?.sourcePort]).toEqual([
        GATEWAY_30.address,
        accepted[0].remotePort,
      ]);
    }
  });

  it('6.8-2 unmodified server: a standard handshake at W6, and nothing of the inner leg', () => {
    const lab = upLab('e6');
    const kinds = lab.devices.server31.layers.map(({ kind }) => kind);
    expect(kinds).not.toContain('terminal-driver');
    const seen = lab.capture(['W6', 'W1']);
    mustTransfer(lab);
    const syn = firstAt(seen, 'W6', 'ab', isUsers(Flag.SYN));
    const answer = firstAt(seen, 'W6', 'ba', isUsers(Flag.SYN | Flag.ACK));
    const ack = firstAt(seen, 'W6', 'ab', isUsers(Flag.ACK));
    expect([syn, answer, ack]).toEqual([syn, answer, ack].sort((one, other) => one - other));
    const marked = (place: string) =>
      seen.filter((each) => each.place === place && innerMessages(each.bytes).length > 0);
    expect(marked('W6')).toEqual([]);
    expect(marked('W1').length).toBeGreaterThan(50);
  });

  it('6.8-3 order: SYN after CONN-REQ was decrypted, CONN-DONE after the ACK to SYN+ACK, SYN+ACK at S21 after CONN-DONE', () =>
    checkOrder(upLab('e6'), { holds: true }));

  it('6.8-3 order: in handshake immediate the terminal is answered before', () =>
    checkOrder(upLab('e6', { handshake: 'immediate' }), { holds: false }));

  it("6.8-4 terminal's view: CONN-DONE and all that comes back at W1 is server 31's", () =>
    checkTerminalsView(upLab('e6'), TERMINAL_21, SERVER_31));

  it("6.8-5 no raw injection: no virtual NIC, no bridge, and no frame of the terminal's MAC leaves at W5", () => {
    const lab = newLab('e6');
    const seen = lab.capture(['W5'], ({ way }) => way === 'ab');
    lab.start();
    expect(lab.until(() => lab.isUp, 60 * SECOND_US)).toBe(true);
    const kinds = lab.devices.gateway30.layers.map(({ kind }) => kind);
    expect(kinds).not.toContain('virtual-nic');
    expect(kinds).not.toContain('bridge');
    mustTransfer(lab);
    ping(lab);
    expect(new Set(seen.map(({ bytes }) => u48(bytes, 6)))).toEqual(new Set([GATEWAY_30.mac]));
  });

  it('6.8-6 loss on W6 is recovered by TCP 3003B and TCP 3102, invisible at W1', () => checkLossAtServer(upLab('e6')));

  it('6.8-6 loss on W3 is recovered by TCP 2003 and TCP 3003: the same F13 numbers go again, nothing at W1', () => {
    const lab = upLab('e6');
    const seen = lab.capture(['W3', 'W1'], ({ way }) => way === 'ab');
    let lost: Uint8Array | undefined;
    let count = 0;
    lab.cables.W3.lose = (way, bytes) => {
      const isVictim = way === 'ab' && bytes.length > 1000 && ++count === 20;
      if (isVictim) lost = bytes.slice();
      return isVictim;
    };
    mustTransfer(lab);
    const seq = read(lost as Uint8Array).tcp?.seq;
    const sent = bytesAt(seen, 'W3', 'ab').filter((bytes) => parseFrame(bytes).tcp?.seq === seq);
    expect(sent.filter((bytes) => payloadLength(bytes) > 0).length).toBeGreaterThanOrEqual(2);
    expectEachOnce(bytesAt(seen, 'W1', 'ab'));
  });

  it('6.8-6 loss on W1 is not recovered: both hosts are told', () => {
    const lab = upLab('e6');
    const seen = lab.capture(['W1', 'W6']);
    let count = 0;
    lab.cables.W1.lose = (way, bytes) => way === 'ab' && says('data')(bytes) && ++count === 20;
    const result = transfer(lab, { bytes: 200_000, limit_us: 120 * SECOND_US });
    expect(result).toMatchObject({ complete: false, intact: true, reason: 'reset' });
    expectEachOnce(bytesAt(seen, 'W1', 'ab').filter((bytes) => says('data')(bytes)));
    expect(
      bytesAt(seen, 'W6', 'ab').some((bytes) => isUsersTcp(bytes) && (read(bytes).tcp!.flags & Flag.RST) !== 0),
    ).toBe(true);
  });

  it.each([
    ['e6', false],
    ['e6-same-port', true],
  ])("6.8-7 port freedom: %s, the terminal's own port: %s", (topology, isSame) => {
    const lab = upLab(topology);
    const accepted = watchAccepted(lab, 'server31', '3101');
    const ports = watchPorts(lab, 'terminal21', '2101');
    mustTransfer(lab);
    mustTransfer(lab);
    expect(accepted.map(({ remotePort }, at) => remotePort === [...ports.values()][at])).toEqual([isSame, isSame]);
  });

  it('6.8-8 payload: the byte stream is the same although no frame at W6 is one of W1', () => {
    const lab = upLab('e6');
    const seen = lab.capture(['W1', 'W6'], ({ way, bytes }) => way === 'ab' && read(bytes).tcp !== undefined);
    const result = transfer(lab, { bytes: 200_000, limit_us: 60 * SECOND_US });
    expect(result.receivedSha256).toBe(result.sentSha256);
    const atTerminal = new Set(bytesAt(seen, 'W1', 'ab').map((bytes) => toHex(bytes)));
    const atServer = bytesAt(seen, 'W6', 'ab').map((bytes) => toHex(bytes));
    expect(atServer.length).toBeGreaterThan(50);
    expect(atServer.filter((bytes) => atTerminal.has(bytes))).toEqual([]);
  });
});

describe('embodiment 6, what the specification leaves open', () => {
  it('N6-3 mirrored: driver 3106 in the server, gateway 20 connects to the terminal in its own name', () => {
    const lab = upLab('e6-mirrored');
    const accepted = watchAccepted(lab, 'terminal21', '2101');
    mustTransfer(lab, 200_000, 'server31');
    expect(accepted).toMatchObject([{ remote: GATEWAY_20_INSIDE.gateway20.address }]);
  });

  it('N6-4 a NAT router in place of firewall 33', () => mustTransfer(upLab('e6-nat')));

  it('no acknowledged byte is lost when the server is away for a minute: the terminal waits', () => {
    const lab = slowLab();
    const running = startTransfer(lab, { bytes: 8_000_000 });
    lab.run(SECOND_US);
    lab.cables.W6.isCut = true;
    const answers = lab.capture(['S21'], ({ way, bytes }) => way === 'up' && isUsersTcp(bytes));
    const acknowledged = () => read(answers.at(-1)!.bytes).tcp?.ack;
    lab.run(20 * SECOND_US);
    const before = acknowledged();
    lab.run(20 * SECOND_US);
    expect(acknowledged()).toBe(before);
    lab.cables.W6.isCut = false;
    expect(lab.until(() => running.isOver, 300 * SECOND_US)).toBe(true);
    expect(running.result()).toMatchObject({ complete: true, intact: true, reason: 'normal' });
    expect(lab.drops()).not.toHaveProperty('queue-full');
    running.end();
  });

  it('goes on at 3 % loss between the gateways and 1 % towards the server, both ways', () => {
    const lab = upLab('e6', { path: { delay_us: 5_000, loss: 0.03 } });
    lab.cables.W6.impair({ loss: 0.01 });
    mustTransfer(lab, 500_000);
  });

  it('a server that refuses or is not there does so to the terminal too', () => {
    const lab = upLab('e6');
    const result = (port: number, destination = SERVER_31.address) => {
      const connection = `c-${lab.now_us}`;
      let reason = '';
      const end = lab.watch(({ kind, device, name, data }) => {
        const told = data as { connection?: string; reason?: string } | null;
        if (kind === 'note' && device === 'terminal21' && name === 'transfer' && told?.connection === connection)
          reason = told.reason ?? '';
      });
      lab.tell('terminal21', '2101', 'push', { connection, destination, port, bytes: 1000, seed: 1 });
      lab.until(() => reason !== '', 200 * SECOND_US);
      end();
      return reason;
    };
    expect(result(TRANSFER_PORT + 1)).toBe('refused');
    expect(result(TRANSFER_PORT, SERVER_31.address + 100)).toBe('timed-out');
    expect(result(TRANSFER_PORT, GATEWAY_30.address)).toBe('timed-out');
    lab.cables.W6.isCut = true;
    expect(result(TRANSFER_PORT)).toBe('timed-out');
  });

  it.each([
    ['server31', 'terminal21', '3102'],
    ['terminal21', 'server31', '2102'],
  ])('when %s resets, %s is told so', (from, to, tcp) => {
    const lab = slowLab();
    const running = startTransfer(lab, { bytes: 8_000_000 });
    lab.run(SECOND_US);
    const reasons: unknown[] = [];
    lab.watch(({ kind, device, name, data }) => {
      if (kind === 'note' && device === to && name === 'transfer') reasons.push((data as { reason: string }).reason);
    });
    const layer = lab.layer(from, tcp);
    const [connection] = layer.machines().map(({ instance }) => instance.split('/')[0]);
    layer.ports.upper.received$.next({ kind: 'abort', connection });
    lab.tell(from, tcp, 'nothing');
    lab.run(5 * SECOND_US);
    running.end();
    expect(reasons).toEqual(['reset']);
  });

  it('a terminal learns that gateway 30 has forgotten its session when that is back', () => {
    const lab = slowLab();
    const running = startTransfer(lab, { bytes: 8_000_000 });
    lab.run(SECOND_US);
    lab.devices.gateway30.stop();
    lab.run(5 * SECOND_US);
    lab.devices.gateway30.start();
    expect(lab.until(() => running.isOver, 300 * SECOND_US)).toBe(true);
    running.end();
    expect(running.result()).toMatchObject({ complete: false, intact: true, reason: 'reset' });
    mustTransfer(lab);
  });

  it.each(['e6', 'e6-mirrored', 'e7-proxy'])('a run of %s is a success although its pings have no way', (topology) => {
    const result = runLab({ settings: labSettings(topology), bytes: 10_000, pings: 1 });
    expect(result.ping?.rtts_us).toEqual([]);
    expect(isSuccess(result)).toBe(true);
    expect(isSuccess({ ...result, carries: undefined })).toBe(false);
    expect(reportText(result)).toContain('0 of 1 answered: it carries TCP alone');
  });

  it('ARP is answered for server 31 with its own address, and a ping has no way: dropped, counted, not answered', () => {
    const lab = upLab('e6');
    const seen = lab.capture(['W1'], ({ bytes }) => parseFrame(bytes).arp !== undefined);
    expect(ping(lab, { count: 2 }).rtts_us).toEqual([]);
    const answers = bytesAt(seen, 'W1', 'ba').filter((bytes) => read(bytes).arp?.operation === 2);
    expect(answers.map((bytes) => read(bytes).arp?.senderMac)).toEqual([SERVER_31.mac]);
    expect(lab.drops('gateway30')['not-carried']).toBeGreaterThanOrEqual(2);
  });
});
