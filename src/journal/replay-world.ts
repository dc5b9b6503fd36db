import type { RandomSource } from '../actors/random.ts';
import type { Scheduled, Scheduler } from '../actors/scheduler.ts';
import type { TlsEngine } from '../actors/ssl/tls-provider.ts';
import type { WorldTls } from '../actors/world.ts';
import type { Vault } from '../engine/crypto/vault.ts';

/** Stands at the recorded input's time. Nothing that is scheduled ever runs: timers fire where the journal says that they did. */
export class ReplayClock implements Scheduler {
  time: () => number = () => 0;

  now_us(): number {
    return this.time();
  }

  at(): Scheduled {
    return { cancelled: false };
  }
}

/** Only asked by a replay that has diverged: recorded draws come as answers. */
export const NO_RANDOM: RandomSource = { bytes: (length) => new Uint8Array(length) };

const SECRET_BYTES = 32;

/** TLS without TLS: what it told is in the journal as inputs. Exported secrets are ids in the real order. */
export function replayTls(vaultOf: (device: string) => Vault): WorldTls {
  const engine = (device: string): TlsEngine => ({
    start: () => {},
    receive: () => {},
    receiveEnd: () => {},
    write: () => true,
    exportSecret: () => vaultOf(device).importBase(new Uint8Array(SECRET_BYTES)),
    end: () => {},
    destroy: () => {},
  });
  return { open: engine, reopen: engine };
}
