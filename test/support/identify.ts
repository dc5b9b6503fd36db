import { toHex } from '../../src/wire/bytes.ts';
import { type FrameView, parseFrame } from '../../src/wire/frame.ts';
import { innerVersion } from '../../src/wire/inner-frame.ts';
import { Flag } from '../../src/wire/tcp.ts';
import type { CapturedPacket } from './pcapng-reader.ts';

/**
 * Names the embodiment that captures show: the identification procedure of the specification (02, 8.5) and the matrix that tells the later
 * ones apart (08, 0.2). It knows where captures were taken (W1 … on cables, S20 below IP stack 2005, M20 below MAC 2011), and nothing else: no address,
 * no port, no key.
 */
export interface Identification {
  readonly embodiment: string;
  /** What was seen, in the order of the questions. */
  readonly because: readonly string[];
}

const CONTROL_RANGE = '00004c0000';
const ENCRYPT_MAC = `${CONTROL_RANGE}0a`;
/** Where the tunnel passes between the firewall and the terminal's side, and the other side's. */
const [NEAR, FAR] = ['W3', 'W4'] as const;
/** A TCP that acts answers data with segments of nothing else: more than one in so many. */
const BARE_ACK_EVERY = 20;
const SAMPLE_BYTES = 40;

interface Seen {
  readonly bytes: Uint8Array;
  readonly frame: FrameView;
  /** Ends of its IP packet, as one key. */
  readonly ends: string;
  readonly payload: Uint8Array;
}

export function identify(packets: readonly CapturedPacket[]): Identification {
  const at = byPlace(packets);
  const because: string[] = [];
  const is = (fact: boolean, yes: string, no: string): boolean => {
    because.push(fact ? yes : no);
    return fact;
  };
  const named = (embodiment: string): Identification => ({ embodiment, because });
  const near = at(NEAR);
  const tunnel = tunnelEnds(near);
  const relayed = is(
    !isSameSealed(near, at(FAR)),
    'what the outer packets carry is other on the two sides of the firewall: a relay opened it and sealed it again',
    'what the outer packets carry passes as it is',
  );
  const outer = near.filter(({ ends }) => ends === tunnel);
  if (
    is(
      isRealTcp(outer),
      'F13 is a TCP that acts: its data are acknowledged',
      'no TCP acts at F13: nothing is acknowledged',
    )
  )
    return named(overTcp(at, outer, relayed, is));
  if (relayed)
    return named(
      is(
        sessionsFromOneGateway(at('W2')) > 1,
        'gateway 20 seals for several sessions at a time',
        'gateway 20 seals for one session',
      )
        ? 'e12'
        : 'e1',
    );
  const engines = ['M20', 'M30'].filter((place) => at(place).some(isControl)).length;
  if (
    engines === 1 &&
    is(
      !hasTcp(at('S20')),
      'below the IP stacks there is no TCP between the gateways at all',
      'below the IP stacks TCPs talk',
    )
  )
    return named('e11');
  because.push(`control frames with a start at ${engines} of the gateways' network interfaces`);
  return named((['e4', 'e3', 'e2'] as const)[engines]);
}

type Places = (place: string) => readonly Seen[];
type Asked = (fact: boolean, yes: string, no: string) => boolean;

function overTcp(at: Places, outer: readonly Seen[], relayed: boolean, is: Asked): string {
  if (relayed) return 'prior-art-1';
  if (
    is(
      at('W1').some(isInnerLeg),
      'W1 carries connection requests',
      'W1 carries the TCP of its hosts, or nothing in clear',
    )
  ) {
    if (is(at('W6').some(isInnerLeg), 'so does W6', 'W6 carries a standard SYN')) return 'e5';
    const terminals = new Set(
      at('W1')
        .filter(isInnerLeg)
        .map(({ frame }) => frame.ip?.source),
    );
    const syn = at('W6').find(({ frame }) => frame.tcp?.flags === Flag.SYN);
    return is(terminals.has(syn?.frame.ip?.source), 'from the terminal', 'from the gateway') ? 'e7' : 'e6';
  }
  if (is(at('M20').some(isHairpin), 'frames to the encrypting address at M20', 'no frame to the encrypting address'))
    return 'e8';
  const inner = at('W1').filter(({ ends }) => ends !== outer[0]?.ends && ends !== '');
  if (is(inner.length === 0, "no user's frame in clear on the terminal's cable", "users' frames in clear on W1"))
    return 'e10';
  return is(
    isClearAbove(at('M20'), outer),
    'F14 is in clear below MAC 2011 and ciphered on the cable, header for header',
    'F14 is ciphered above MAC 2011 already',
  )
    ? 'e9'
    : 'tcp-over-tcp';
}

