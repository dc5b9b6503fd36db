/** AF_PACKET ports between kernels: host a - (port left, port right) - host b, with this process as the bridge. */
import { setTimeout as sleep } from 'node:timers/promises';
import { address, cable, createHost, inHostNetwork, must } from '../../src/transport/netlab/index.ts';
import { transfer } from '../../src/transport/netlab/transfer.ts';
import {
  type FrameOffload,
  openPacket,
  type PortEvent,
  type RealPort,
  type SentFrame,
} from '../../src/transport/os/index.ts';
import { parseIp4, parseMac } from '../../src/wire/address.ts';
import { buildTcpFrame, buildUdpFrame } from '../../src/wire/build.ts';
import { foldSum, pseudoHeaderSum4 } from '../../src/wire/checksum.ts';
import { checksumVerdict, parseFrame } from '../../src/wire/frame.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { collectGarbage } from '../support/garbage.ts';
import { report } from '../support/scenario.ts';

const TRANSFER_BYTES = 20_000_000;
const DESTINATION = parseMac('02:00:00:00:00:55')!;

await createHost('a');
await createHost('m');
await createHost('b');
await cable('a', 'eth0', 'm', 'left');
await cable('m', 'right', 'b', 'eth0');
await address('a', 'eth0', '10.2.0.1/24', '02:00:00:00:00:0a');
await address('b', 'eth0', '10.2.0.2/24', '02:00:00:00:00:0b');

const open = (name: string, keepSuperFrames: boolean): RealPort =>
  inHostNetwork('m', () => openPacket({ interface: name, promiscuous: true, vnetHeader: true, keepSuperFrames }));

/** What went from one port to the other. */
interface Crossing {
  frames: number;
  longest: number;
  superFrames: number;
  verdicts: Record<string, number>;
  /** Frames with a source that lives on the other side: our own transmissions, seen again. */
  own: number;
}

function bridge(from: RealPort, to: RealPort, otherMac: string): Crossing {
  const crossing: Crossing = { frames: 0, longest: 0, superFrames: 0, verdicts: {}, own: 0 };
  const other = parseMac(otherMac);
  from.onBatch((frames) => {
    for (const { bytes, offload } of frames) observe(crossing, bytes, offload, other);
    to.send(frames.map(({ bytes, offload }) => ({ bytes, offload })));
  });
  return crossing;
}

function observe(
  crossing: Crossing,
  bytes: Uint8Array,
  offload: FrameOffload | undefined,
  other: number | undefined,
): void {
  crossing.frames += 1;
  crossing.longest = Math.max(crossing.longest, bytes.length);
  if (offload?.gso) crossing.superFrames += 1;
  const parsed = parseFrame(bytes);
  const verdict = offload?.needsChecksum ? 'partial' : checksumVerdict(bytes, parsed);
  crossing.verdicts[verdict] = (crossing.verdicts[verdict] ?? 0) + 1;
  if (parsed.ethernet?.source === other) crossing.own += 1;
}

for (const keepSuperFrames of [false, true]) {
  const [left, right] = [open('left', keepSuperFrames), open('right', keepSuperFrames)];
  const there = bridge(left, right, '02:00:00:00:00:0b');
  const back = bridge(right, left, '02:00:00:00:00:0a');
  const started = performance.now();
  const result = await transfer('a', 'b', '10.2.0.2', TRANSFER_BYTES);
  const ms = Math.round(performance.now() - started);
  await sleep(20);
  report('transfer', { keepSuperFrames, ...result, there, back, ms, left: left.counters, right: right.counters });
  const closing = performance.now();
  await Promise.all([left.close(), right.close()]);
  report('closed', { ms: performance.now() - closing });
}

await tagsAndSuperFrames();
await flatMemory();
await troubles();

/**
 * On the way through a cable the kernel takes tags out of frames, and super-frames stay whole. The port puts the tags back,
 * and cuts: with and without tag, a plain frame, one with a partial checksum, and super-frames of TCP and UDP.
 */
