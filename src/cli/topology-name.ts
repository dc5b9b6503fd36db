import { nearest } from '../config/nearest.ts';
import { TOPOLOGIES } from '../topologies/topologies.ts';

/** Shorter names (`e5`) are all near each other: a guess there is none. */
const GUESSED_CHARACTERS = 4;

export const TOPOLOGY_NAMES: readonly string[] = TOPOLOGIES.map(({ name }) => name);

/** In words for who named a topology that there is not. */
export function noTopology(name: string): string {
  const near = nearest(name, TOPOLOGY_NAMES);
  const isMeant = name.length >= GUESSED_CHARACTERS || near === name.toLowerCase();
  const help = near !== undefined && isMeant ? `; did you mean "${near}"?` : '';
  return `there is no topology "${name}": "glassgate lab list" tells what there is${help}`;
}
