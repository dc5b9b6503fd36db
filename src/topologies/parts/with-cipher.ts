import { HAIRPIN_OVERHEAD_BYTES } from '../../actors/ssl/hairpin-line.ts';
import { CONTROL_MAC_DECRYPT, CONTROL_MAC_ENCRYPT, CONTROL_MAC_ENGINE, type Mac } from '../../wire/address.ts';
import type { BlockName } from '../blocks.ts';
import type { DevicePlan, LayerPlan } from '../plan.ts';

/** Gateways and relays that have SSL's records sealed and opened elsewhere: what is added to a device that does it in software. */

/** Weight of the second octet of a MAC address. */
const LOWER_OCTETS = 2 ** 32;

type LayerOf<B extends BlockName> = Extract<LayerPlan, { block: B }>;

/** Prior art 2: a security engine beside the CPU for each SSL layer; it is labelled as that one, with an S. */
export function withSecurityEngine(device: DevicePlan): DevicePlan {
  const ssl = device.layers.filter((layer) => layer.block === 'ssl').map(({ label }) => label);
  return {
    ...device,
    layers: device.layers.flatMap((layer): LayerPlan[] => {
      if (layer.block !== 'ssl') return [layer];
      const engine: LayerPlan = { label: `${layer.label}S`, block: 'security-engine', options: {} };
      return [{ ...layer, options: { ...layer.options, cipher: { by: 'service' } } }, engine];
    }),
    joins: [...device.joins, ...ssl.map((label) => `${label}.cipher - ${label}S.cipher`)],
  };
}

/**
 * Embodiment 8 (spec 8.3): engine X between MAC and PHY of a gateway with bridge and virtual NIC. SSL speaks with it through the virtual
 * NIC, which has an address of its own; the bridge knows beforehand where it and the special addresses are; the MAC takes frames that are
 * longer by what a hairpin adds.
 */
export function withEngineX(device: DevicePlan): DevicePlan {
  const [ssl, virtualNic, mac, phy] = [
    only(device, 'ssl'),
    only(device, 'virtual-nic'),
    only(device, 'mac'),
    only(device, 'phy'),
  ];
  const { maxFrame_bytes = 0 } = mac.options;
  const engine: LayerPlan = { label: phy.label.replace(/12$/, '14'), block: 'engine-x', options: { maxFrame_bytes } };
  const own = virtualMacOf(mac.options.mac);
  const changed: LayerPlan[] = [
    { ...ssl, options: { ...ssl.options, cipher: { by: 'hairpin', mac: own, maxFrame_bytes } } },
    { ...virtualNic, options: { mac: own } },
    { ...mac, options: { ...mac.options, maxFrame_bytes: maxFrame_bytes + HAIRPIN_OVERHEAD_BYTES } },
    hairpinBridge(
      only(device, 'bridge'),
      own,
      joinedTo(device, `${virtualNic.label}.driver`),
      joinedTo(device, `${mac.label}.upper`),
    ),
  ];
  const layers = device.layers.map((layer) => changed.find(({ label }) => label === layer.label) ?? layer);
  return {
    ...device,
    layers: layers.flatMap((layer) => (layer.label === phy.label ? [engine, layer] : [layer])),
    joins: [
      ...device.joins.filter((join) => join !== `${mac.label}.lower - ${phy.label}.upper`),
      `${mac.label}.lower - ${engine.label}.upper`,
      `${engine.label}.lower - ${phy.label}.upper`,
      `${ssl.label}.nic - ${virtualNic.label}.ssl`,
    ],
    taps: {
      ...device.taps,
      [`M${device.numeral}`]: { above: `${mac.label}.lower`, below: `${engine.label}.upper` },
    },
  };
}

/** Special frames pass between the virtual NIC's driver and the physical one; as stations that never move, none is ever flooded. */
function hairpinBridge(bridge: LayerOf<'bridge'>, own: Mac, virtual: string, physical: string): LayerPlan {
  const special = [CONTROL_MAC_ENCRYPT, CONTROL_MAC_DECRYPT, CONTROL_MAC_ENGINE];
  return {
    ...bridge,
    options: {
      ...bridge.options,
      ports: bridge.options.ports.map(({ name }) => ({ name })),
      stations: [
        ...(bridge.options.stations ?? []),
        { mac: own, port: virtual },
        ...special.map((mac) => ({ mac, port: physical })),
      ],
    },
  };
}

/** Address of a virtual NIC: that of the gateway with another second octet, locally administered. */
export function virtualMacOf(mac: Mac): Mac {
  const upper = Math.floor(mac / LOWER_OCTETS);
  return ((upper | 0x0200) ^ 0x0001) * LOWER_OCTETS + (mac % LOWER_OCTETS);
}

function only<B extends BlockName>(device: DevicePlan, block: B): LayerOf<B> {
  const found = device.layers.filter((layer) => layer.block === block);
  if (found.length !== 1) throw new Error(`device ${device.name} has ${found.length} layers ${block}, not one`);
  return found[0] as LayerOf<B>;
}

/** Label of the driver that is joined to a port: also the name of the bridge's port above it. */
function joinedTo(device: DevicePlan, port: string): string {
  const found = device.joins.find((join) => join.endsWith(` - ${port}`));
  if (found === undefined) throw new Error(`device ${device.name}: nothing is joined to ${port}`);
  return found.slice(0, found.indexOf('.'));
}
