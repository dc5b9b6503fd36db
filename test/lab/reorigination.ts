import { expect } from 'vitest';
import type { ConnectionName, InterfaceAddress, TcpIndication } from '../../src/actors/services.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Sighting, TapName, Way } from '../../src/lab/taps.ts';
import { transfer } from '../../src/lab/traffic.ts';
import { TRANSFER_PORT } from '../../src/topologies/network.ts';
import { u48 } from '../../src/wire/bytes.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { innerVersion, readInnerUnits } from '../../src/wire/inner-frame.ts';
import type { InnerMessage } from '../../src/wire/inner-leg.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { firstAt, hasFlags, payloadLength, read, SECOND_US } from './support.ts';

/** What embodiments 6 and 7 are held to alike (spec 6.8, 7.8), and helpers of both. */

/** Who connected to a host's application, as its TCP told it. */
export interface Accepted {
  readonly remote: unknown;
  readonly remotePort: number;
}

export function watchAccepted(lab: Lab, device: string, application: string): Accepted[] {
  const seen: Accepted[] = [];
  lab.layer(device, application).ports.tcp.received$.subscribe((indication: TcpIndication) => {
    if (indication.kind === 'accepted') seen.push(indication);
  });
  return seen;
}

/** Port of a host's own connection. */
export function watchPorts(lab: Lab, device: string, application: string): Map<ConnectionName, number> {
  const seen = new Map<ConnectionName, number>();
  lab.layer(device, application).ports.tcp.received$.subscribe((indication: TcpIndication) => {
    if (indication.kind === 'connected') seen.set(indication.connection, indication.localPort);
  });
  return seen;
}

/** What a frame of the inner leg says; nothing for any other frame. */
export function innerMessages(bytes: Uint8Array): readonly InnerMessage[] {
  const { tcp, payloadOffset, payloadEnd } = parseFrame(bytes);
  if (tcp === undefined || innerVersion(bytes, tcp) === undefined) return [];
  return readInnerUnits(bytes, payloadOffset as number, payloadEnd as number).messages;
}

export function says(kind: InnerMessage['kind']): (bytes: Uint8Array) => boolean {
  return (bytes) => innerMessages(bytes).some((message) => message.kind === kind);
}

/** A segment of an ordinary TCP between terminals' and servers' ports, with just these flags. */
export function isUsers(flags: number): (bytes: Uint8Array) => boolean {
  return (bytes) => hasFlags(bytes, flags) && isUsersTcp(bytes);
}

export function isUsersTcp(bytes: Uint8Array): boolean {
  const { tcp } = parseFrame(bytes);
  if (tcp === undefined || innerVersion(bytes, tcp) !== undefined) return false;
  return tcp.sourcePort === TRANSFER_PORT || tcp.destinationPort === TRANSFER_PORT;
}

export function bytesAt(seen: readonly Sighting[], place: TapName, way: Way): Uint8Array[] {
  return seen.filter((each) => each.place === place && each.way === way).map(({ bytes }) => bytes);
}

/** A transfer that must come through. */
export function mustTransfer(lab: Lab, bytes = 200_000, from = 'terminal21'): void {
  expect(transfer(lab, { from, bytes, limit_us: 120 * SECOND_US })).toMatchObject({
    complete: true,
    intact: true,
    reason: 'normal',
  });
}

/** 6.8-3, 7.8-5: who says what after what has arrived, on the way there and back. */
export function checkOrder(lab: Lab, { holds }: { readonly holds: boolean }): void {
  const seen = lab.capture(['S21', 'W1', 'W5', 'W6', 'E30']);
  mustTransfer(lab, 1000);
  const order = [
    firstAt(seen, 'W1', 'ab', says('conn-req')),
    firstAt(seen, 'E30', 'down', says('conn-req')),
    firstAt(seen, 'W5', 'ab', isUsers(Flag.SYN)),
    firstAt(seen, 'W6', 'ba', isUsers(Flag.SYN | Flag.ACK)),
    firstAt(seen, 'W6', 'ab', isUsers(Flag.ACK)),
    firstAt(seen, 'W1', 'ba', says('conn-done')),
  ];
  expect(order).toEqual([...order].sort((one, other) => one - other));
  const done = firstAt(seen, 'E30', 'up', says('conn-done'));
  expect(done).toBeGreaterThan(firstAt(seen, 'W5', 'ba', isUsers(Flag.SYN | Flag.ACK)));
  const answered = firstAt(seen, 'S21', 'up', isUsers(Flag.SYN | Flag.ACK));
  expect(answered > (order.at(-1) as number)).toBe(holds);
}

/** 6.8-4, 7.8-7: whatever comes back over the tunnel for the terminal is the server's, and its answers are. */
export function checkTerminalsView(lab: Lab, terminal: InterfaceAddress, server: InterfaceAddress): void {
  const seen = lab.capture(['W1'], ({ bytes }) => innerMessages(bytes).length > 0);
  mustTransfer(lab);
  const back = bytesAt(seen, 'W1', 'ba');
  expect(back.length).toBeGreaterThan(3);
  expect(back.some(says('conn-done'))).toBe(true);
  for (const bytes of back) {
    const { ethernet, ip, tcp } = read(bytes);
    expect([ethernet.source, ethernet.destination]).toEqual([server.mac, terminal.mac]);
    expect([ip?.source, ip?.destination, tcp?.sourcePort]).toEqual([server.address, terminal.address, TRANSFER_PORT]);
  }
  for (const bytes of bytesAt(seen, 'W1', 'ab')) expect(u48(bytes, 0)).toBe(server.mac);
}

/** 6.8-6, 7.8-2: a frame lost on W6 is sent again by TCP 3003B, and nobody hears of it at W1. */
export function checkLossAtServer(lab: Lab): void {
  const seen = lab.capture(['W6', 'W1'], ({ way }) => way === 'ab');
  let lost: Uint8Array | undefined;
  let count = 0;
  lab.cables.W6.lose = (way, bytes) => {
    const isVictim = way === 'ab' && isUsersTcp(bytes) && payloadLength(bytes) > 500 && ++count === 20;
    if (isVictim) lost = bytes.slice();
    return isVictim;
  };
  mustTransfer(lab);
  const seq = read(lost as Uint8Array).tcp?.seq;
  const sent = bytesAt(seen, 'W6', 'ab').filter((bytes) => isUsersTcp(bytes) && read(bytes).tcp?.seq === seq);
  expect(sent.filter((bytes) => payloadLength(bytes) > 0).length).toBeGreaterThanOrEqual(2);
  expectEachOnce(bytesAt(seen, 'W1', 'ab'));
}

/** No byte of a stream is said twice on the inner leg. */
export function expectEachOnce(frames: readonly Uint8Array[]): void {
  const positions = frames.flatMap((bytes) =>
    innerMessages(bytes).flatMap((message) => (message.kind === 'data' ? [message.position] : [])),
  );
  expect(positions.length).toBeGreaterThan(50);
  expect(new Set(positions).size).toBe(positions.length);
}
