import { describe, expect, it } from 'vitest';
import { prepared } from '../../../test/support/cipher-keys.ts';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { engineSession } from '../../../test/support/engine-pair.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { ENGINE_SESSIONS } from '../../machines/engine.ts';
import { BROADCAST_MAC, CONTROL_MAC_DECRYPT, CONTROL_MAC_ENCRYPT, CONTROL_MAC_ENGINE } from '../../wire/address.ts';
import { buildControlFrame, type ControlFrameMessage, parseControlFrame } from '../../wire/control-frame.ts';
import { buildEthernet } from '../../wire/ethernet.ts';
import { buildHairpin, turnedHairpin } from '../../wire/hairpin.ts';
import type { LayerHost } from '../host.ts';
import { EngineXLayer } from './layer.ts';

const VNIC = 0x0201_0000_0020;
const ID = 7;

function lanFrame(destination: number, source = 0x0200_0000_0a01, length = 60): Uint8Array {
  return buildEthernet({ destination, source, etherType: 0x0900 }, new Uint8Array(length).fill(0x77));
}

class Engine {
  readonly host = new TestHost();
  readonly layer = this.host.attach(new EngineXLayer(this.host, '2014'));

  constructor() {
    this.host.start();
  }

  control(message: ControlFrameMessage): void {
    this.host.injectBytes('upper', buildControlFrame(message, VNIC));
  }

  start(sessionId = ID, role: 'client' | 'server' = 'server'): this {
    this.control({ kind: 'start', session: engineSession(this.host.vault, role, false, 1, sessionId) });
    return this;
  }

  /** Gives it a frame from the MAC; what it sends up for it. */
  ask(bytes: Uint8Array): Uint8Array[] {
    const before = this.host.sentOn('upper').length;
    this.host.injectBytes('upper', bytes);
    return this.host
      .sentOn('upper')
      .slice(before)
      .map((frame) => frame.bytes);
  }

  reports(): ControlFrameMessage[] {
    return this.host.sentOn('upper').flatMap(({ bytes }) => {
      const read = parseControlFrame(bytes);
      return read.ok ? [read.message] : [];
    });
  }
}

