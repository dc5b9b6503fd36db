import type { Device } from '../../actors/device.ts';
import type { AnyPort, Layer } from '../../actors/layer.ts';
import { Port } from '../../actors/port.ts';

/** A device's layers as in the specification's stack tables, and which of their ports face each other. */
export interface Stack {
  /** From the top. */
  readonly layers: readonly Layer[];
  /** `layer.port - layer.port`; `cable.2013` is the boundary port 2013. */
  readonly joins: readonly string[];
}

const BOUNDARY = 'cable';

/** Joins the ports of a stack; gives its layers. */
export function joined(device: Device, { layers, joins }: Stack): readonly Layer[] {
  const byLabel = new Map(layers.map((layer) => [layer.label, layer]));
  const portOf = (text: string): AnyPort => {
    const [label, name] = text.split('.') as [string, string];
    if (label === BOUNDARY) return device.boundary(name);
    const port = byLabel.get(label)?.ports[name];
    if (port === undefined) throw new Error(`device ${device.name} has no port ${text}`);
    return port;
  };
  for (const join of joins) {
    const [one, other] = join.split(' - ') as [string, string];
    Port.join(portOf(one), portOf(other));
  }
  return layers;
}
