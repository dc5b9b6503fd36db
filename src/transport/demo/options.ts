import type { HandshakeMode } from '../../actors/services.ts';
import type { F13Shape } from '../../engine/f13.ts';

export type Embodiment = 2 | 3 | 4;

/** How the demo is to be. */
export interface DemoOptions {
  readonly embodiment: Embodiment;
  readonly f13: F13Shape;
  readonly handshake: HandshakeMode;
  /** Of the transfer from terminal 21 to server 31. */
  readonly bytes: number;
  /** End after the transfer. */
  readonly once: boolean;
}

/** The kind of a gateway in an embodiment: with an acceleration engine, in software, or what these are compared with. */
export function kindOf(
  embodiment: Embodiment | 'tcp-over-tcp',
  gateway: 20 | 30,
): 'engine' | 'software' | 'tcp-over-tcp' {
  if (embodiment === 'tcp-over-tcp') return embodiment;
  if (embodiment === 2) return 'engine';
  return embodiment === 3 && gateway === 20 ? 'engine' : 'software';
}

export const EMBODIMENT_TEXT: Readonly<Record<Embodiment, string>> = {
  2: 'embodiment 2: an acceleration engine in both gateways',
  3: 'embodiment 3: an acceleration engine in gateway 20, software in gateway 30',
  4: 'embodiment 4: software in both gateways',
};
