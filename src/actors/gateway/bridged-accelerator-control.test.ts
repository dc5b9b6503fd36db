import { describe, expect, it } from 'vitest';
import { type LateStimulus, layerCompliance } from '../../../test/support/compliance.ts';
import { recordParameters } from '../../../test/support/record-parameters.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { CONTROL_MAC_ENGINE, CONTROL_MAC_SOFTWARE } from '../../wire/address.ts';
import { buildControlFrame, type ControlFrameMessage, parseControlFrame } from '../../wire/control-frame.ts';
import { buildEthernet, EtherType } from '../../wire/ethernet.ts';
import { BridgedAcceleratorControlLayer } from './bridged-accelerator-control.ts';
import type { GatewayConfig } from './config.ts';

const OWN = 0xc000_0214;
const PEER = 0xc633_641e;
const OWN_MAC = 0x0200_0000_0020;
const NEXT_HOP = 0x0200_0000_3301;
const CHOICE = { shape: 'udp', handshake: 'hold' } as const;
const CONFIG: GatewayConfig = {
  name: 'gateway20',
  address: OWN,
  listen: { port: 443, ...CHOICE },
  peers: [{ name: 'gateway30', connect: false, ...CHOICE }],
};
const PARAMETERS = recordParameters();
const TUPLE = { local: OWN, localPort: 443, remote: PEER, remotePort: 50_000 };
const SESSION = 'accepted-1';

const ssl = (kind: string, more: object = {}): LateStimulus => ({
  port: 'ssl',
  message: { kind, session: SESSION, ...more },
});
const fromEngine = (message: ControlFrameMessage): LateStimulus => ({
  port: 'nic',
  frame: buildControlFrame(message, CONTROL_MAC_SOFTWARE),
});
const nextHop = (mac: number | undefined, name = '1'): LateStimulus => ({
  port: 'neighbours',
  message: { kind: 'next-hop', name, own: OWN_MAC, nextHop: mac },
});
const LAN_FRAME = buildEthernet(
  { destination: 0x0200_0000_0031, source: 2, etherType: EtherType.IP4 },
  new Uint8Array(40),
);
const LIFE: readonly LateStimulus[] = [
  ssl('accepted', { tuple: TUPLE }),
  ssl('secured', { parameters: PARAMETERS }),
  nextHop(NEXT_HOP),
  { port: 'nic', frame: LAN_FRAME },
  fromEngine({ kind: 'started', sessionId: 1 }),
  fromEngine({ kind: 'authenticated', sessionId: 1 }),
  ssl('secured', { parameters: PARAMETERS }),
  nextHop(NEXT_HOP),
  fromEngine({ kind: 'started', sessionId: 1 }),
  fromEngine({ kind: 'disconnect', sessionId: 1, reason: 3 }),
  ssl('closed', { reason: 'peer' }),
  { wait_us: 6_000_000 },
  fromEngine({ kind: 'stopped', sessionId: 1, reason: 3, nextSequence: 0, acknowledgement: 0 }),
];

class Control {
  readonly host = new TestHost();
  readonly layer = this.host.attach(new BridgedAcceleratorControlLayer(this.host, '2001', CONFIG));

  constructor() {
    this.host.start();
  }

  takes(...stimuli: readonly LateStimulus[]): this {
    for (const each of stimuli) {
      const stimulus = typeof each === 'function' ? each(this.host.outputs) : each;
      if ('message' in stimulus) this.host.inject(stimulus.port, stimulus.message);
      else if ('frame' in stimulus) this.host.injectBytes(stimulus.port, stimulus.frame);
      else if ('wait_us' in stimulus) this.host.advance(stimulus.wait_us);
    }
    return this;
  }

  toEngine(): (ControlFrameMessage & { source: number; destination: number })[] {
    return this.host.sentOn('nic').map(({ bytes }) => {
      const read = parseControlFrame(bytes);
      if (!read.ok) throw new Error(read.reason);
      return { ...read.message, source: read.source, destination: read.destination };
    });
  }
}

