import type { MacOptions } from '../../actors/mac/layer.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import type { StackPlan } from '../plan.ts';

/** Numerals of a network interface and its driver. */
export interface NicLabels {
  readonly driver: string;
  readonly mac: string;
  readonly phy: string;
  /** The boundary port. */
  readonly port: string;
}

/** An IP packet of the greatest length with its Ethernet header. */
const SUPER_FRAME_BYTES = 65_535 + ETHERNET_HEADER_BYTES;

/** MAC and PHY of one network interface. */
export interface NicOptions extends MacOptions {
  /** Who cuts super-segments; left out: there are none. */
  readonly segmentation?: 'interface' | 'software';
}

/** Driver, MAC, PHY and a boundary port; the driver's port `upper` is for the layer above. */
export function nicPlan(labels: NicLabels, options: NicOptions): StackPlan {
  const { segmentation, ...macOptions } = options;
  const longest = segmentation && { maxFrame_bytes: SUPER_FRAME_BYTES };
  return {
    layers: [
      { label: labels.driver, block: 'driver', options: {} },
      { label: labels.mac, block: 'mac', options: { ...longest, ...macOptions } },
      { label: labels.phy, block: 'phy', options: { offloads: segmentation === 'interface' } },
    ],
    joins: [
      `${labels.driver}.lower - ${labels.mac}.upper`,
      `${labels.mac}.lower - ${labels.phy}.upper`,
      `${labels.phy}.cable - cable.${labels.port}`,
    ],
  };
}
