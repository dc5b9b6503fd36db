import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { BROADCAST_MAC, type Mac } from '../../wire/address.ts';
import { buildEthernet } from '../../wire/ethernet.ts';
import { MAX_FRAME_BYTES, MacLayer } from './layer.ts';

const OWN: Mac = 0x0200_0000_0001;
const OTHER: Mac = 0x0200_0000_0002;
const THIRD: Mac = 0x0200_0000_0003;
const GROUP: Mac = 0x0100_5e00_0001;

function frame(destination: Mac, source: Mac, length = 60): Uint8Array {
  return buildEthernet({ destination, source, etherType: 0x88b5 }, new Uint8Array(length - 14));
}

function started(promiscuous: boolean): TestHost {
  const host = new TestHost();
  host.attach(new MacLayer(host, '2011', { mac: OWN, promiscuous }));
  host.start();
  return host;
}

describe('MAC', () => {
  it('hands up own address, broadcast and multicast', () => {
    const host = started(false);
    for (const destination of [OWN, BROADCAST_MAC, GROUP, THIRD]) host.injectBytes('lower', frame(destination, OTHER));
    expect(host.sentOn('upper')).toHaveLength(3);
    expect(host.dropReasons()).toEqual(['not-for-us']);
  });

  it('hands up everything when promiscuous, by configuration or by command', () => {
    const host = started(true);
    host.injectBytes('lower', frame(THIRD, OTHER));
    expect(host.sentOn('upper')).toHaveLength(1);
    host.event('promiscuous', { on: false });
    host.injectBytes('lower', frame(THIRD, OTHER));
    expect(host.sentOn('upper')).toHaveLength(1);
    host.event('promiscuous', { on: true });
    host.injectBytes('lower', frame(THIRD, OTHER));
    expect(host.sentOn('upper')).toHaveLength(2);
    expect(host.event('other')).toBe(false);
  });

  it('sends foreign sources as they are, and takes its own source coming in for a loop', () => {
    const host = started(true);
    host.injectBytes('upper', frame(OTHER, THIRD));
    host.injectBytes('lower', frame(BROADCAST_MAC, OWN));
    expect(host.sentOn('lower').map(({ bytes }) => bytes)).toEqual([frame(OTHER, THIRD)]);
    expect(host.dropReasons()).toEqual(['own-source']);
  });

  it('drops what is too long or too short in both directions; a VLAN tag may be added to the longest', () => {
    const host = started(false);
    for (const port of ['upper', 'lower']) {
      host.injectBytes(port, frame(OWN, OTHER, MAX_FRAME_BYTES));
      host.injectBytes(port, frame(OWN, OTHER, MAX_FRAME_BYTES + 1));
      host.injectBytes(port, new Uint8Array(13));
      const vlan = { priority: 0, dropEligible: false, id: 5 };
      const payload = new Uint8Array(1500);
      host.injectBytes(port, buildEthernet({ destination: OWN, source: OTHER, etherType: 0x88b5, vlan }, payload));
    }
    expect(host.sentOn('lower')).toHaveLength(2);
    expect(host.sentOn('upper')).toHaveLength(2);
    expect(host.dropReasons()).toEqual(['too-long', 'malformed', 'too-long', 'malformed']);
  });

  it.each([true, false])('drops everything before start and after stop (promiscuous %s)', (promiscuous) => {
    const host = new TestHost();
    host.attach(new MacLayer(host, '2011', { mac: OWN, promiscuous }));
    host.injectBytes('lower', frame(OWN, OTHER));
    host.start();
    host.stop();
    host.injectBytes('upper', frame(OTHER, OWN));
    expect(host.dropReasons()).toEqual(['stopped', 'stopped']);
    host.start();
    host.injectBytes('lower', frame(THIRD, OTHER));
    expect(host.sentOn('upper')).toHaveLength(promiscuous ? 1 : 0);
  });
});

layerCompliance(
  'mac',
  (host) => new MacLayer(host, '2011', { mac: OWN }),
  [
    { port: 'lower', frame: frame(OWN, OTHER) },
    { port: 'lower', frame: frame(THIRD, OTHER) },
    { event: 'promiscuous', data: { on: true } },
    { port: 'lower', frame: frame(THIRD, OTHER) },
    { port: 'upper', frame: frame(OTHER, OWN, 1514) },
    { port: 'upper', frame: frame(OTHER, OWN, 1600) },
    { event: 'promiscuous', data: { on: false } },
    { port: 'lower', frame: frame(THIRD, OTHER) },
  ],
  { accounts: true },
);