describe('accelerator control with control frames of its own (spec 11.4 step 10)', () => {
  it('asks the IP stack for the next hop, then sends the start command through the virtual NIC', () => {
    const control = new Control().takes(...LIFE.slice(0, 2));
    expect(control.host.sentOn('neighbours')).toEqual([{ kind: 'next-hop', name: '1', destination: PEER }]);
    expect(control.toEngine()).toEqual([]);
    control.takes(nextHop(NEXT_HOP));
    expect(control.toEngine()).toMatchObject([
      {
        kind: 'start',
        source: CONTROL_MAC_SOFTWARE,
        destination: CONTROL_MAC_ENGINE,
        session: {
          sessionId: 1,
          udp: true,
          client: false,
          ownMac: OWN_MAC,
          nextHopMac: NEXT_HOP,
          ownIp: OWN,
          peerIp: PEER,
          ownPort: 443,
          peerPort: 50_000,
          sendDataKeyId: 1,
          nextSequence: 0,
        },
      },
    ]);
    expect(control.host.sentOn('settings')).toMatchObject([{ kind: 'announce-special' }, { kind: 'announce-listen' }]);
  });

  it('lets SSL say GO when the engine has started, and is up when a record has opened', () => {
    const control = new Control().takes(...LIFE.slice(0, 5));
    expect(control.host.sentOn<{ kind: string }>('ssl').map(({ kind }) => kind)).toEqual(['listen', 'installed']);
    control.takes(LIFE[5] as LateStimulus);
    expect(control.layer.status().peers[0]?.state).toBe('UP');
  });

  it('gives new keys to the engine, and stops it when the session has ended', () => {
    const control = new Control().takes(...LIFE);
    expect(control.toEngine().map(({ kind }) => kind)).toEqual(['start', 'renew', 'stop']);
    expect(control.layer.status().sessions).toEqual([]);
  });

  it('ends the session when there is no next hop, instead of starting an engine that could send nothing', () => {
    const control = new Control().takes(...LIFE.slice(0, 2), nextHop(undefined));
    expect(control.toEngine()).toEqual([]);
    expect(control.host.sentOn('ssl').at(-1)).toEqual({ kind: 'close', session: SESSION });
  });

  it('forgets a question whose session has ended, and answers to nobody', () => {
    const control = new Control().takes(...LIFE.slice(0, 2), ssl('closed', { reason: 'peer' }), { wait_us: 6_000_000 });
    const before = control.toEngine();
    control.takes(nextHop(NEXT_HOP), nextHop(NEXT_HOP, 'nobody'));
    expect(control.toEngine()).toEqual(before);
    expect(before.map(({ kind }) => kind)).toEqual(['stop']);
  });

  it('leaves frames of the LAN, other sessions and what is no control frame alone', () => {
    const control = new Control().takes(...LIFE.slice(0, 3), { port: 'nic', frame: LAN_FRAME });
    control.takes(fromEngine({ kind: 'started', sessionId: 9 }), { port: 'nic', frame: new Uint8Array(5) });
    const command = buildControlFrame({ kind: 'stop', sessionId: 1, reason: 1 }, CONTROL_MAC_SOFTWARE);
    control.takes({ port: 'nic', frame: command });
    expect(control.host.dropReasons()).toEqual([
      'not-for-us',
      'foreign-control-frame',
      'malformed',
      'foreign-control-frame',
    ]);
    expect(control.layer.status().sessions).toMatchObject([{ state: 'ALIVE.STARTING' }]);
  });
});

layerCompliance(
  'bridged accelerator control',
  (host) => new BridgedAcceleratorControlLayer(host, '2001', CONFIG),
  LIFE,
  {
    framePorts: ['nic'],
    settle_us: 10_000_000,
  },
);
