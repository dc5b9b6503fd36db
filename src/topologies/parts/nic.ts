import type { Device } from '../../actors/device.ts';
import { DriverLayer } from '../../actors/driver/layer.ts';
import type { AnyPort, Layer } from '../../actors/layer.ts';
import { MacLayer, type MacOptions } from '../../actors/mac/layer.ts';
import { PhyLayer } from '../../actors/phy/layer.ts';
import { Port } from '../../actors/port.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';

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

export interface Nic {
  /** From the top: driver, MAC, PHY. */
  readonly layers: readonly Layer[];
  /** Frames of the whole interface, for the layer above the driver. */
  readonly upper: AnyPort;
}

/** Driver, MAC, PHY and a boundary port, joined. */
export function nic(device: Device, labels: NicLabels, options: NicOptions): Nic {
  const { segmentation, ...macOptions } = options;
  const longest = segmentation && { maxFrame_bytes: SUPER_FRAME_BYTES };
  const driver = new DriverLayer(device, labels.driver);
  const mac = new MacLayer(device, labels.mac, { ...longest, ...macOptions });
  const phy = new PhyLayer(device, labels.phy, { offloads: segmentation === 'interface' });
  Port.join(driver.ports.lower, mac.ports.upper);
  Port.join(mac.ports.lower, phy.ports.upper);
  Port.join(phy.ports.cable, device.boundary(labels.port));
  return { layers: [driver, mac, phy], upper: driver.ports.upper };
}
