import { splitPort } from '../topologies/build.ts';
import type { DevicePlan, LayerPlan, NetworkPlan } from '../topologies/plan.ts';
import type { Reading } from './frame-text.ts';
import type { TapName, Way } from './taps.ts';

/** A place whose frames tell how a session comes up: who is on its two sides, and how to read a packet of the tunnel there. */
export interface StoryPlace {
  readonly place: TapName;
  readonly above: string;
  readonly below: string;
  /** Which way leads from `above` to `below`. */
  readonly down: Way;
  readonly reading: Reading;
  /** Only control frames are told here. */
  readonly controlOnly: boolean;
}

/** How blocks are called in a story; others by their block's name. */
const NAMES: Readonly<Partial<Record<LayerPlan['block'], string>>> = {
  tcp: 'TCP',
  udp: 'UDP',
  mac: 'MAC',
  phy: 'PHY',
  'intermediate-driver': 'driver',
};

/** The cables and inner taps of all devices that keep tunnel sessions. */
export function storyOf(plan: NetworkPlan): StoryPlace[] {
  const ends = new Set(plan.tunnels.map(({ device }) => device));
  return plan.devices
    .filter(({ name }) => ends.has(name))
    .flatMap((device) => [...inside(device, plan), ...cables(device, plan)]);
}

/** `gateway 20` of `gateway20`. */
export function titleOf({ name }: Pick<DevicePlan, 'name'>): string {
  return name.replace(/([a-z])(\d)/, '$1 $2');
}

function inside({ layers, taps = {} }: DevicePlan, { f13 }: NetworkPlan): StoryPlace[] {
  const transport = layers.find(({ block }) => block === 'tcp' || block === 'udp');
  return Object.entries(taps).flatMap(([place, tap]): StoryPlace[] => {
    const below = named(layers.find(({ label }) => label === splitPort(tap.below)[0]));
    if (place.startsWith('M'))
      return [{ place, above: 'software', below, down: 'down', reading: 'f13', controlOnly: true }];
    // Where F13 is a true TCP the cable tells the same.
    if (!place.startsWith('S') || transport === undefined || f13 === 'tcp') return [];
    const reading = transport.block === 'tcp' ? 'tcp' : 'f13';
    return [{ place, above: named(transport), below, down: 'down', reading, controlOnly: false }];
  });
}

function cables(device: DevicePlan, { cables, f13 }: NetworkPlan): StoryPlace[] {
  return cables
    .filter(({ a, b }) => a.device === device.name || b.device === device.name)
    .map(({ name, a }) => ({
      place: name,
      above: titleOf(device),
      below: 'the wire',
      down: a.device === device.name ? 'ab' : 'ba',
      reading: f13 === 'tcp' ? 'tcp' : 'f13',
      controlOnly: false,
    }));
}

function named(layer: Pick<LayerPlan, 'block' | 'label'> | undefined): string {
  return layer === undefined ? '' : `${NAMES[layer.block] ?? layer.block} ${layer.label}`;
}
