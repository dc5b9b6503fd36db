import { describe, expect, it } from 'vitest';
import { LINK_MTU } from '../network.ts';
import type { NetworkSettings } from '../plan.ts';
import { topologyByName } from '../topologies.ts';
import { virtualMacOf, withEngineX, withSecurityEngine } from './with-cipher.ts';

const SETTINGS: NetworkSettings = { shape: 'tcp', handshake: 'hold', hostMtu: LINK_MTU };

function gateway20() {
  const found = topologyByName('tcp-over-tcp')
    ?.plan(SETTINGS)
    .devices.find(({ name }) => name === 'gateway20');
  if (found === undefined) throw new Error('no gateway 20');
  return found;
}

describe('a device with its cipher elsewhere', () => {
  it('has engine X between MAC and PHY, and otherwise the layers that it had', () => {
    const plain = gateway20();
    const { layers, joins } = withEngineX(plain);
    const labels = layers.map(({ label }) => label);
    expect(labels.slice(-3)).toEqual(['2011', '2014', '2012']);
    expect(labels.filter((label) => label !== '2014')).toEqual(plain.layers.map(({ label }) => label));
    expect(joins).toContain('2002.nic - 2010.ssl');
    expect(joins).not.toContain('2011.lower - 2012.upper');
  });

  it('has a security engine beside SSL', () => {
    const { layers, joins } = withSecurityEngine(gateway20());
    expect(layers.map(({ label }) => label).slice(0, 4)).toEqual(['2001A', '2002', '2002S', '2003']);
    expect(joins).toContain('2002.cipher - 2002S.cipher');
  });

  it('must have one bridge, one virtual NIC and one network interface for engine X', () => {
    const engines = topologyByName('e2')?.plan(SETTINGS).devices ?? [];
    for (const name of ['gateway20', 'hub22', 'firewall33']) {
      const device = engines.find((each) => each.name === name);
      expect(() => withEngineX(device ?? gateway20())).toThrow(`device ${name} has `);
    }
  });
});

it('the address of a virtual NIC is its own, locally administered and no group', () => {
  expect(virtualMacOf(0x0200_0000_0020)).toBe(0x0201_0000_0020);
  expect(virtualMacOf(0x0016_3e12_3456)).toBe(0x0217_3e12_3456);
});
