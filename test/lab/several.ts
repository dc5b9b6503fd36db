import type { EngineLayer, EngineSessionStatus } from '../../src/actors/engine/layer.ts';
import type { AeadProvider } from '../../src/engine/crypto/suite.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Sighting } from '../../src/lab/taps.ts';
import { LISTEN_PORT, TERMINAL_21 } from '../../src/topologies/network.ts';
import { farSite, type SiteDigit } from '../../src/topologies/several-network.ts';
import { opensslProvider } from '../../src/transport/openssl/aead.ts';
import { BROADCAST_MAC, type Ip4, type Mac } from '../../src/wire/address.ts';
import { ArpOperation } from '../../src/wire/arp.ts';
import { buildArpFrame, buildTcpFrame } from '../../src/wire/build.ts';
import { toHex } from '../../src/wire/bytes.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { UNIT_LEG } from '../../src/wire/unit.ts';
import { unitsOf } from './support.ts';

/** Helpers of the tests of embodiment 12. */

export const DIGITS = [3, 4, 5] as const;
const USER_PORT = 7000;
const USER_HEADERS_BYTES = 54;

export function engine20(lab: Lab): EngineLayer {
  return lab.layer('gateway20', '2014') as EngineLayer;
}

/** Engine 2014's sessions, that with the relay of the first site first. */
export function rows(lab: Lab): readonly EngineSessionStatus[] {
  return engine20(lab).status();
}

/** A frame of a session: between a gateway and a relay. */
export function isF10(bytes: Uint8Array): boolean {
  const { tcp, udp } = parseFrame(bytes);
  const ports = tcp ?? udp;
  return ports?.sourcePort === LISTEN_PORT || ports?.destinationPort === LISTEN_PORT;
}

/** A frame of a session that holds a record or a piece of one. */
export function holdsRecords(bytes: Uint8Array): boolean {
  return isF10(bytes) && unitsOf(bytes).some(({ type }) => type !== UNIT_LEG);
}

/** F12 and F13 of a frame: addresses and ports. */
export function endsOf(bytes: Uint8Array): { from: Ip4; fromPort: number; to: Ip4; toPort: number } {
  const { ip, tcp, udp } = parseFrame(bytes);
  const ports = tcp ?? udp;
  return {
    from: ip?.source ?? 0,
    fromPort: ports?.sourcePort ?? 0,
    to: ip?.destination ?? 0,
    toPort: ports?.destinationPort ?? 0,
  };
}

export interface User {
  readonly device: string;
  readonly port: string;
  readonly mac: Mac;
  readonly address: Ip4;
}

export const TERMINAL: User = {
  device: 'terminal21',
  port: '2113',
  mac: TERMINAL_21.mac,
  address: TERMINAL_21.address,
};

export function serverOf(digit: SiteDigit): User {
  const { names, server } = farSite(digit);
  return { device: names.server, port: `${digit}113`, mac: server.mac, address: server.address };
}

/** A frame of one user to another, `length` bytes: a TCP segment that nobody answers. */
export function userFrame(from: User, to: User, length = 154): Uint8Array {
  const ports = { sourcePort: USER_PORT, destinationPort: USER_PORT };
  return buildTcpFrame(
    {
      ethernet: { source: from.mac, destination: to.mac },
      ip: { source: from.address, destination: to.address },
      tcp: { ...ports, seq: 1, ack: 0, flags: Flag.RST, window: 0 },
    },
    new Uint8Array(length - USER_HEADERS_BYTES).fill(0x5a),
  );
}

export function arpRequest(from: User, address: Ip4): Uint8Array {
  return buildArpFrame({
    ethernet: { source: from.mac, destination: BROADCAST_MAC },
    arp: {
      operation: ArpOperation.REQUEST,
      senderMac: from.mac,
      senderIp: from.address,
      targetMac: 0,
      targetIp: address,
    },
  });
}

/** A user's frame, put on its cable as it is. */
export function sends(lab: Lab, { device, port }: User, bytes: Uint8Array): void {
  lab.devices[device].onOutput(port, { bytes, id: 0, checksum: 'good' } as never);
}

export function hexAt(seen: readonly Sighting[], place: string, way: Sighting['way']): string[] {
  return seen.filter((each) => each.place === place && each.way === way).map(({ bytes }) => toHex(bytes));
}

/** Lengths of what was sealed and opened, in order, by all devices of a lab. */
export interface CipherCalls {
  sealed: number[];
  opened: number[];
}

/** OpenSSL's ciphers, with every call written down. */
export function countingCiphers(): { readonly aead: AeadProvider; readonly calls: CipherCalls } {
  const calls: CipherCalls = { sealed: [], opened: [] };
  const aead: AeadProvider = {
    ...opensslProvider,
    name: 'counting',
    create(...given) {
      const made = opensslProvider.create(...given);
      return {
        seal(nonce, aad, plaintext, out, at) {
          calls.sealed.push(plaintext.length);
          made.seal(nonce, aad, plaintext, out, at);
        },
        open(nonce, aad, sealed, out, at) {
          calls.opened.push(sealed.length);
          return made.open(nonce, aad, sealed, out, at);
        },
        wipe: () => made.wipe(),
      };
    },
  };
  return { aead, calls };
}
