import { describe, expect, it } from 'vitest';
import { layerCompliance, type Stimulus } from '../../../test/support/compliance.ts';
import { recordParameters } from '../../../test/support/record-parameters.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { LEG_LINGER_MS, STARTING_MS } from '../../machines/tunnel.ts';
import type { LayerHost } from '../host.ts';
import type { SettingRequest, SslRequest } from '../services.ts';
import { AcceleratorControlLayer } from './accelerator-control.ts';
import { type GatewayConfig, TUNNEL_SESSIONS, UNCLAIMED_LEGS } from './config.ts';

const OWN = 0x0a00_0014;
const PEER = 0x0a00_001e;
const DIGEST = new Uint8Array(32).fill(8);
const CHOICE = { shape: 'tcp', handshake: 'hold' } as const;

const CONFIG: GatewayConfig = {
  name: 'gateway20',
  address: OWN,
  listen: { port: 4433, ...CHOICE },
  peers: [{ name: 'gateway30', address: PEER, port: 4434, connect: false, ...CHOICE }],
  renewEvery_ms: 100_000,
};

const PARAMETERS = recordParameters();

const TUPLE = { local: OWN, localPort: 4433, remote: PEER, remotePort: 50_000 };
const LEG = { tuple: TUPLE, digest: DIGEST, ...CHOICE, ownMac: 1, nextHopMac: 2 };
const SESSION = 'accepted-1';

class Control {
  readonly host = new TestHost();
  readonly layer: AcceleratorControlLayer;

  constructor(config: Partial<GatewayConfig> = {}) {
    this.layer = this.host.attach(new AcceleratorControlLayer(this.host, '2001', { ...CONFIG, ...config }));
    this.host.start();
  }

  ssl(kind: string, more: object = {}): this {
    this.host.inject('ssl', { kind, session: SESSION, ...more });
    return this;
  }

  driver(kind: string, more: object = {}): this {
    this.host.inject('settings', { kind, sessionId: 1, reason: 0, ...more });
    return this;
  }

  /** Kinds of what was said to SSL and to the driver, in order. */
  said(): string[] {
    const kinds = this.host.outputs.flatMap((output) =>
      output.kind === 'send' ? [`${output.port} ${(output.message as SslRequest | SettingRequest).kind}`] : [],
    );
    this.host.outputs.length = 0;
    return kinds;
  }

  /** A session of the far gateway, up to the engine's first record. */
  up(): this {
    this.driver('leg-open', LEG).ssl('accepted', { tuple: TUPLE }).ssl('secured', { parameters: PARAMETERS });
    return this.driver('engine-started').driver('engine-authenticated');
  }

  get states(): string[] {
    return this.layer.status().sessions.map(({ state }) => state);
  }

  get peerState(): string | undefined {
    return this.layer.status().peers[0]?.state;
  }
}

/** A session that this end dials, with the name that it has then. */
function dialled(): { control: Control; tuple: typeof TUPLE; name: object } {
  const control = new Control();
  control.said();
  control.host.event('connect', { peer: 'gateway30' });
  const connect = control.host.sentOn<SslRequest & { kind: 'connect' }>('ssl').at(-1);
  const tuple = { local: OWN, localPort: connect?.sourcePort as number, remote: PEER, remotePort: 4434 };
  return { control, tuple, name: { session: connect?.session } };
}

