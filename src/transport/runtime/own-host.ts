import type { Device } from '../../actors/device.ts';
import { type JournalTap, NO_JOURNAL } from '../../actors/tap.ts';
import { World } from '../../actors/world.ts';
import { type HostOptions, host } from '../../topologies/parts/host.ts';
import type { RealPort } from '../os/types.ts';
import { FrameEdge } from './frame-edge.ts';
import { RealClock } from './real-clock.ts';
import { realVault } from './real-world.ts';
import { secureRandom } from './secure-random.ts';

/** The application, addresses and TCP of the host as in the lab; besides, where it is plugged in. */
export interface OwnHostOptions extends Omit<HostOptions, 'segmentation' | 'mtu'> {
  readonly name: string;
  readonly port: RealPort;
  /** Super-segments: cut by the interface where it offloads, otherwise here. Default true. */
  readonly superSegments?: boolean;
  /** Hears of transfers (level `control`); default: nothing is kept. */
  readonly tap?: JournalTap;
}

/**
 * A host with our TCP on a real interface, in true time: the application of the lab above, the interface's MTU below. Errors of the
 * device end the process.
 */
export function ownHost({ name, port, superSegments = true, tap = NO_JOURNAL, ...options }: OwnHostOptions): Device {
  const vault = realVault();
  const world = new World({ scheduler: new RealClock(), random: secureRandom, vaultOf: () => vault, tap });
  const segmentation = port.offloads ? ('interface' as const) : ('software' as const);
  const device = host(world, name, { ...options, mtu: port.mtu, ...(superSegments && { segmentation }) });
  const [boundary] = device.boundaryNames as [string];
  new FrameEdge(device, { [boundary]: port }, (work) => work());
  device.start();
  return device;
}
