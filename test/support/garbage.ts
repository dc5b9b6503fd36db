import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Until all garbage is gone. */
export function collectGarbage(): void {
  collect();
  collect();
}

/** Bytes of the heap that are in use once all garbage is gone. */
export function liveHeap_bytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