describe('accelerator control', () => {
  it('announces special frames, and where it listens before SSL listens (spec 2.4 step 1)', () => {
    expect(new Control().said()).toEqual(['settings announce-special', 'settings announce-listen', 'ssl listen']);
    expect(new Control({ listen: undefined }).said()).toEqual(['settings announce-special']);
  });

  it('announces the session that it dials before SSL connects (step 3), from a dynamic port', () => {
    const { control, tuple } = dialled();
    expect(tuple.localPort).toBeGreaterThanOrEqual(49_152);
    expect(control.host.sentOn('settings')).toEqual([{ kind: 'announce-connect', tuple, ...CHOICE }]);
    expect(control.host.sentOn('ssl')).toMatchObject([
      { kind: 'connect', peer: 'gateway30', destination: PEER, destinationPort: 4434 },
    ]);
    expect(control.said()).toEqual(['settings announce-connect', 'ssl connect']);
  });

  it('hands the session to the engine, and lets SSL say GO only when the engine has started (steps 20-24)', () => {
    const control = new Control();
    control.said();
    control.driver('leg-open', LEG);
    expect(control.said()).toEqual([]);
    control.ssl('accepted', { tuple: TUPLE });
    expect(control.host.sentOn('ssl')).toEqual([{ kind: 'leg', session: SESSION, digest: DIGEST, ...CHOICE }]);
    control.said();
    control.ssl('secured', { parameters: PARAMETERS });
    expect(control.host.sentOn('settings')).toEqual([
      { kind: 'engine-start', start: { sessionId: 1, tuple: TUPLE, parameters: PARAMETERS, site: 1 } },
    ]);
    expect(control.said()).toEqual(['settings engine-start']);
    control.driver('engine-started');
    expect(control.said()).toEqual(['ssl installed']);
    expect(control.peerState).toBe('IDLE');
    control.driver('engine-authenticated');
    expect(control.peerState).toBe('UP');
    expect(control.states).toEqual(['ALIVE.UP']);
  });

  it('tells SSL of a leg that opens after SSL accepted, and of one that opens while TCP connects', () => {
    const control = new Control();
    control.ssl('accepted', { tuple: TUPLE });
    control.said();
    control.driver('leg-open', LEG);
    expect(control.said()).toEqual(['ssl leg']);
    const { control: client, tuple, name } = dialled();
    client.said();
    client.driver('leg-open', { ...LEG, tuple });
    expect(client.said()).toEqual(['ssl leg']);
    client.ssl('connected', name);
    expect(client.states).toEqual(['ALIVE.SECURING']);
    expect(client.said()).toEqual([]);
  });

  it('in an immediate handshake tells SSL of the leg when it opens, after TCP is connected', () => {
    const { control, tuple, name } = dialled();
    control.ssl('connected', name);
    control.said();
    control.driver('leg-open', { ...LEG, tuple });
    expect(control.said()).toEqual(['ssl leg']);
  });

  it('the client starts its engine and says nothing of it to SSL', () => {
    const { control, tuple, name } = dialled();
    control.driver('leg-open', { ...LEG, tuple }).ssl('connected', name);
    control.said();
    control.ssl('secured', { ...name, parameters: { ...PARAMETERS, role: 'client' } }).driver('engine-started');
    expect(control.said()).toEqual(['settings engine-start']);
    control.driver('engine-authenticated');
    expect(control.peerState).toBe('UP');
  });

  it('closes a session whose engine does not start, or whose peer is not heard', () => {
    for (const started of [false, true]) {
      const control = new Control();
      control.driver('leg-open', LEG).ssl('accepted', { tuple: TUPLE }).ssl('secured', { parameters: PARAMETERS });
      if (started) control.driver('engine-started');
      control.said();
      control.host.advance(STARTING_MS * 1000 - 1);
      expect(control.said()).toEqual([]);
      control.host.advance(1);
      expect(control.said()).toEqual(['ssl close']);
    }
  });

  it('does not close a session that came up in time', () => {
    const control = new Control().up();
    control.host.advance(10 * STARTING_MS * 1000);
    expect(control.states).toEqual(['ALIVE.UP']);
  });

  it.each([['engine-disconnect'], ['engine-stopped']])('%s: SSL is told to close (spec 1.3 item 5)', (kind) => {
    const control = new Control().up();
    control.said();
    control.driver(kind);
    expect(control.said()).toEqual(['ssl close']);
  });

  it('stops the engine and withdraws the session when the leg has ended after SSL, or after a while', () => {
    for (const legCloses of [true, false]) {
      const control = new Control().up();
      control.host.event('disconnect', { peer: 'gateway30' });
      control.said();
      control.ssl('closed', { reason: 'local' });
      expect(control.said()).toEqual([]);
      expect(control.states).toEqual(['LINGERING']);
      if (legCloses) control.driver('leg-closed', { tuple: TUPLE, reason: '0' });
      else control.host.advance(LEG_LINGER_MS * 1000);
      expect(control.said()).toEqual(['settings withdraw', 'settings engine-stop']);
      expect(control.states).toEqual([]);
      expect(control.host.timers()).toEqual([]);
    }
  });

  it('closes SSL when the leg ends first, and then waits for nothing more', () => {
    const control = new Control().up();
    control.said();
    control.driver('leg-closed', { tuple: TUPLE, reason: '3' });
    expect(control.said()).toEqual(['ssl close']);
    control.ssl('closed', { reason: 'local' });
    expect(control.said()).toEqual(['settings withdraw', 'settings engine-stop']);
  });

  it('waits for nothing either when the leg ended while SSL was closing', () => {
    const control = new Control().up();
    control.host.event('disconnect', { peer: 'gateway30' });
    control.driver('leg-closed', { tuple: TUPLE, reason: '0' });
    control.said();
    control.ssl('closed', { reason: 'local' });
    expect(control.said()).toEqual(['settings withdraw', 'settings engine-stop']);
  });

  it('a session that SSL ends before keys leaves nothing to stop', () => {
    const control = new Control();
    control.driver('leg-open', LEG).ssl('accepted', { tuple: TUPLE });
    control.said();
    control.ssl('closed', { reason: 'untrusted' }).driver('leg-closed', { tuple: TUPLE, reason: '6' });
    expect(control.said()).toEqual(['settings withdraw']);
    expect(control.host.notes('session-closed')).toEqual([]);
    expect(control.peerState).toBe('IDLE');
  });

  it('gives the keys of a renewal to the engine, and says installed as the server', () => {
    const control = new Control().up();
    control.said();
    control.ssl('secured', { parameters: { ...PARAMETERS, receiveConnectionId: 99 } });
    expect(control.host.sentOn('settings')).toMatchObject([
      { kind: 'engine-renew', start: { sessionId: 1, parameters: { receiveConnectionId: 99 } } },
    ]);
    control.said();
    expect(control.states).toEqual(['ALIVE.RENEWING']);
    control.driver('engine-started');
    expect(control.said()).toEqual(['ssl installed']);
    control.host.advance(10 * STARTING_MS * 1000);
    expect(control.states).toEqual(['ALIVE.UP']);
  });

  it('closes a session whose engine does not take a renewal', () => {
    const control = new Control().up();
    control.ssl('secured', { parameters: PARAMETERS });
    control.said();
    control.host.advance(STARTING_MS * 1000);
    expect(control.said()).toEqual(['ssl close']);
  });

  it('the client asks for renewals, again after each', () => {
    const { control, tuple, name } = dialled();
    const parameters = { ...PARAMETERS, role: 'client' };
    control.driver('leg-open', { ...LEG, tuple }).ssl('connected', name);
    control
      .ssl('secured', { ...name, parameters })
      .driver('engine-started')
      .driver('engine-authenticated');
    for (let round = 0; round < 3; round++) {
      control.said();
      control.host.advance(100_000_000);
      expect(control.said()).toEqual(['ssl renew']);
      control.ssl('secured', { ...name, parameters });
      expect(control.said()).toEqual(['settings engine-renew']);
      control.driver('engine-started');
      expect(control.said()).toEqual([]);
    }
  });

  it('asks again when a renewal was refused', () => {
    const { control, tuple, name } = dialled();
    control.driver('leg-open', { ...LEG, tuple }).ssl('connected', name);
    control
      .ssl('secured', { ...name, parameters: PARAMETERS })
      .driver('engine-started')
      .driver('engine-authenticated');
    control.host.advance(100_000_000);
    control.said();
    control.host.advance(100_000_000);
    expect(control.said()).toEqual(['ssl renew']);
  });

  it('refuses a peer that is not configured, and forgets its keys', () => {
    const control = new Control();
    const base = control.host.vault.importBase(new Uint8Array(32).fill(1));
    const key = control.host.vault.deriveTraffic(base, 1, 'c2s', 'data', 0);
    const keys = { sendData: key, receiveData: key, sendControl: key, receiveControl: key };
    control.driver('leg-open', LEG).ssl('accepted', { tuple: TUPLE });
    control.said();
    control.ssl('secured', { parameters: { ...PARAMETERS, peerName: 'gateway99', keys } });
    expect(control.layer.drops.get('peer-not-allowed')).toBe(1);
    expect(control.said()).toEqual(['ssl close']);
    expect(() => control.host.vault.nextEpoch(key)).toThrow();
  });

  it('keeps few legs that nobody claims, and forgets those that close', () => {
    const control = new Control();
    const port = (remotePort: number) => ({ ...TUPLE, remotePort });
    for (let at = 0; at <= UNCLAIMED_LEGS; at++) control.driver('leg-open', { ...LEG, tuple: port(at) });
    control.driver('leg-closed', { tuple: port(5), reason: '0' });
    control.said();
    const legsTold = (at: number) => control.ssl('accepted', { session: `s${at}`, tuple: port(at) }).said();
    expect([legsTold(0), legsTold(5), legsTold(1), legsTold(UNCLAIMED_LEGS)]).toEqual([
      [],
      [],
      ['ssl leg'],
      ['ssl leg'],
    ]);
  });

  it('keeps a bounded number of sessions', () => {
    const control = new Control();
    for (let at = 0; at < TUNNEL_SESSIONS; at++)
      control.ssl('accepted', { session: `s${at}`, tuple: { ...TUPLE, remotePort: at } });
    control.said();
    control.ssl('accepted', { tuple: TUPLE });
    expect(control.layer.drops.get('too-many-sessions')).toBe(1);
    expect(control.said()).toEqual(['ssl close']);
    control.host.event('connect', { peer: 'gateway30' });
    expect(control.peerState).toBe('BACK-OFF');
  });

  it('takes no frame from SSL: the engine opens records', () => {
    const control = new Control().up();
    control.ssl('frame', { frame: control.host.frame(new Uint8Array(60)) });
    expect(control.layer.drops.get('not-started')).toBe(1);
  });
});

