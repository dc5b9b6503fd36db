import { type LateStimulus, layerCompliance } from '../../../test/support/compliance.ts';
import type { Output } from '../../../test/support/test-host.ts';
import { FAR, legsOf, NEAR, record, tls } from '../../../test/support/udp-pair.ts';
import { buildUdpPacket } from '../../wire/build.ts';
import { concat } from '../../wire/bytes.ts';
import { buildLeg, buildUdpHello, LegKind } from '../../wire/leg.ts';
import { buildLegData, buildOpen, buildReasonBody } from '../../wire/leg-body.ts';
import type { Frame } from '../frame.ts';
import { UdpLayer } from './layer.ts';

const TOKEN = '0123456789abcdef';

/** Leg packets that the layer under test has sent, newest last. */
function sent(outputs: readonly Output[], kind: number) {
  const packets = outputs.flatMap((o) => (o.kind === 'send' && o.port === 'lower' ? [(o.message as Frame).bytes] : []));
  return packets.flatMap((bytes) => legsOf(bytes).flatMap((leg) => (leg.kind === kind ? [{ bytes, leg }] : []))).at(-1);
}

function ends(side: 'near' | 'far') {
  const [own, peer] = side === 'near' ? [NEAR, FAR] : [FAR, NEAR];
  const udp = (payload: Uint8Array) =>
    buildUdpPacket(
      {
        ip: { source: peer.address, destination: own.address },
        udp: { sourcePort: peer.port, destinationPort: own.port },
      },
      payload,
    );
  /** Of the peer, with the token that the layer showed in a packet of this kind. */
  const leg =
    (kind: number, body: Uint8Array, seen: number, sequence = 0, acknowledgement = 0): LateStimulus =>
    (outputs) => {
      const receiverToken = sent(outputs, seen)?.leg.senderToken ?? TOKEN;
      return {
        port: 'lower',
        frame: udp(buildLeg({ kind, senderToken: TOKEN, receiverToken, sequence, acknowledgement }, body)),
      };
    };
  return { own, udp, leg };
}

const asks = (message: object): LateStimulus => ({ port: 'upper', message });

const near = ends('near');
const DIAL = { connection: 'dial-1', destination: FAR.address, destinationPort: FAR.port, sourcePort: NEAR.port };
layerCompliance(
  'udp, near end',
  (host) => new UdpLayer(host, '3003', { address: NEAR.address }),
  [
    asks({ kind: 'connect', ...DIAL }),
    { wait_us: 700_000 },
    (outputs) => {
      const receiverToken = sent(outputs, LegKind.HELLO)?.leg.senderToken ?? TOKEN;
      const unit = buildLeg(
        { kind: LegKind.COOKIE, receiverToken, sequence: 0, acknowledgement: 0 },
        new Uint8Array(16).fill(3),
      );
      return { port: 'lower', frame: near.udp(unit) };
    },
    asks({ kind: 'write', connection: 'dial-1', bytes: tls(1, 1500) }),
    { wait_us: 500_000 },
    near.leg(LegKind.DATA, buildLegData({ fin: false, bytes: tls(2, 40).subarray(0, 30) }), LegKind.OPEN, 0, 1200),
    asks({ kind: 'write', connection: 'dial-1', bytes: concat(record(1), tls(3, 30).subarray(0, 20)) }),
    { port: 'lower', frame: near.udp(record(5)) },
    near.leg(LegKind.DATA, buildLegData({ fin: true, bytes: new Uint8Array(0) }), LegKind.OPEN, 45, 1505),
    near.leg(LegKind.DATA, buildLegData({ fin: false, bytes: tls(2, 40).subarray(30) }), LegKind.OPEN, 30, 1505),
    asks({ kind: 'write', connection: 'dial-1', bytes: tls(3, 30).subarray(20) }),
    near.leg(LegKind.BYE, buildReasonBody(6), LegKind.OPEN, 46, 1505),
    { wait_us: 1_500_000 },
    near.leg(LegKind.PING, new Uint8Array(0), LegKind.OPEN, 46, 1540),
    asks({ kind: 'close', connection: 'dial-1' }),
    { wait_us: 400_000 },
    near.leg(LegKind.ACKNOWLEDGE, new Uint8Array(0), LegKind.OPEN, 46, 1541),
    asks({ kind: 'connect', ...DIAL, connection: 'dial-2', sourcePort: 50_001 }),
    { wait_us: 12_000_000 },
    asks({ kind: 'abort', connection: 'dial-2' }),
  ],
  { framePorts: ['lower'] },
);

const far = ends('far');
layerCompliance(
  'udp, far end',
  (host) => new UdpLayer(host, '2003', { address: FAR.address }),
  [
    { port: 'lower', frame: far.udp(buildUdpHello(TOKEN)) },
    asks({ kind: 'listen', port: FAR.port }),
    { port: 'lower', frame: far.udp(buildUdpHello(TOKEN)) },
    (outputs) => {
      const seen = sent(outputs, LegKind.COOKIE);
      const cookie = seen ? seen.bytes.subarray(seen.leg.bodyOffset, seen.leg.end) : new Uint8Array(16);
      const body = buildOpen({ cookie, fin: false, bytes: tls(1, 60) });
      return {
        port: 'lower',
        frame: far.udp(buildLeg({ kind: LegKind.OPEN, senderToken: TOKEN, sequence: 0, acknowledgement: 0 }, body)),
      };
    },
    asks({ kind: 'write', connection: 'accepted-1', bytes: concat(tls(2, 2000), record(3)) }),
    { wait_us: 1_000_000 },
    far.leg(LegKind.ACKNOWLEDGE, new Uint8Array(0), LegKind.DATA, 65, 2005),
    { port: 'lower', frame: far.udp(concat(record(7), record(8))) },
    asks({ kind: 'consumed', connection: 'accepted-1', bytes: 5 }),
    asks({ kind: 'abort', connection: 'accepted-1' }),
    asks({ kind: 'unlisten', port: FAR.port }),
    { port: 'lower', frame: far.udp(record(9)) },
  ],
  { framePorts: ['lower'] },
);
