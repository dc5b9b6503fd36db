import type { TcpLayer } from '../actors/tcp/layer.ts';
import type { EndPlan } from '../topologies/plan.ts';
import { parseFrame } from '../wire/frame.ts';
import type { Lab } from './lab.ts';
import { type CipherPlace, ciphersOf, openLab } from './run.ts';
import { labSettings } from './settings.ts';
import { ping, transfer } from './traffic.ts';

const TRANSFER_LIMIT_US = 600_000_000;
const PINGS = 10;
const LOSS = 0.01;
const DELAY_US = 5_000;
const BYTES = 1_000_000;

/** What one topology does with users' frames, as somebody beside it can count it. */
export interface Observation {
  readonly topology: string;
  /** What was sent to count them: echo requests and replies, or bytes over TCP where those are not carried. */
  readonly by: 'ping' | 'tcp';
  /** Layers that sealed or opened, and how often meanwhile. */
  readonly ciphers: readonly CipherPlace[];
  /** Frames at the MAC layer of each device that has tunnels, for each frame of a user; acknowledgements of an outer TCP aside. */
  readonly crossings: readonly { readonly device: string; readonly perFrame: number }[];
  /** TCPs that sent something again in a transfer with 1 % loss. */
  readonly retransmitted: readonly { readonly device: string; readonly tcp: string; readonly segments: number }[];
}

/** Pings over a good way, then a transfer over one that loses 1 %. @throws Error when the session does not come up */
export function observe(topology: string, seed = 1): Observation {
  const lab = openLab(labSettings(topology, { seed, path: { delay_us: DELAY_US } }));
  const by = ping(lab).rtts_us.length > 0 ? 'ping' : 'tcp';
  const before = new Map(ciphersOf(lab).map((place) => [`${place.gateway} ${place.layer}`, place]));
  const counted = countCrossings(lab);
  const users = usersFrames(lab);
  if (by === 'ping') ping(lab, { count: PINGS });
  else for (let sent = 0; sent < PINGS; sent++) transfer(lab, { bytes: 1, limit_us: TRANSFER_LIMIT_US });
  const crossings = counted(users());
  const ciphers = ciphersOf(lab).flatMap((place) => {
    const { sealed = 0, opened = 0 } = before.get(`${place.gateway} ${place.layer}`) ?? {};
    const done = { ...place, sealed: place.sealed - sealed, opened: place.opened - opened };
    return done.sealed + done.opened > 0 ? [done] : [];
  });
  const sentAgain = retransmissions(lab);
  lab.impair({ loss: LOSS });
  transfer(lab, { bytes: BYTES, limit_us: TRANSFER_LIMIT_US });
  const retransmitted = retransmissions(lab).flatMap((after, at) => {
    const segments = after.segments - sentAgain[at].segments;
    return segments > 0 ? [{ ...after, segments }] : [];
  });
  return { topology, by, ciphers, crossings, retransmitted };
}

/**
 * Frames at the taps M (below the MAC layer) from now on; the function tells how many there were for each of so many users' frames, to
 * two digits: an outer TCP may put two frames into one segment.
 */
function countCrossings(lab: Lab): (users: number) => Observation['crossings'] {
  const counts = lab.plan.devices.flatMap(({ name, taps = {} }) => {
    const place = Object.keys(taps).find((tap) => tap.startsWith('M'));
    return place === undefined ? [] : [{ device: name, place, frames: 0 }];
  });
  const isOuter = outerOf(lab);
  const ends = counts.map((count) =>
    lab.tap(count.place, ({ bytes }) => {
      if (!isOuter(bytes) || !isBareTcp(bytes)) count.frames += 1;
    }),
  );
  return (users) => {
    for (const end of ends) end();
    return counts.map(({ device, frames }) => ({ device, perFrame: Number((frames / users).toFixed(2)) }));
  };
}

/** Counts users' IP packets where the sending host lets go of them: on its cable, or where a gateway inside the host takes them over. */
function usersFrames(lab: Lab): () => number {
  const [{ device }] = lab.plan.ends as readonly [EndPlan];
  const within = Object.keys(lab.plan.devices.find(({ name }) => name === device)?.taps ?? {});
  const cable = lab.plan.cables.find(({ a, b }) => a.device === device || b.device === device)?.name ?? '';
  const place = (isTunnelEnd(lab, device) && within.find((tap) => tap.startsWith('V'))) || cable;
  const isOuter = outerOf(lab);
  let frames = 0;
  const end = lab.tap(place, ({ bytes }) => {
    if (parseFrame(bytes).ip !== undefined && !isOuter(bytes)) frames += 1;
  });
  return () => {
    end();
    return frames;
  };
}

function isTunnelEnd({ plan }: Lab, device: string): boolean {
  return plan.tunnels.some((tunnel) => tunnel.device === device);
}

/** Whether an IP packet is of a tunnel itself: neither from nor to a host whose application sends and receives. */
function outerOf({ plan }: Lab): (bytes: Uint8Array) => boolean {
  const users = new Set(plan.ends.map(({ address }) => address));
  return (bytes) => {
    const { ip } = parseFrame(bytes);
    return ip !== undefined && !users.has(ip.source) && !users.has(ip.destination);
  };
}

function isBareTcp(bytes: Uint8Array): boolean {
  const { tcp, payloadOffset, payloadEnd } = parseFrame(bytes);
  return tcp !== undefined && payloadEnd === payloadOffset;
}

function retransmissions(lab: Lab): { device: string; tcp: string; segments: number }[] {
  return Object.values(lab.devices).flatMap(({ name, layers }) =>
    layers
      .filter(({ kind }) => kind === 'tcp')
      .map((layer) => ({ device: name, tcp: layer.label, segments: (layer as TcpLayer).retransmissions })),
  );
}