const ssl = (message: object): Stimulus => ({ port: 'ssl', message: { session: SESSION, ...message } });
const driver = (message: object): Stimulus => ({ port: 'settings', message: { sessionId: 1, reason: 0, ...message } });
const dial = { session: 'dial-1' };

describe('what a peer cannot do', () => {
  const peers = ['gateway30', 'gateway40'].map((name) => ({ name, connect: false, ...CHOICE }));

  it('take over the session of another one by renewing it with its own certificate', () => {
    const control = new Control({ peers }).up();
    control.said();
    const keys = { sendData: 11, receiveData: 12, sendControl: 13, receiveControl: 14 };
    control.ssl('secured', { parameters: { ...PARAMETERS, peerName: 'gateway40', keys } });
    expect(control.host.dropReasons()).toEqual(['peer-not-allowed']);
    expect(control.said()).toEqual(['ssl close']);
    expect(control.states).toEqual(['CLOSING']);
  });

  it('touch a session that no engine has by the number 0', () => {
    const control = new Control();
    control.driver('leg-open', LEG).ssl('accepted', { tuple: TUPLE });
    for (const kind of ['engine-disconnect', 'engine-stopped']) control.driver(kind, { sessionId: 0 });
    expect(control.states).toEqual(['ALIVE.SECURING']);
  });
});

