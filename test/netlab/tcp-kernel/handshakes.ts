import { deepEqual, equal } from 'node:assert/strict';
import type { Cases } from './cases.ts';
import type { KernelSettings, Lab, Role } from './lab.ts';
import { arrived, bothClosed, endOf, inBothRoles, move, NAMES, ROLES } from './steps.ts';

type Scale = 'off' | 0 | 7 | 14;
interface Options {
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly scale: Scale;
}

const BOTH = [true, false] as const;
const SCALES: readonly Scale[] = ['off', 0, 7, 14];
const COMBINATIONS: readonly Options[] = BOTH.flatMap((sack) =>
  BOTH.flatMap((timestamps) => SCALES.map((scale) => ({ sack, timestamps, scale }))),
);
const BYTES = 300_000;
const MAX_WINDOW_FIELD = 0xffff;
/** The scale that a receive buffer of so many bytes asks for is the one. */
const bufferBytes = (scale: Scale): number => MAX_WINDOW_FIELD * 2 ** (scale === 'off' ? 0 : scale);

const asOurs = ({ sack, timestamps, scale }: Options): object => ({
  sack,
  timestamps,
  windowScale: scale !== 'off',
  receiveBufferBytes: bufferBytes(scale),
});

const asKernel = ({ sack, timestamps, scale }: Options): KernelSettings => ({
  sack,
  timestamps,
  windowScaling: scale !== 'off',
  receiveBytes: bufferBytes(scale),
  // The kernel takes the larger of its two limits on a buffer, unless the route has a word.
  ...(scale === 0 && { window: MAX_WINDOW_FIELD }),
});

/** What `ss` prints of a connection's options; scales are those of the other side and of the kernel. */
function told(text: string): { sack: boolean; timestamps: boolean; scales: string | undefined } {
  return {
    sack: /\ssack\s/.test(text),
    timestamps: /\sts\s/.test(text),
    scales: /\swscale:(\d+,\d+)/.exec(text)?.[1],
  };
}

async function variant(lab: Lab, opener: Role, varied: Role, options: Options): Promise<void> {
  await lab.configure(varied === 'ours' ? asOurs(options) : { receiveBufferBytes: bufferBytes(7) });
  await lab.kernel(varied === 'far' ? asKernel(options) : { receiveBytes: bufferBytes(7) });
  const pair = await lab.open(opener);
  const [ours, kernels] = varied === 'ours' ? [options.scale, 7] : [7, options.scale];
  const scales = options.scale === 'off' ? undefined : `${ours},${kernels}`;
  const what = `${JSON.stringify(options)} of ${NAMES[varied]}`;
  deepEqual(told(await lab.socket(pair.port)), { sack: options.sack, timestamps: options.timestamps, scales }, what);
  for (const role of ROLES)
    endOf(lab, role).order({ order: 'send', id: pair[role], bytes: BYTES, seed: 3, close: true });
  for (const role of ROLES) await arrived(lab, pair, role, BYTES);
  await bothClosed(lab, pair);
}

const VARIANTS: Cases = Object.fromEntries(
  ROLES.flatMap((opener) =>
    ROLES.map((varied) => [
      `${NAMES[opener]} opens, options of ${NAMES[varied]} in all ${COMBINATIONS.length} combinations`,
      async (lab: Lab) => {
        for (const options of COMBINATIONS) await variant(lab, opener, varied, options);
        return undefined;
      },
    ]),
  ),
);

/** Sizes of segments that both sides agree on, timestamps not counted. */
const TINY_BYTES = [64, 88, 100] as const;
const HUGE_BYTES = 8_960;
const HEADERS_BYTES = 40;
const TIMESTAMPS_BYTES = 12;

/** Bytes go over, in about as few segments as the size allows. */
async function sized(lab: Lab, sender: Role, mss: number, bytes: number): Promise<Record<string, unknown>> {
  const counter = sender === 'ours' ? 'TcpInSegs' : 'TcpOutSegs';
  const count = async (): Promise<number> => (await lab.kernelCounters())[counter] ?? 0;
  const pair = await lab.open(sender);
  const before = await count();
  const moved = await move(lab, pair, sender, bytes);
  const segments = (await count()) - before;
  const least = Math.ceil(bytes / (mss - TIMESTAMPS_BYTES));
  equal(segments >= least && segments < 1.5 * least, true, `${segments} segments, at least ${least}`);
  await bothClosed(lab, pair);
  return { ...moved, segments };
}

const SIZES: Cases = {
  ...Object.assign(
    {},
    ...TINY_BYTES.map((mss) =>
      inBothRoles(
        (sender, receiver) => `${sender} sends to ${receiver}, which takes ${mss} bytes in a segment`,
        async (lab, sender) => {
          if (sender === 'ours') await lab.kernel({ advertisedMss: mss });
          else await lab.configure({}, { mtu: mss + HEADERS_BYTES });
          return sized(lab, sender, mss, 100_000);
        },
      ),
    ),
  ),
  ...inBothRoles(
    (sender) => `${sender} sends in segments of ${HUGE_BYTES} bytes`,
    async (lab, sender) => {
      await lab.configure({}, { mtu: HUGE_BYTES + HEADERS_BYTES });
      await lab.kernel({ mtu: HUGE_BYTES + HEADERS_BYTES });
      return sized(lab, sender, HUGE_BYTES, 5_000_000);
    },
  ),
};

const SIMULTANEOUS: Cases = {
  'both open at the same time': async (lab) => {
    await lab.line.change({ delay_ms: 50 });
    const [ourPort, farPort] = [lab.freePort(), lab.freePort()];
    const id = 'both';
    // Learned first: a request for the neighbour would take its time.
    const warm = await lab.open('ours');
    lab.ours.order({ order: 'close', id: warm.ours });
    await bothClosed(lab, warm);
    lab.far.order({ order: 'connect', id, address: '10.77.0.1', port: ourPort, sourcePort: farPort, service: 'sink' });
    lab.ours.order({ order: 'connect', id, address: '10.77.0.2', port: farPort, sourcePort: ourPort, service: 'sink' });
    await Promise.all([lab.ours, lab.far].map((end) => end.heard('connected', { id })));
    const pair = { ours: id, far: id, port: ourPort };
    await move(lab, pair, 'ours', BYTES);
    await bothClosed(lab, pair);
    return undefined;
  },
};

export const HANDSHAKES: Cases = { ...VARIANTS, ...SIZES, ...SIMULTANEOUS };
