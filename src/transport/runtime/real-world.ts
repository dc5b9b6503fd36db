import { randomBytes } from 'node:crypto';
import type { RandomSource } from '../../actors/random.ts';
import type { Scheduled, Scheduler } from '../../actors/scheduler.ts';
import type { TlsEvent, TlsProvider } from '../../actors/ssl/tls-provider.ts';
import type { JournalTap } from '../../actors/tap.ts';
import { World, type WorldTls } from '../../actors/world.ts';
import { createVault, PROCESS_SECRET_BYTES, type Vault } from '../../engine/crypto/vault.ts';
import { opensslProvider } from '../openssl/aead.ts';
import { OpensslProvider, type TlsCredentials } from '../tls/openssl.ts';

/** Runs work whose errors must not end the process. */
export type Guard = (work: () => void) => void;

/** A vault with OpenSSL's ciphers and a fresh secret of this process. `onSecret` is for the test that searches outputs for secrets. */
export function realVault(onSecret?: (bytes: Uint8Array) => void): Vault {
  const secret = Uint8Array.from(randomBytes(PROCESS_SECRET_BYTES));
  const vault = createVault({ provider: opensslProvider, secret, onSecret });
  secret.fill(0);
  return vault;
}

/** TLS whose exported secrets go into `vault` and nowhere else. */
export function opensslTls(credentials: TlsCredentials, vault: Vault): TlsProvider {
  const importSecret = (bytes: Uint8Array): number => {
    const id = vault.importBase(bytes);
    bytes.fill(0);
    return id;
  };
  return new OpensslProvider({ credentials, keys: { importSecret } });
}

/** The world of a gateway process: one device, true time, true secrets. */
export function realWorld(parts: {
  clock: Scheduler;
  random: RandomSource;
  vault: Vault;
  /** Left out where no tunnel ends. */
  tls?: TlsProvider;
  tap: JournalTap;
  guard: Guard;
}): World {
  return new World({
    scheduler: guardedClock(parts.clock, parts.guard),
    random: parts.random,
    vaultOf: () => parts.vault,
    ...(parts.tls && { tls: worldTls(parts.tls, parts.guard) }),
    tap: parts.tap,
  });
}

function guardedClock(clock: Scheduler, guard: Guard): Scheduler {
  return {
    now_us: () => clock.now_us(),
    at: (time_us: number, call: () => void): Scheduled => clock.at(time_us, () => guard(call)),
  };
}

function worldTls(provider: TlsProvider, guard: Guard): WorldTls {
  return {
    open: (_device, _engine, options, onEvent) =>
      provider.open(options, (event: TlsEvent) => guard(() => onEvent(event))),
  };
}