layerCompliance(
  'accelerator control',
  (host: LayerHost) =>
    new AcceleratorControlLayer(host, '2001', {
      ...CONFIG,
      peers: CONFIG.peers.map((peer) => ({ ...peer, connect: true })),
    }),
  [
    driver({ kind: 'leg-open', ...LEG }),
    ssl({ kind: 'accepted', tuple: TUPLE }),
    ssl({ ...dial, kind: 'connected' }),
    ssl({ ...dial, kind: 'closed', reason: 'untrusted' }),
    { wait_us: 500_000 },
    ssl({ kind: 'secured', parameters: PARAMETERS }),
    driver({ kind: 'engine-started' }),
    driver({ kind: 'engine-authenticated' }),
    ssl({ kind: 'secured', parameters: PARAMETERS }),
    driver({ kind: 'engine-started' }),
    driver({ kind: 'leg-open', ...LEG, tuple: { ...TUPLE, remotePort: 3 } }),
    { wait_us: 8_000_000 },
    driver({ kind: 'engine-disconnect' }),
    ssl({ kind: 'closed', reason: 'local' }),
    { wait_us: 6_000_000 },
    { event: 'connect', data: { peer: 'gateway30' } },
    ssl({ session: 'dial-2', kind: 'closed', reason: 'tcp-refused' }),
    ssl({ session: 'dial-3', kind: 'closed', reason: 'tcp-refused' }),
    { wait_us: 10_000_000 },
    { event: 'drain' },
  ],
  { framePorts: [], settle_us: 10_000_000 },
);