function byPlace(packets: readonly CapturedPacket[]): Places {
  const places = new Map<string, Seen[]>();
  for (const { place, bytes } of packets) {
    const frame = parseFrame(bytes);
    const { ip } = frame;
    const ends = ip === undefined ? '' : [ip.source, ip.destination].sort().join(' ');
    const payload = bytes.subarray(frame.payloadOffset, frame.payloadEnd);
    places.set(place, [...(places.get(place) ?? []), { bytes, frame: frame as FrameView, ends, payload }]);
  }
  return (place) => places.get(place) ?? [];
}

/** The two addresses between which most bytes go. */
function tunnelEnds(seen: readonly Seen[]): string {
  const sums = new Map<string, number>();
  for (const { ends, bytes } of seen) if (ends !== '') sums.set(ends, (sums.get(ends) ?? 0) + bytes.length);
  return [...sums].sort(([, one], [, other]) => other - one)[0]?.[0] ?? '';
}

/** Whether most of what passes one place passes the other too, whatever its headers became on the way. */
function isSameSealed(near: readonly Seen[], far: readonly Seen[]): boolean {
  const passed = new Set(far.map(({ payload }) => toHex(payload)));
  const large = near.filter(({ payload }) => payload.length > SAMPLE_BYTES);
  return large.filter(({ payload }) => passed.has(toHex(payload))).length * 2 > large.length;
}

function isRealTcp(outer: readonly Seen[]): boolean {
  const segments = outer.filter(({ frame }) => frame.tcp !== undefined && (frame.tcp.flags & Flag.SYN) === 0);
  const bare = segments.filter(({ payload }) => payload.length === 0);
  return bare.length * BARE_ACK_EVERY > segments.length;
}

function isControl({ bytes }: Seen): boolean {
  return toHex(bytes, 0, 12).includes(CONTROL_RANGE);
}

function isHairpin({ bytes }: Seen): boolean {
  return toHex(bytes, 0, 6) === ENCRYPT_MAC;
}

function isInnerLeg({ frame, bytes }: Seen): boolean {
  return frame.tcp !== undefined && innerVersion(bytes, frame.tcp) !== undefined;
}

function hasTcp(seen: readonly Seen[]): boolean {
  return seen.some(({ frame }) => frame.tcp !== undefined);
}

/** Remote ends to which the gateway on this cable sends at the same time: each user's frame leaves as often. */
function sessionsFromOneGateway(seen: readonly Seen[]): number {
  const ways = new Map<number, Set<string>>();
  for (const { frame, payload } of seen) {
    const { ip } = frame;
    const ports = frame.tcp ?? frame.udp;
    if (ip === undefined || ports === undefined || payload.length < SAMPLE_BYTES) continue;
    const remote = `${ip.destination} ${ports.sourcePort} ${ports.destinationPort}`;
    ways.set(ip.source, (ways.get(ip.source) ?? new Set()).add(remote));
  }
  return Math.max(0, ...[...ways.values()].map(({ size }) => size));
}

/** Segments of the outer TCP that are the same below the MAC layer and on the cable but for what they carry. */
function isClearAbove(below: readonly Seen[], outer: readonly Seen[]): boolean {
  const key = ({ frame, payload }: Seen) =>
    `${frame.ip?.source} ${frame.tcp?.sourcePort} ${frame.tcp?.seq} ${payload.length}`;
  const onCable = new Map(outer.map((seen) => [key(seen), toHex(seen.payload)]));
  const both = below.filter((seen) => seen.payload.length > SAMPLE_BYTES && onCable.has(key(seen)));
  const changed = both.filter((seen) => onCable.get(key(seen)) !== toHex(seen.payload));
  return changed.length * 2 > both.length;
}
