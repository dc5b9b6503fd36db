import type { CongestionControl, CongestionName } from './congestion.ts';
import { WindowControl } from './window-control.ts';

/** The algorithm of that name for a new connection. */
export function createCongestion(name: CongestionName, mss: number): CongestionControl {
  return new WindowControl(name, mss);
}