async function tagsAndSuperFrames(): Promise<void> {
  const sender = inHostNetwork('a', () => openPacket({ interface: 'eth0', promiscuous: false }));
  const receiver = open('left', false);
  const received: Record<string, unknown>[] = [];
  receiver.onBatch((frames) => {
    for (const { bytes } of frames) {
      const parsed = parseFrame(bytes);
      if (parsed.ethernet?.destination !== DESTINATION) continue;
      const payload = parsed.payloadEnd - parsed.payloadOffset;
      const verdict = checksumVerdict(bytes, parsed);
      received.push({ tag: parsed.ethernet.vlan?.id, priority: parsed.ethernet.vlan?.priority, payload, verdict });
    }
  });
  for (const id of [undefined, 7]) {
    for (const kind of ['plain', 'partial', 'tcp', 'udp'] as const) {
      const result = sender.send([offloadedFrame(kind, id)]);
      await sleep(30);
      report('crossed', { kind, id, ...result, received: received.splice(0) });
    }
  }
  await Promise.all([sender.close(), receiver.close()]);
}

/** Frames with 3000 bytes of payload, to be cut every 1400; `plain` and `partial` have 100. */
function offloadedFrame(kind: 'plain' | 'partial' | 'tcp' | 'udp', id: number | undefined): SentFrame {
  const vlan = id === undefined ? undefined : { id, priority: 5, dropEligible: false };
  const ethernet = { destination: DESTINATION, source: parseMac('02:00:00:00:00:02')!, vlan };
  const ip = { source: parseIp4('10.2.0.1')!, destination: parseIp4('10.2.0.9')! };
  const ports = { sourcePort: 7, destinationPort: 9 };
  const payload = new Uint8Array(kind === 'plain' || kind === 'partial' ? 100 : 3000).fill(0x5a);
  const bytes =
    kind === 'udp'
      ? buildUdpFrame({ ethernet, ip, udp: ports }, payload)
      : buildTcpFrame({ ethernet, ip, tcp: { ...ports, seq: 1, ack: 1, flags: Flag.ACK, window: 1000 } }, payload);
  if (kind === 'plain') return { bytes };
  const ipOffset = bytes.length - payload.length - (kind === 'udp' ? 28 : 40);
  const start = ipOffset + 20;
  const [offset, protocol] = kind === 'udp' ? [6, 17] : [16, 6];
  const sum = foldSum(pseudoHeaderSum4(bytes, ipOffset, protocol, bytes.length - start));
  bytes.set([sum >> 8, sum & 0xff], start + offset);
  const needsChecksum = { start, offset };
  if (kind === 'partial') return { bytes, offload: { needsChecksum } };
  const headerLength = bytes.length - payload.length;
  return {
    bytes,
    offload: { needsChecksum, gso: { type: kind === 'tcp' ? 'tcp4' : 'udp', size: 1400, headerLength } },
  };
}

/** 250,000 frames in five rounds; memory is looked at after each. In the first one buffers and heap grow to what they need. */
async function flatMemory(): Promise<void> {
  const [left, right] = [
    inHostNetwork('a', () => openPacket({ interface: 'eth0', promiscuous: false })),
    open('left', false),
  ];
  let received = 0;
  right.onBatch((frames) => {
    received += frames.length;
  });
  const frame = new Uint8Array(1000);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb6]);
  const batch = Array.from({ length: 50 }, () => ({ bytes: frame }));
  const memory: number[] = [];
  const started = performance.now();
  for (let round = 0; round < 5; round += 1) {
    for (let i = 0; i < 1000; i += 1) {
      left.send(batch);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await sleep(50);
    collectGarbage();
    await sleep(10);
    const { rss, arrayBuffers } = process.memoryUsage();
    memory.push(Math.round(rss / 1024), Math.round(arrayBuffers / 1024));
  }
  const ms = Math.round(performance.now() - started);
  report('memory', { received, memory_KiB: memory, ms, left: left.counters, right: right.counters });
  await Promise.all([left.close(), right.close()]);
}

/** An interface that goes down, comes back, and is deleted under an open port. */
async function troubles(): Promise<void> {
  const port = open('right', false);
  const events: PortEvent[] = [];
  port.onBatch(() => {});
  port.onEvent((event) => events.push(event));
  const frame = { bytes: new Uint8Array(60) };
  report('too-long', { result: port.send([{ bytes: new Uint8Array(3000) }, frame]), events: events.splice(0) });
  await must('m', ['ip', 'link', 'set', 'right', 'down']);
  await sleep(50);
  report('down', { result: port.send([frame, frame]), events: events.splice(0) });
  await must('m', ['ip', 'link', 'set', 'right', 'up']);
  report('up', { result: port.send([frame]), events: events.splice(0) });
  await must('m', ['ip', 'link', 'del', 'right']);
  await sleep(50);
  report('deleted', { result: port.send([frame]), events: events.splice(0) });
  const started = performance.now();
  await port.close();
  report('closed', { ms: performance.now() - started });
}
