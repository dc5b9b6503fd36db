import { expect, it } from 'vitest';
import { scaleRun } from './support/tcp-scale-run.ts';

/** So that 100 000 connections, both ends, stay below 1 GB with what else a process takes. */
const PER_END_BYTES = 3_500;

it('an idle connection of the TCP layer has no timer and takes little memory', () => {
  expect(scaleRun(6_000).heapPerEnd_bytes).toBeLessThan(PER_END_BYTES);
});
