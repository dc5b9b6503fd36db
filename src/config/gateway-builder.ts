import type { Device } from '../actors/device.ts';
import type { JournalData } from '../actors/tap.ts';
import type { World } from '../actors/world.ts';
import { buildDevice } from '../topologies/build.ts';
import { parseMac } from '../wire/address.ts';
import { devicePlan } from './device-plan.ts';
import { factsOf } from './embodiments.ts';
import { judge } from './parse.ts';

/** Name under which a journal's config record says that {@link gatewayBuilder} builds its device. */
export const GATEWAY_BUILDER = 'gateway';

/**
 * Builds the gateway of a recorded run again, for a replay.
 * @throws Error when the journal's config record is not one that `up` wrote, or when F13 was a true TCP: records and TLS share its byte
 * stream there, segments begin anywhere in it, and a journal keeps headers, not payload.
 */
export function gatewayBuilder(recorded: JournalData, world: World): readonly Device[] {
  const { mac: macText, config } = recorded as { readonly mac?: JournalData; readonly config?: JournalData };
  const mac = typeof macText === 'string' ? parseMac(macText) : undefined;
  const judged = judge(config);
  if (mac === undefined || !judged.ok) throw new Error('the config record does not describe a gateway');
  if (factsOf(judged.config).true === 'tcp')
    throw new Error('F13 is a true TCP there, and its payload is in no journal');
  return [buildDevice(world, devicePlan(judged.config, mac))];
}
