import { expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { CONTROL_MAC_DECRYPT, CONTROL_MAC_ENCRYPT, CONTROL_MAC_ENGINE } from '../../wire/address.ts';
import { buildEthernet } from '../../wire/ethernet.ts';
import type { LayerHost } from '../host.ts';
import { VirtualNicLayer } from './layer.ts';

const MAC = 0x0201_0000_0020;
const STATION = 0x0200_0000_0a01;
const make = (host: LayerHost) => new VirtualNicLayer(host, '2010', { mac: MAC });

function frame(destination: number, source: number): Uint8Array {
  return buildEthernet({ destination, source, etherType: 0x0900 }, new Uint8Array(46));
}

it('a virtual NIC with an address gives SSL what the engine sends it, and the application all else that is not special', () => {
  const host = new TestHost();
  host.attach(make(host));
  host.start();
  const answer = host.injectBytes('driver', frame(MAC, CONTROL_MAC_DECRYPT));
  const ordinary = [frame(STATION, 0x0200_0000_0a02), frame(MAC, STATION), new Uint8Array(3)].map((bytes) =>
    host.injectBytes('driver', bytes),
  );
  const asked = host.injectBytes('ssl', frame(CONTROL_MAC_ENCRYPT, MAC));
  const down = host.injectBytes('application', frame(STATION, 0x0200_0000_0a02));
  expect(host.sentOn('ssl')).toEqual([answer]);
  expect(host.sentOn('application')).toEqual(ordinary);
  expect(host.sentOn('driver')).toEqual([asked, down]);
  expect(host.dropReasons()).toEqual([]);
});

it('a virtual NIC with an address takes nothing special from the far LAN, nor what is special and for somebody else', () => {
  const host = new TestHost();
  host.attach(make(host));
  host.start();
  for (const [destination, source] of [
    [CONTROL_MAC_ENCRYPT, MAC],
    [MAC, CONTROL_MAC_DECRYPT],
    [CONTROL_MAC_ENGINE, STATION],
  ])
    host.injectBytes('application', frame(destination, source));
  host.injectBytes('driver', frame(CONTROL_MAC_ENGINE, STATION));
  host.injectBytes('driver', frame(STATION, CONTROL_MAC_ENCRYPT));
  expect([host.sentOn('driver'), host.sentOn('application'), host.sentOn('ssl')]).toEqual([[], [], []]);
  expect(host.dropReasons()).toEqual(Array(5).fill('foreign-control-frame'));
});

layerCompliance(
  'virtual NIC with an address',
  make,
  [
    { port: 'driver', frame: frame(MAC, CONTROL_MAC_ENCRYPT) },
    { port: 'application', frame: frame(STATION, MAC) },
    { port: 'ssl', frame: frame(CONTROL_MAC_ENCRYPT, MAC) },
  ],
  { accounts: true },
);
