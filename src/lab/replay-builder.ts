import type { DeviceBuilder } from '../journal/replay.ts';
import { buildTwoLan } from '../topologies/two-lan.ts';
import type { LabSettings } from './settings.ts';

/**
 * Builds the devices of a lab's journal again. Where F13 is a true TCP, records and TLS share one byte stream whose segments begin
 * anywhere; a journal keeps headers, not payload, so that stream cannot be played again.
 * @throws Error for such a run
 */
export const labBuilder: DeviceBuilder = (config, world) => {
  const { settings } = config as unknown as { settings: LabSettings };
  if (settings.topology.gateway20 === 'tcp-over-tcp')
    throw new Error('F13 is a true TCP there, and its payload is in no journal');
  return Object.values(buildTwoLan(world, settings));
};
