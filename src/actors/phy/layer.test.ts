import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { CONTROL_MAC_ENGINE } from '../../wire/address.ts';
import { buildEthernet } from '../../wire/ethernet.ts';
import { PhyLayer } from './layer.ts';

const FRAME = buildEthernet({ destination: 2, source: 4, etherType: 0x88b5 }, new Uint8Array(50));
const TO_ENGINE = buildEthernet({ destination: CONTROL_MAC_ENGINE, source: 4, etherType: 0x88b5 }, new Uint8Array(50));
const FROM_ENGINE = buildEthernet(
  { destination: 4, source: CONTROL_MAC_ENGINE, etherType: 0x88b5 },
  new Uint8Array(50),
);

function started(linkUp?: boolean): TestHost {
  const host = new TestHost();
  host.attach(new PhyLayer(host, '2012', linkUp === undefined ? {} : { linkUp }));
  host.start();
  return host;
}

describe('PHY', () => {
  it('passes frames both ways while the link is up', () => {
    const host = started();
    host.injectBytes('upper', FRAME);
    host.injectBytes('cable', FRAME);
    expect(host.sentOn('cable').map(({ bytes }) => bytes)).toEqual([FRAME]);
    expect(host.sentOn('upper').map(({ bytes }) => bytes)).toEqual([FRAME]);
    expect(host.notes('link')).toEqual([{ up: true }]);
  });

  it('drops frames while the link is down, and after stop', () => {
    const host = started(false);
    host.injectBytes('cable', FRAME);
    expect(host.event('link', { up: true })).toBe(true);
    host.injectBytes('cable', FRAME);
    host.event('link', { up: false });
    host.injectBytes('upper', FRAME);
    host.event('link', { up: true });
    host.stop();
    host.injectBytes('upper', FRAME);
    expect(host.sentOn('upper')).toHaveLength(1);
    expect(host.sentOn('cable')).toHaveLength(0);
    expect(host.dropReasons()).toEqual(['link-down', 'link-down', 'link-down']);
  });

  it('lets no control frame on or off the cable', () => {
    const host = started();
    host.injectBytes('upper', TO_ENGINE);
    host.injectBytes('upper', FROM_ENGINE);
    host.injectBytes('cable', TO_ENGINE);
    host.injectBytes('cable', FROM_ENGINE);
    expect(host.dropReasons()).toEqual(Array(4).fill('foreign-control-frame'));
    expect(host.event('other')).toBe(false);
  });
});

layerCompliance(
  'phy',
  (host) => new PhyLayer(host, '2012'),
  [
    { port: 'upper', frame: FRAME },
    { port: 'cable', frame: FRAME },
    { event: 'link', data: { up: false } },
    { port: 'cable', frame: FRAME },
    { event: 'link', data: { up: true } },
    { port: 'cable', frame: FROM_ENGINE },
    { port: 'upper', frame: FRAME },
  ],
  { accounts: true },
);
