import { describe, expect, it } from 'vitest';
import { layerCompliance, type Stimulus } from '../../../test/support/compliance.ts';
import { recordParameters } from '../../../test/support/record-parameters.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { buildEthernet } from '../../wire/ethernet.ts';
import type { LayerHost } from '../host.ts';
import type { SettingRequest } from '../services.ts';
import { GatewayApplicationLayer } from './gateway-application.ts';

const OWN = 0x0a00_0014;
const PEER = 0x0a00_001e;
const OWN_MAC = 0x0200_0000_0014;
const NEXT_HOP = 0x0200_0000_0021;
const LAN = 0x0200_0000_00aa;
const CHOICE = { shape: 'tcp', handshake: 'hold' } as const;
const TUPLE = { local: OWN, localPort: 4433, remote: PEER, remotePort: 50_000 };
const PARAMETERS = recordParameters();

const make = (host: LayerHost) =>
  new GatewayApplicationLayer(host, '2001A', {
    name: 'gateway20',
    address: OWN,
    listen: { port: 4433, ...CHOICE },
    peers: [{ name: 'gateway30', address: 30, port: 443, connect: false, ...CHOICE, demand: { idle_ms: 900 } }],
  });

const FAR = 0x0200_0000_00cc;
const frame = (source: number) =>
  buildEthernet({ destination: 0x0200_0000_00bb, source, etherType: 0x0800 }, new Uint8Array(60));
const ssl = (message: object): Stimulus => ({ port: 'ssl', message: { session: 'accepted-1', ...message } });
const driver = (message: object): Stimulus => ({ port: 'settings', message });

const STIMULI: Stimulus[] = [
  { port: 'nic', frame: frame(LAN) },
  ssl({ kind: 'accepted', tuple: TUPLE }),
  driver({
    kind: 'leg-open',
    tuple: TUPLE,
    digest: new Uint8Array(32),
    ...CHOICE,
    ownMac: OWN_MAC,
    nextHopMac: NEXT_HOP,
  }),
  ssl({ kind: 'secured', parameters: PARAMETERS }),
  ssl({ kind: 'frame', frame: frame(FAR) }),
  ssl({ kind: 'authenticated' }),
  { port: 'nic', frame: frame(LAN) },
  ssl({ kind: 'frame', frame: frame(FAR) }),
  { port: 'nic', frame: frame(OWN_MAC) },
  { port: 'nic', frame: frame(NEXT_HOP) },
  ssl({ kind: 'frame', frame: frame(OWN_MAC) }),
  ssl({ kind: 'frame', frame: frame(LAN) }),
  { port: 'nic', frame: frame(FAR) },
  { port: 'nic', frame: new Uint8Array(5) },
  ssl({ kind: 'secured', parameters: { ...PARAMETERS, receiveConnectionId: 27 } }),
  { port: 'nic', frame: frame(LAN) },
  { wait_us: 1_000_000 },
  ssl({ kind: 'closed', reason: 'peer' }),
  { wait_us: 1_000_000 },
  driver({ kind: 'leg-closed', tuple: TUPLE, reason: '0' }),
  { port: 'nic', frame: frame(LAN) },
];

layerCompliance('gateway application', make, STIMULI, { framePorts: ['nic'], settle_us: 10_000_000 });

describe('gateway application over a driver', () => {
  const host = new TestHost();
  const layer = host.attach(make(host));
  host.start();
  for (const stimulus of STIMULI) {
    if ('frame' in stimulus) host.injectBytes(stimulus.port, stimulus.frame);
    else if ('message' in stimulus) {
      const { frame: bytes } = stimulus.message as { frame?: Uint8Array };
      host.inject(
        stimulus.port,
        bytes === undefined ? stimulus.message : { ...(stimulus.message as object), frame: host.frame(bytes) },
      );
    } else if ('wait_us' in stimulus) host.advance(stimulus.wait_us);
  }

  it('announces ids before it turns records on, and again for those of a renewal', () => {
    const announced = host.sentOn<SettingRequest>('settings').filter(({ kind }) => kind === 'announce-records');
    expect(announced).toEqual(
      [17, 27].map((receiveConnectionId) => ({ kind: 'announce-records', tuple: TUPLE, receiveConnectionId })),
    );
    const order = host.outputs.flatMap((output) =>
      output.kind === 'send' ? [(output.message as { kind?: string }).kind] : [],
    );
    const wanted = ['announce-records', 'records', 'installed'];
    expect(order.filter((kind) => wanted.includes(kind ?? ''))).toEqual([...wanted, ...wanted]);
  });

  it('passes what may pass, both ways, and drops the rest with a reason', () => {
    expect(host.sentOn<{ kind: string }>('ssl').filter(({ kind }) => kind === 'frame')).toHaveLength(2);
    expect(host.sentOn('nic')).toHaveLength(1);
    expect(Object.fromEntries(layer.drops)).toEqual({ 'no-session': 3, 'loop-guard': 5, malformed: 1 });
  });

  it('withdraws the session at its end, and tells no engine', () => {
    expect(host.sentOn<SettingRequest>('settings').map(({ kind }) => kind)).toEqual([
      'announce-listen',
      'announce-records',
      'announce-records',
      'withdraw',
    ]);
  });
});
