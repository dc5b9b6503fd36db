import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayStatus } from '../runtime/control-protocol.ts';
import type { RunningGateway } from './gateways.ts';
import { mbitPerSecond, type Stage } from './stage.ts';

const PERIOD_MS = 1_000;

interface Sample {
  readonly at_ms: number;
  readonly status: GatewayStatus;
}

/** Shows how the tunnel does until `signal` comes or a gateway ends. */
export async function liveStatus({
  gateways,
  stage,
  signal,
}: {
  gateways: readonly RunningGateway[];
  stage: Stage;
  signal: AbortSignal;
}): Promise<void> {
  let code: number | undefined;
  for (const { exit } of gateways) {
    void exit.then((ended) => {
      code = ended;
    });
  }
  let last: Sample | undefined;
  while (!signal.aborted && code === undefined) {
    const samples = await Promise.all(gateways.map(sample));
    const [near, far] = samples;
    if (near !== undefined && far !== undefined) {
      show(stage, near, far, last);
      last = near;
    }
    await sleep(PERIOD_MS, undefined, { signal }).catch(() => {});
  }
  if (!signal.aborted)
    stage.tell({ step: 'gateway-ended', box: 'demo', ok: false, text: `a gateway ended with code ${code}` });
}

/** Undefined when the gateway has no time to answer. */
async function sample(gateway: RunningGateway): Promise<Sample | undefined> {
  try {
    return { status: await gateway.status(), at_ms: performance.now() };
  } catch {
    return undefined;
  }
}

/** The LAN side and the tunnel side share the interface: what it receives is each LAN frame of either direction once. */
function show(stage: Stage, near: Sample, far: Sample, last: Sample | undefined): void {
  const { framesSealed, framesOpened, interface: port } = near.status;
  const state = near.status.peers[0]?.state ?? 'unknown';
  const drops = sumOfDrops(near.status) + sumOfDrops(far.status);
  const mbit_per_s =
    last === undefined
      ? 0
      : mbitPerSecond(port.bytesReceived - last.status.interface.bytesReceived, near.at_ms - last.at_ms);
  const text = `tunnel ${state} · sealed ${framesSealed} · opened ${framesOpened} · ${mbit_per_s} Mbit/s · drops ${drops} · Ctrl-C ends`;
  stage.printer.status(text, { state, framesSealed, framesOpened, mbit_per_s, drops });
}

function sumOfDrops({ drops }: GatewayStatus): number {
  return drops.reduce((sum, { count }) => sum + count, 0);
}
