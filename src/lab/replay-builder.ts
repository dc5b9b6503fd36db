import type { DeviceBuilder } from '../journal/replay.ts';
import { buildDevices } from '../topologies/build.ts';
import type { NetworkPlan } from '../topologies/plan.ts';

/**
 * Builds the devices of a lab's journal again. Where F13 is a true TCP, records and TLS share one byte stream whose segments begin
 * anywhere; a journal keeps headers, not payload, so that stream cannot be played again.
 * @throws Error for such a run
 */
export const labBuilder: DeviceBuilder = (config, world) => {
  const { plan } = config as unknown as { plan: NetworkPlan };
  if (plan.f13 === 'tcp') throw new Error('F13 is a true TCP there, and its payload is in no journal');
  return buildDevices(world, plan);
};
