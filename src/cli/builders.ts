import { GATEWAY_BUILDER } from '../config/gateway-builder.ts';
import { LAB_BUILDER } from '../lab/lab.ts';
import type { BuilderLoaders } from './replay.ts';

/** Builders of the devices of a journal, by the name in its config record. */
export const BUILDERS: BuilderLoaders = {
  [LAB_BUILDER]: async () => (await import('../lab/replay-builder.ts')).labBuilder,
  [GATEWAY_BUILDER]: async () => (await import('../config/gateway-builder.ts')).gatewayBuilder,
};