describe('engine X', () => {
  it('seals and opens in a hairpin: addresses swapped, only the record changed, nothing out of the PHY side', () => {
    const [client, server] = [new Engine().start(ID, 'client'), new Engine().start()];
    const [sealed] = client.ask(buildHairpin('seal', ID, prepared(), VNIC));
    const record = sealed.subarray(18);
    expect(sealed).toEqual(turnedHairpin(buildHairpin('seal', ID, prepared(), VNIC), record));
    expect(record.subarray(0, 16)).toEqual(prepared().subarray(0, 16));
    expect(record.length).toBe(prepared().length + 16);
    const [opened] = server.ask(buildHairpin('open', ID, record, VNIC));
    expect(opened).toEqual(turnedHairpin(buildHairpin('open', ID, record, VNIC), prepared()));
    for (const { host } of [client, server]) expect(host.sentOn('lower')).toEqual([]);
    expect([client.layer.counters.sealed, server.layer.counters.opened]).toEqual([1, 1]);
  });

  it('gives back as it was what it cannot do: before the start, of an unknown session, after the stop', () => {
    const engine = new Engine();
    const asked = buildHairpin('seal', ID, prepared(), VNIC);
    const asItWas = [turnedHairpin(asked, prepared())];
    expect(engine.ask(asked)).toEqual(asItWas);
    engine.start();
    expect(engine.ask(buildHairpin('open', ID, new Uint8Array(80), VNIC))[0].subarray(18)).toEqual(new Uint8Array(80));
    expect(engine.ask(buildHairpin('seal', 8, prepared(), VNIC))[0].subarray(18)).toEqual(prepared());
    engine.control({ kind: 'stop', sessionId: ID, reason: 7 });
    expect(engine.ask(asked)).toEqual(asItWas);
    expect(engine.layer.counters.returned).toBe(4);
    expect(engine.host.sentOn('lower')).toEqual([]);
  });

  it.each(['before', 'after'])('passes ordinary frames both ways and everything of the cable, %s the start', (when) => {
    const engine = when === 'after' ? new Engine().start() : new Engine();
    const down = lanFrame(0x0200_0000_0a02);
    engine.host.injectBytes('upper', down);
    expect(engine.host.sentOn('lower').map(({ bytes }) => bytes)).toEqual([down]);
    const fromCable = [BROADCAST_MAC, VNIC, CONTROL_MAC_ENCRYPT, CONTROL_MAC_ENGINE].map((each) => lanFrame(each));
    fromCable.push(lanFrame(VNIC, CONTROL_MAC_DECRYPT), new Uint8Array(5));
    const before = engine.host.sentOn('upper').length;
    for (const bytes of fromCable) engine.host.injectBytes('lower', bytes);
    expect(
      engine.host
        .sentOn('upper')
        .slice(before)
        .map(({ bytes }) => bytes),
    ).toEqual(fromCable);
    expect(engine.host.dropReasons()).toEqual([]);
  });

  it('lets nothing special out of the PHY side, and nothing longer than the cable takes', () => {
    const engine = new Engine().start();
    for (let last = 0; last < 256; last++) {
      engine.host.injectBytes('upper', lanFrame(0x0000_4c00_0000 + last));
      engine.host.injectBytes('upper', lanFrame(0x0200_0000_0a02, 0x0000_4c00_0000 + last));
    }
    engine.host.injectBytes('upper', new Uint8Array(13));
    engine.host.injectBytes('upper', lanFrame(0x0200_0000_0a02, VNIC, 1501));
    expect(engine.host.sentOn('lower')).toEqual([]);
    const vlan = { priority: 0, dropEligible: false, id: 3 };
    const fields = { destination: 0x0200_0000_0a02, source: VNIC, etherType: 0x0900 };
    engine.host.injectBytes('upper', buildEthernet({ ...fields, vlan }, new Uint8Array(1500)));
    engine.host.injectBytes('upper', buildEthernet({ ...fields, vlan }, new Uint8Array(1501)));
    expect(engine.host.sentOn('lower').map(({ bytes }) => bytes.length)).toEqual([1518]);
    expect(new Set(engine.host.dropReasons())).toEqual(new Set(['malformed', 'too-long']));
    expect(engine.host.dropReasons()).toHaveLength(515);
  });

  it('reports what became of commands; a second set of keys takes the place of the first by RENEW', () => {
    const engine = new Engine().start();
    const { vault } = engine.host;
    engine.control({ kind: 'renew', session: engineSession(vault, 'server', false, 2, ID) });
    engine.control({ kind: 'renew', session: engineSession(vault, 'server', false, 2, 9) });
    engine.start();
    engine.control({ kind: 'stop', sessionId: 9, reason: 3 });
    expect(engine.reports().map((report) => [report.kind, 'sessionId' in report && report.sessionId])).toEqual([
      ['started', ID],
      ['started', ID],
      ['stopped', 9],
      ['stopped', 9],
    ]);
    const peer = new Engine();
    peer.control({ kind: 'start', session: engineSession(peer.host.vault, 'client', false, 2, ID) });
    const [sealed] = peer.ask(buildHairpin('seal', ID, prepared(), VNIC));
    expect(engine.ask(buildHairpin('open', ID, sealed.subarray(18), VNIC))[0].subarray(18)).toEqual(prepared());
  });

  it('takes so many sessions and refuses the rest', () => {
    const engine = new Engine();
    for (let id = 1; id <= ENGINE_SESSIONS + 1; id++) engine.start(id);
    expect(engine.host.dropReasons()).toEqual(['too-many-sessions']);
    expect(engine.reports().at(-1)).toMatchObject({ kind: 'stopped', sessionId: ENGINE_SESSIONS + 1, reason: 4 });
    engine.host.stop();
    expect(engine.layer.save().sessions).toEqual([]);
  });
});

layerCompliance(
  'engine X',
  (host: LayerHost) => new EngineXLayer(host, '2014'),
  [
    { port: 'lower', frame: lanFrame(BROADCAST_MAC) },
    { port: 'upper', frame: lanFrame(0x0200_0000_0a02) },
    { port: 'upper', frame: buildHairpin('seal', ID, prepared(), VNIC) },
    { port: 'upper', frame: buildHairpin('open', ID, new Uint8Array(80), VNIC) },
    { port: 'upper', frame: buildControlFrame({ kind: 'stop', sessionId: ID, reason: 1 }, VNIC) },
    { port: 'upper', frame: lanFrame(CONTROL_MAC_ENGINE) },
    { port: 'upper', frame: lanFrame(0x0200_0000_0a02, VNIC, 1600) },
  ],
  { accounts: true },
);

describe('engine X, saved and restored', () => {
  it('goes on as if nothing had happened: no number is sealed twice', () => {
    const engine = new Engine().start();
    engine.ask(buildHairpin('seal', ID, prepared({ sequence: 4 }), VNIC));
    const saved = structuredClone(engine.layer.save());
    const next = engine.ask(buildHairpin('seal', ID, prepared({ sequence: 5 }), VNIC));
    engine.layer.restore(saved);
    expect(engine.layer.save()).toEqual(saved);
    expect(engine.ask(buildHairpin('seal', ID, prepared({ sequence: 4 }), VNIC))[0].subarray(18)).toEqual(
      prepared({ sequence: 4 }),
    );
    expect(engine.ask(buildHairpin('seal', ID, prepared({ sequence: 5 }), VNIC))).toEqual(next);
  });
});
