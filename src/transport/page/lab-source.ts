import type { Lab } from '../../lab/lab.ts';
import { localSource, type PageSource } from './source.ts';

/** All devices of a lab. TLS flights are shown when the lab has a journal of level `inputs` or higher. */
export function labSource(lab: Lab): PageSource {
  return localSource('lab', {
    devices: () => Object.values(lab.devices),
    now_us: () => lab.now_us,
    subscribe: (listener) => lab.watch(listener),
    cables: lab.plan.cables.map(({ name, a, b }) => ({ name, a: a.device, b: b.device })),
  });
}
