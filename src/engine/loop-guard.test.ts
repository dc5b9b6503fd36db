import { describe, expect, it } from 'vitest';
import { BROADCAST_MAC } from '../wire/address.ts';
import { ArpOperation } from '../wire/arp.ts';
import { buildArpFrame, buildUdpFrame } from '../wire/build.ts';
import { loopReason } from './loop-guard.ts';

const ENDS = {
  ownMacs: new Set([0x20]),
  nextHopMacs: new Set([0x33]),
  addresses: new Set([0xc0000214, 0xc633641e]),
};
const TERMINAL = { mac: 0x21, ip: 0x0a090001 };

function udp(source: number, from: number, to: number): Uint8Array {
  return buildUdpFrame(
    {
      ethernet: { source, destination: 0x99 },
      ip: { source: from, destination: to },
      udp: { sourcePort: 1, destinationPort: 2 },
    },
    new Uint8Array(4),
  );
}

function arp(senderIp: number, targetIp: number): Uint8Array {
  return buildArpFrame({
    ethernet: { source: TERMINAL.mac, destination: BROADCAST_MAC },
    arp: { operation: ArpOperation.REQUEST, senderMac: TERMINAL.mac, senderIp, targetMac: 0, targetIp },
  });
}

describe('loop guard', () => {
  it.each([
    ['own source', udp(0x20, TERMINAL.ip, 0x0a090002), 'own-source'],
    ['the next hop as source', udp(0x33, TERMINAL.ip, 0x0a090002), 'next-hop-source'],
    ['a frame between the tunnel ends', udp(0x44, 0xc633641e, 0xc0000214), 'tunnel-frame'],
    ['ARP for a tunnel end', arp(TERMINAL.ip, 0xc0000214), 'tunnel-arp'],
    ['ARP of a tunnel end', arp(0xc633641e, TERMINAL.ip), 'tunnel-arp'],
    ['user traffic', udp(TERMINAL.mac, TERMINAL.ip, 0x0a090002), undefined],
    ['user traffic to a tunnel end', udp(TERMINAL.mac, TERMINAL.ip, 0xc0000214), undefined],
    ['ARP among users', arp(TERMINAL.ip, 0x0a090002), undefined],
    ['too few bytes for a header', new Uint8Array(5), undefined],
  ])('%s', (_what, frame, reason) => expect(loopReason(frame, ENDS)).toBe(reason));
});
