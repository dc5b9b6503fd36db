import type { Device } from '../actors/device.ts';
import type { Frame } from '../actors/frame.ts';
import type { CableName } from '../topologies/network.ts';
import type { GatewayTap } from '../topologies/parts/gateway.ts';
import type { Cable, Direction, Fate } from '../transport/cable.ts';

/** Places inside the gateways where frames can be watched (spec 0.4), besides the cables. */
export type InnerTapName = 'S20' | 'S30' | 'M20' | 'M30' | 'V20' | 'V30';
export type TapName = CableName | InnerTapName;

/** `ab`: from the cable's end `a` to `b`, the way of a frame of terminal 21 to server 31; `down`: towards the wire. */
export type Way = Direction | 'down' | 'up';

/** One frame at one place. */
export interface Sighting {
  readonly place: TapName;
  readonly time_us: number;
  readonly way: Way;
  readonly bytes: Uint8Array;
  /** What became of it on the cable; inside a host every frame is delivered. */
  readonly fate: Fate;
}

export type Watcher = (seen: Sighting) => void;

/** Watches a cable; gives the function that ends it. */
export function tapCable(place: CableName, cable: Cable, watcher: Watcher): () => void {
  return cable.tap((way, time_us, bytes, fate) => watcher({ place, time_us, way, bytes, fate }));
}

/** Watches what two joined layers of a device hand each other; gives the function that ends it. */
export function tapInside(
  place: InnerTapName,
  device: Device,
  tap: GatewayTap,
  now_us: () => number,
  watcher: Watcher,
): () => void {
  const watch = (port: string, way: Way) => {
    const [layer, name] = port.split('.') as [string, string];
    return device
      .layer(layer)
      .ports[name].received$.subscribe(({ bytes }: Frame) =>
        watcher({ place, time_us: now_us(), way, bytes, fate: 'delivered' }),
      );
  };
  const subscriptions = [watch(tap.below, 'down'), watch(tap.above, 'up')];
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}
