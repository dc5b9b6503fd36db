import { expect } from 'vitest';
import type { Sighting, TapName } from '../../src/lab/taps.ts';
import { checksumVerdict, parseFrame } from '../../src/wire/frame.ts';
import { seqAdd, seqDiff } from '../../src/wire/seq.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { hasFlags, payloadLength, read } from './support.ts';

/** What an operating system's TCP saw of one conversation. */
export interface Conversation {
  /** Bytes in order, each once. */
  readonly fromClient: Uint8Array;
  readonly fromServer: Uint8Array;
  /** Segments with FIN, of both sides. */
  readonly fins: number;
}

interface Side {
  next: number | undefined;
  acknowledged: number | undefined;
  readonly parts: Uint8Array[];
}

/**
 * Reads a TCP conversation at a tap and fails unless it is one that RFC 9293 describes: SYN, SYN+ACK and ACK first, no gap, no byte with
 * two values of sequence number, no acknowledgement of what was never sent, none taken back, every checksum right.
 */
export function conversationAt(seen: readonly Sighting[], place: TapName, client: number): Conversation {
  const segments = seen.filter((each) => {
    const { ip, tcp } = read(each.bytes);
    return each.place === place && tcp !== undefined && (ip?.source === client || ip?.destination === client);
  });
  const flags = [Flag.SYN, Flag.SYN | Flag.ACK, Flag.ACK];
  for (const [at, expected] of flags.entries())
    expect(hasFlags(segments[at].bytes, expected), `segment ${at}`).toBe(true);
  const sides = { client: newSide(), server: newSide() };
  let fins = 0;
  for (const { bytes } of segments) {
    const isClient = read(bytes).ip?.source === client;
    const [from, to] = isClient ? [sides.client, sides.server] : [sides.server, sides.client];
    expect(checksumVerdict(bytes, parseFrame(bytes))).toBe('good');
    take(bytes, from, to);
    if ((flagsOf(bytes) & Flag.FIN) !== 0) fins += 1;
  }
  return { fromClient: joined(sides.client), fromServer: joined(sides.server), fins };
}

/** Takes what is new of a segment into its sender's side. */
function take(bytes: Uint8Array, from: Side, to: Side): void {
  const { tcp, payloadOffset, payloadEnd } = read(bytes);
  const { seq, ack } = tcp as { seq: number; ack: number };
  from.next ??= seq;
  if (to.next !== undefined && (flagsOf(bytes) & Flag.ACK) !== 0) {
    expect(seqDiff(to.next, ack), 'acknowledges what was never sent').toBeGreaterThanOrEqual(0);
    if (to.acknowledged !== undefined) expect(seqDiff(ack, to.acknowledged)).toBeGreaterThanOrEqual(0);
    to.acknowledged = ack;
  }
  const length = payloadLength(bytes) + phantoms(flagsOf(bytes));
  const known = seqDiff(from.next, seq);
  expect(known, 'a gap').toBeGreaterThanOrEqual(0);
  if (known >= length) return;
  from.parts.push(bytes.slice(payloadOffset + known, payloadEnd));
  from.next = seqAdd(seq, length);
}

function flagsOf(bytes: Uint8Array): number {
  return read(bytes).tcp?.flags ?? 0;
}

/** SYN and FIN take a number each. */
function phantoms(flags: number): number {
  return ((flags & Flag.SYN) !== 0 ? 1 : 0) + ((flags & Flag.FIN) !== 0 ? 1 : 0);
}

function newSide(): Side {
  return { next: undefined, acknowledged: undefined, parts: [] };
}

function joined({ parts }: Side): Uint8Array {
  return Buffer.concat(parts);
}
