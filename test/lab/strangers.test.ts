import { describe, expect, it } from 'vitest';
import {
  HALF_OPEN_SESSIONS,
  HALF_OPEN_SESSIONS_FOR_PEERS,
  HALF_OPEN_SESSIONS_PER_ADDRESS,
} from '../../src/actors/ssl/layer.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { ping } from '../../src/lab/traffic.ts';
import { GATEWAY_20, LISTEN_PORT } from '../../src/topologies/network.ts';
import { buildControlFrame, type ControlFrameMessage } from '../../src/wire/control-frame.ts';
import { SECOND_US, upLab } from './support.ts';

/** Gateway 30, which its peer trusts, seals any frame into the session. */
function sealedBy30(lab: Lab, bytes: Uint8Array): void {
  const { gateway30 } = lab.devices;
  const top = lab.topLabel('gateway30');
  const session = lab.status('gateway30').peers[0].session;
  lab.layer('gateway30', top).ports.ssl.send({ kind: 'frame', session, frame: gateway30.frame(bytes) } as never);
  lab.tell('gateway30', top, 'nothing');
  lab.run(SECOND_US);
}

describe('a gateway', () => {
  it('takes no control frame out of the tunnel', () => {
    const lab = upLab('e4');
    const messages: ControlFrameMessage[] = [
      { kind: 'disconnect', sessionId: 0, reason: 0 },
      { kind: 'stopped', sessionId: 0, reason: 0, nextSequence: 1, acknowledgement: 1 },
    ];
    for (const message of messages) sealedBy30(lab, buildControlFrame(message, GATEWAY_20.mac));
    expect(lab.drops('gateway20')['foreign-control-frame']).toBe(messages.length);
    expect(lab.isUp).toBe(true);
    expect(ping(lab, { count: 1 }).rtts_us).toHaveLength(1);
  });

  it('keeps room for sessions from the addresses of its configured peers', () => {
    const lab = upLab('e4');
    const accepted = (remote: number, remotePort: number): void => {
      const connection = `${remote}:${remotePort}`;
      const port = lab.layer('gateway30', '3003').ports.upper;
      port.send({ kind: 'accepted', connection, localPort: LISTEN_PORT, remote, remotePort } as never);
    };
    const before = lab.drops('gateway30')['too-many-sessions'] ?? 0;
    for (let at = 0; at < 2 * HALF_OPEN_SESSIONS; at++)
      accepted(0xcb00_7100 + Math.floor(at / HALF_OPEN_SESSIONS_PER_ADDRESS), at);
    for (let at = 0; at < HALF_OPEN_SESSIONS_FOR_PEERS; at++) accepted(GATEWAY_20.address, at);
    lab.run(1);
    lab.tell('gateway30', lab.topLabel('gateway30'), 'nothing');
    expect((lab.drops('gateway30')['too-many-sessions'] ?? 0) - before).toBe(HALF_OPEN_SESSIONS);
  });
});
