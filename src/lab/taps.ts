import type { Device } from '../actors/device.ts';
import type { Frame } from '../actors/frame.ts';
import { splitPort } from '../topologies/build.ts';
import type { TapPlan } from '../topologies/plan.ts';
import type { Cable, Direction, Fate } from '../transport/cable.ts';

/** A cable (`W1` …) or a place inside a device (`S20`, `M20`, `V20` …; spec 0.4). */
export type TapName = string;

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
export function tapCable(place: TapName, cable: Cable, watcher: Watcher): () => void {
  return cable.tap((way, time_us, bytes, fate) => watcher({ place, time_us, way, bytes, fate }));
}

/** Watches what two joined layers of a device hand each other; gives the function that ends it. */
export function tapInside(
  place: TapName,
  device: Device,
  tap: TapPlan,
  now_us: () => number,
  watcher: Watcher,
): () => void {
  const watch = (port: string, way: Way) => {
    const [layer, name] = splitPort(port);
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
