import type { Device } from '../../actors/device.ts';
import { DriverLayer } from '../../actors/driver/layer.ts';
import type { AnyPort, Layer } from '../../actors/layer.ts';
import { MacLayer, type MacOptions } from '../../actors/mac/layer.ts';
import { PhyLayer } from '../../actors/phy/layer.ts';
import { Port } from '../../actors/port.ts';

/** Numerals of a network interface and its driver. */
export interface NicLabels {
  readonly driver: string;
  readonly mac: string;
  readonly phy: string;
  /** The boundary port. */
  readonly port: string;
}

export interface Nic {
  /** From the top: driver, MAC, PHY. */
  readonly layers: readonly Layer[];
  /** Frames of the whole interface, for the layer above the driver. */
  readonly upper: AnyPort;
}

/** Driver, MAC, PHY and a boundary port, joined. */
export function nic(device: Device, labels: NicLabels, options: MacOptions): Nic {
  const driver = new DriverLayer(device, labels.driver);
  const mac = new MacLayer(device, labels.mac, options);
  const phy = new PhyLayer(device, labels.phy);
  Port.join(driver.ports.lower, mac.ports.upper);
  Port.join(mac.ports.lower, phy.ports.upper);
  Port.join(phy.ports.cable, device.boundary(labels.port));
  return { layers: [driver, mac, phy], upper: driver.ports.upper };
}
