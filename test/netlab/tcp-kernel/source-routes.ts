import { equal } from 'node:assert/strict';
import { type HostName, sysctl } from '../../../src/transport/netlab/index.ts';
import type { Cases } from './cases.ts';
import { FAR, type Lab, type Role, TWIN } from './lab.ts';
import { arrived, bothClosed, endOf, MB, NAMES, ROLES } from './steps.ts';

const BYTES = MB;
/** Payload of a full segment with timestamps and a route over one hop. */
const SEGMENT_BYTES = 1_440;
const BOTH_WAYS = 2;

/** Kernels that take, and pass on, packets with source routes; they refuse them otherwise. */
async function routes(host: HostName, on: boolean): Promise<void> {
  const bit = on ? '1' : '0';
  await sysctl(host, {
    'net.ipv4.conf.all.accept_source_route': bit,
    'net.ipv4.conf.eth0.accept_source_route': bit,
    'net.ipv4.ip_forward': bit,
  });
}

/** A megabyte each way between our TCP and a kernel's, over a third one as the hop: all segments of both pass it. */
async function overHop(lab: Lab, opener: Role, tcp: object): Promise<Record<string, unknown>> {
  const forwarded = async (): Promise<number> => (await lab.kernelCounters(TWIN.host)).IpForwDatagrams ?? 0;
  await lab.configure({}, { tcp });
  for (const host of [FAR.host, TWIN.host]) await routes(host, true);
  try {
    const before = await forwarded();
    const pair = await lab.open(opener, {}, 4, [TWIN.ip]);
    for (const role of ROLES)
      endOf(lab, role).order({ order: 'send', id: pair[role], bytes: BYTES, seed: 3, close: true });
    for (const role of ROLES) await arrived(lab, pair, role, BYTES);
    await bothClosed(lab, pair);
    const segments = (await forwarded()) - before;
    equal(segments >= BOTH_WAYS * Math.ceil(BYTES / SEGMENT_BYTES), true, `${segments} packets passed the hop`);
    return { forwarded: segments };
  } finally {
    for (const host of [FAR.host, TWIN.host]) await routes(host, false);
  }
}

export const SOURCE_ROUTES: Cases = {
  [`MUST-51: ${NAMES.ours} opens over a hop, and ${NAMES.far} answers over it`]: (lab) => overHop(lab, 'ours', {}),
  [`MUST-53: ${NAMES.far} opens over a hop, and ${NAMES.ours} answers over it`]: (lab) =>
    overHop(lab, 'far', { sourceRoutes: 'accept' }),
};
