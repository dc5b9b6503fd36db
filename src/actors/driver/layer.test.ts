import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { CONTROL_MAC_ENGINE, CONTROL_MAC_SOFTWARE } from '../../wire/address.ts';
import { put48 } from '../../wire/bytes.ts';
import type { LayerHost } from '../host.ts';
import { VirtualNicLayer } from '../virtual-nic/layer.ts';
import { DriverLayer } from './layer.ts';

const FRAME = new Uint8Array(60).fill(3);

const LAYERS = [
  { name: 'driver', make: (host: LayerHost) => new DriverLayer(host, '2007'), upper: 'upper', lower: 'lower' },
  {
    name: 'virtual NIC',
    make: (host: LayerHost) => new VirtualNicLayer(host, '3010'),
    upper: 'application',
    lower: 'driver',
  },
];

const OWN = CONTROL_MAC_SOFTWARE;
const AT_ENGINE = [
  {
    name: 'driver',
    make: (host: LayerHost) => new DriverLayer(host, '2105', { mac: OWN }),
    upper: 'upper',
    lower: 'lower',
  },
  {
    name: 'virtual NIC',
    make: (host: LayerHost) => new VirtualNicLayer(host, '3010', { mac: OWN }),
    upper: 'application',
    lower: 'driver',
  },
];

describe.each(AT_ENGINE)('$name on the way to an engine', ({ make, upper, lower }) => {
  it('gives special frames for SSL from below to SSL, sends its own down, and takes none from above', () => {
    const host = new TestHost();
    host.attach(make(host));
    host.start();
    const special = (destination: number) => {
      const bytes = new Uint8Array(60);
      put48(bytes, 0, destination);
      put48(bytes, 6, CONTROL_MAC_ENGINE);
      return bytes;
    };
    const answer = host.injectBytes(lower, special(OWN));
    const asked = host.injectBytes('ssl', special(CONTROL_MAC_ENGINE));
    host.injectBytes(lower, special(OWN + 1));
    host.injectBytes(upper, special(OWN));
    const user = host.injectBytes(upper, FRAME);
    expect(host.sentOn('ssl')).toEqual([answer]);
    expect(host.sentOn(lower)).toEqual([asked, user]);
    expect(host.sentOn(upper)).toEqual([]);
    expect(host.dropReasons()).toEqual(['foreign-control-frame', 'foreign-control-frame']);
  });
});

describe.each(LAYERS)('$name', ({ make, upper, lower }) => {
  it('passes frames unchanged both ways while it runs, and drops them otherwise', () => {
    const host = new TestHost();
    host.attach(make(host));
    host.injectBytes(upper, FRAME);
    host.start();
    const down = host.injectBytes(upper, FRAME);
    const up = host.injectBytes(lower, FRAME);
    host.stop();
    host.injectBytes(lower, FRAME);
    expect(host.sentOn(lower)).toEqual([down]);
    expect(host.sentOn(upper)).toEqual([up]);
    expect(host.dropReasons()).toEqual(['stopped', 'stopped']);
    host.start();
    host.injectBytes(lower, FRAME);
    expect(host.sentOn(upper)).toHaveLength(2);
  });
});

for (const { name, make, upper, lower } of LAYERS) {
  const both = [
    { port: upper, frame: FRAME },
    { port: lower, frame: FRAME },
    { port: lower, frame: new Uint8Array(0) },
  ];
  layerCompliance(name, make, both, { accounts: true });
}
