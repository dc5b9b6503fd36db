/**
 * Usage: impair-process.ts NEAR FAR OPTIONS-JSON. Prints a line when it forwards; each line of JSON on its standard input may change the
 * options, and is answered by the counters. Ends on SIGTERM or when the input ends.
 */
import { writeSync } from 'node:fs';
import type { FrameDevice } from '../os/device.ts';
import { openPacketSocket } from '../os/index.ts';
import { Arena, libc } from '../os/libc.ts';
import { normalise } from '../os/normalise.ts';
import { POLLIN } from '../os/poller.ts';
import type { ReceivedFrame } from '../os/types.ts';
import type { ImpairmentOptions } from './fate.ts';
import { ImpairedLine } from './impaired-line.ts';

const POLLFD_BYTES = 8;
const INPUT_BYTES = 4096;
const INPUT_FD = 0;
const S_US = 1_000_000;
const US_NS = 1_000;
/** Frames of so long are worked off together: nothing is forwarded more than twice as late, and a busy line costs little. */
const TURN_US = 250;
const NOTHING_DUE_US = S_US;

const [near, far, json] = process.argv.slice(2) as [string, string, string];
const initial = JSON.parse(json) as ImpairmentOptions;
const devices = [near, far].map((name) => openPacketSocket({ interface: name, promiscuous: true, vnetHeader: true }));
const lines = devices.map((_, direction) => new ImpairedLine(initial, direction));
const polled = new Arena(3 * POLLFD_BYTES);
const timeout = new Arena(2 * POLLFD_BYTES);
const input = new Arena(INPUT_BYTES);
let unread = '';

for (const [at, fd] of [INPUT_FD, ...devices.map((device) => device.fd)].entries()) {
  polled.view.setInt32(at * POLLFD_BYTES, fd, true);
  polled.view.setInt16(at * POLLFD_BYTES + 4, POLLIN, true);
}
tell('forwarding');
// One synchronous loop: the event loop's timers are too coarse, and its turns too dear, for a frame each.
for (;;) turn();

function now_us(): number {
  return (performance.now() * S_US) / 1_000;
}

function turn(): void {
  wait(polled.address, 3, untilDue_us());
  if (isReady(0)) readInput();
  for (const [direction, device] of devices.entries()) if (isReady(direction + 1)) receive(device, direction);
  for (const direction of devices.keys()) forward(direction);
  // Not at once again: what comes meanwhile is read by one system call.
  if (lines.some(({ options }) => (options.delay_ms ?? 0) > 0)) wait(0, 0, TURN_US);
}

function wait(address: number, count: number, for_us: number): void {
  timeout.view.setBigInt64(0, BigInt(Math.floor(for_us / S_US)), true);
  timeout.view.setBigInt64(8, BigInt(Math.floor(for_us % S_US) * US_NS), true);
  libc().ppoll(address, count, timeout.address, 0);
}

function isReady(at: number): boolean {
  return polled.view.getInt16(at * POLLFD_BYTES + 6, true) !== 0;
}

function untilDue_us(): number {
  const next = Math.min(...lines.map(({ next_us }) => next_us ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(next) ? Math.max(0, next - now_us()) : NOTHING_DUE_US;
}

/** Frames are cut to what a wire carries first, so that each is lost or kept on its own. */
function receive(device: FrameDevice, direction: number): void {
  const count = device.receive();
  const frames: ReceivedFrame[] = [];
  for (let at = 0; at < count; at += 1) {
    const raw = device.rawFrame(at);
    if (raw.ok) normalise(raw.bytes, raw.offload, { keepSuperFrames: false }, frames);
  }
  const line = lines[direction] as ImpairedLine;
  const arrival_us = now_us();
  const answers = frames.flatMap(({ bytes }) => line.arrive(bytes, arrival_us) ?? []);
  if (answers.length > 0) send(device, answers);
}

function forward(direction: number): void {
  const due = (lines[direction] as ImpairedLine).due(now_us());
  if (due.length > 0) send(devices[1 - direction] as FrameDevice, due);
}

/** What the kernel does not take is lost, as on any line. */
function send(device: FrameDevice, frames: readonly Uint8Array[]): void {
  const sent = frames.map((bytes) => ({ bytes }));
  for (let done = 0; done < sent.length; ) {
    const count = device.send(sent, done);
    if (count <= 0) return;
    done += count;
  }
}

function readInput(): void {
  const length = libc().read(INPUT_FD, input.address, INPUT_BYTES);
  if (length <= 0) process.exit(0);
  const text = unread + Buffer.from(input.bytes.subarray(0, length)).toString();
  const requests = text.split('\n');
  unread = requests.pop() ?? '';
  for (const request of requests) {
    const { change } = JSON.parse(request) as { change?: ImpairmentOptions };
    if (change !== undefined) for (const line of lines) line.change(change);
    tell(JSON.stringify(lines.map(({ counters }) => counters)));
  }
}

function tell(line: string): void {
  writeSync(1, `${line}\n`);
}
