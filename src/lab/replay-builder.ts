import type { DeviceBuilder } from '../journal/replay.ts';
import { buildTwoLan } from '../topologies/two-lan.ts';
import type { LabSettings } from './settings.ts';

/** Builds the devices of a lab's journal again. */
export const labBuilder: DeviceBuilder = (config, world) => {
  const { settings } = config as unknown as { settings: LabSettings };
  return Object.values(buildTwoLan(world, settings));
};
