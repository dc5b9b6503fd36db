import type { TcpLayer } from '../actors/tcp/layer.ts';
import { parseFrame } from '../wire/frame.ts';
import { Lab } from './lab.ts';
import { type CipherPlace, ciphersOf } from './run.ts';
import { labSettings } from './settings.ts';
import { ping, transfer } from './traffic.ts';

const SET_UP_LIMIT_US = 120_000_000;
const TRANSFER_LIMIT_US = 600_000_000;
const PINGS = 10;
const LOSS = 0.01;
const DELAY_US = 5_000;
const BYTES = 1_000_000;

/** What one topology does with users' frames, as somebody beside it can count it. */
export interface Observation {
  readonly topology: string;
  /** Layers that sealed or opened, and how often in {@link PINGS} pings. */
  readonly ciphers: readonly CipherPlace[];
  /** Frames at the MAC layer of each device that has tunnels, for each user's frame; acknowledgements of an outer TCP aside. */
  readonly crossings: readonly { readonly device: string; readonly perFrame: number }[];
  /** TCPs that sent something again in a transfer with 1 % loss. */
  readonly retransmitted: readonly { readonly device: string; readonly tcp: string; readonly segments: number }[];
}

/** Pings over a good way, then a transfer over one that loses 1 %. @throws Error when the session does not come up */
export function observe(topology: string, seed = 1): Observation {
  const lab = new Lab(labSettings(topology, { seed, path: { delay_us: DELAY_US } }));
  lab.start();
  if (!lab.until(() => lab.isUp, SET_UP_LIMIT_US))
    throw new Error(`${topology}, seed ${seed}: the session does not come up`);
  ping(lab);
  const before = new Map(ciphersOf(lab).map((place) => [`${place.gateway} ${place.layer}`, place]));
  const counted = countCrossings(lab);
  ping(lab, { count: PINGS });
  const crossings = counted();
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
  return { topology, ciphers, crossings, retransmitted };
}

/** Frames at the taps M (below the MAC layer) from now on; the function tells how many there were for each ping message. */
function countCrossings(lab: Lab): () => Observation['crossings'] {
  const counts = lab.plan.devices.flatMap(({ name, taps = {} }) => {
    const place = Object.keys(taps).find((tap) => tap.startsWith('M'));
    return place === undefined ? [] : [{ device: name, place, frames: 0 }];
  });
  const ends = counts.map((count) =>
    lab.tap(count.place, ({ bytes }) => {
      if (!isBareTcp(bytes)) count.frames += 1;
    }),
  );
  return () => {
    for (const end of ends) end();
    return counts.map(({ device, frames }) => ({ device, perFrame: frames / (2 * PINGS) }));
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
