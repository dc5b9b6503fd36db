import { Bbr, type BbrParts } from './bbr/bbr.ts';
import type { CongestionControl, CongestionName } from './congestion.ts';
import { WindowControl } from './window-control.ts';

/** The algorithm of that name for a new connection. */
export function createCongestion(name: CongestionName, parts: BbrParts): CongestionControl {
  return name === 'bbr' ? new Bbr(parts) : new WindowControl(name, parts.mss);
}
