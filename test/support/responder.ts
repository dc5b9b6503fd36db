import type { RealPort, ReceivedFrame, SentFrame } from '../../src/transport/os/index.ts';
import type { Ip4, Mac } from '../../src/wire/address.ts';
import { ArpOperation } from '../../src/wire/arp.ts';
import { buildArpFrame, buildIcmpFrame } from '../../src/wire/build.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { IcmpType } from '../../src/wire/icmp.ts';

/** Answers ARP and ping for one address on a port, with the VLAN tag that the question had. */
export function respond(port: RealPort, mac: Mac, ip: Ip4, seen: (frame: ReceivedFrame) => void = () => {}): void {
  port.onBatch((frames) => {
    const answers: SentFrame[] = [];
    for (const frame of frames) {
      seen(frame);
      const bytes = answer(frame.bytes, mac, ip);
      if (bytes) answers.push({ bytes });
    }
    port.send(answers);
  });
}

function answer(bytes: Uint8Array, mac: Mac, ip: Ip4): Uint8Array | undefined {
  const { ethernet, arp, icmp, ip: ip4, payloadOffset, payloadEnd } = parseFrame(bytes);
  if (!ethernet) return undefined;
  const back = { destination: ethernet.source, source: mac, vlan: ethernet.vlan };
  if (arp?.operation === ArpOperation.REQUEST && arp.targetIp === ip) {
    const operation = ArpOperation.REPLY;
    const fields = { operation, senderMac: mac, senderIp: ip, targetMac: arp.senderMac, targetIp: arp.senderIp };
    return buildArpFrame({ ethernet: back, arp: fields });
  }
  if (icmp?.type !== IcmpType.ECHO_REQUEST || ip4?.destination !== ip) return undefined;
  const network = { source: ip, destination: ip4.source };
  const { identifier, sequence } = icmp;
  const echo = { type: IcmpType.ECHO_REPLY, code: 0, identifier, sequence };
  return buildIcmpFrame({ ethernet: back, ip: network, icmp: echo }, bytes.slice(payloadOffset, payloadEnd));
}
