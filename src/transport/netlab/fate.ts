/** What a bad line does to frames, in each direction on its own. Ratios are 0 to 1. */
export interface ImpairmentOptions {
  lossRatio?: number;
  /** Loss in bursts (Gilbert and Elliott): probabilities, per frame, to fall into a bad time and out of it, and the loss while it lasts. */
  burst?: { enterRatio: number; leaveRatio: number; lossRatio: number };
  duplicateRatio?: number;
  /** These frames are held back by `reorderDelay_ms` more, so that later ones overtake them. */
  reorderRatio?: number;
  reorderDelay_ms?: number;
  /** One bit of these frames, behind the Ethernet header, is turned over. */
  corruptRatio?: number;
  delay_ms?: number;
  /** Each frame takes up to so much longer; none overtakes another by it. */
  jitter_ms?: number;
  /** A bottleneck: so many bits of frames in a second (Ethernet header counted), with a queue of `queueBytes` that drops what comes when it is full. */
  rate_bps?: number;
  queueBytes?: number;
  /** Packets of senders that understand marks (ECN) are marked instead of lost: so many by chance, and all that find so many bytes in the bottleneck's queue. */
  markRatio?: number;
  markBytes?: number;
  /** Longer IP packets are dropped. With `mtuRouter` (an address, of either family) a router of that address tells so by ICMP, without it none does. */
  mtu?: number;
  mtuRouter?: string;
  /** Only frames of this direction meet all this; default: both, each on its own. */
  direction?: 'near-to-far' | 'far-to-near';
  /** The same seed and the same frames give the same fate to each frame. Default 1. */
  seed?: number;
}

/** What becomes of one frame. */
export interface Fate {
  /** When its copies go out, in milliseconds from when it left the bottleneck. Empty: lost. */
  readonly delays_ms: readonly number[];
  /** Times that another delay is added: 0 to 1 of the jitter. */
  readonly jitter: number;
  /** 0 to 1: which of its bits is turned over; undefined for none. */
  readonly corrupt: number | undefined;
  readonly marks: boolean;
}

/** Decides for one direction; the options may change on the way. Draws the same number of random values for every frame, so that fates don't shift. */
export function fateSource(options: ImpairmentOptions, direction: number): (now?: ImpairmentOptions) => Fate {
  const random = mulberry32((options.seed ?? 1) * 2 + direction);
  let bad = false;
  return (now = options) => {
    const { burst, lossRatio = 0, duplicateRatio = 0, reorderRatio = 0, reorderDelay_ms = 1 } = now;
    const { corruptRatio = 0, delay_ms = 0, markRatio = 0 } = now;
    const [loss, duplicate, reorder, turn] = [random(), random(), random(), random()];
    const [burstLoss, jitter, corrupt, bit] = [random(), random(), random(), random()];
    bad = burst !== undefined && (bad ? turn >= burst.leaveRatio : turn < burst.enterRatio);
    const isLost = loss < lossRatio || (bad && burstLoss < (burst?.lossRatio ?? 0));
    const at = reorder < reorderRatio ? delay_ms + reorderDelay_ms : delay_ms;
    const delays_ms = isLost ? [] : duplicate < duplicateRatio ? [at, at] : [at];
    // From the other end of the draw that loses: with and without marks the other fates are the same.
    const marks = loss >= 1 - markRatio;
    return { delays_ms, jitter, corrupt: corrupt < corruptRatio ? bit : undefined, marks };
  };
}

/** A small seeded generator, 0 <= x < 1 (Tommy Ettinger's mulberry32, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
