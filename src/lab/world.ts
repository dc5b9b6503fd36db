import { SeededRandom } from '../actors/random.ts';
import type { Scheduler } from '../actors/scheduler.ts';
import { ModelProvider } from '../actors/ssl/tls-model.ts';
import type { JournalTap } from '../actors/tap.ts';
import { World, type WorldTls } from '../actors/world.ts';
import type { AeadProvider } from '../engine/crypto/suite.ts';
import { createVault, PROCESS_SECRET_BYTES, type Vault } from '../engine/crypto/vault.ts';

const MODEL_CA = 'lab CA';

/** What one gateway has to show, where a test wants something else than a good certificate. */
export interface LabIdentity {
  /** Name in its certificate. */
  readonly name?: string;
  readonly issuer?: string;
  readonly validity?: 'valid' | 'expired' | 'not-yet-valid';
  readonly certificate?: false;
  readonly protocol?: 'TLSv1.2';
  /** Its key is on the other side's revocation list. */
  readonly revoked?: true;
}

/** What the world of a lab is made of. */
export interface LabWorldOptions {
  readonly scheduler: Scheduler;
  readonly seed: number;
  readonly tap: JournalTap;
  readonly aead: AeadProvider;
  readonly identities?: Readonly<Record<string, LabIdentity>>;
  /** Hears every secret of the run. Only for the test that searches outputs for them. */
  readonly onSecret?: (bytes: Uint8Array) => void;
}

/** A world of virtual time in which everything follows from the seed; TLS is the model of it, without security. */
export function labWorld({ scheduler, seed, tap, aead, identities = {}, onSecret }: LabWorldOptions): World {
  const vaults = new Map<string, Vault>();
  const vaultOf = (device: string): Vault => {
    const known = vaults.get(device);
    if (known !== undefined) return known;
    const secret = new SeededRandom(seed, `secret of ${device}`).bytes(PROCESS_SECRET_BYTES);
    const made = createVault({ provider: aead, secret, ...(onSecret && { onSecret }) });
    vaults.set(device, made);
    return made;
  };
  return new World({
    scheduler,
    random: new SeededRandom(seed, 'world'),
    vaultOf,
    tls: modelTls(seed, vaultOf, identities),
    tap,
  });
}

function modelTls(
  seed: number,
  vaultOf: (device: string) => Vault,
  identities: Readonly<Record<string, LabIdentity>>,
): WorldTls {
  const revokedKeys = Object.entries(identities).flatMap(([device, { revoked }]) => (revoked ? [keyOf(device)] : []));
  const providers = new Map<string, ModelProvider>();
  const make = (device: string): ModelProvider => {
    const { name = device, issuer = MODEL_CA, validity = 'valid', certificate, protocol } = identities[device] ?? {};
    return new ModelProvider({
      seed,
      device,
      ...(certificate !== false && { certificate: { names: [name], issuer, validity, key: keyOf(device) } }),
      trust: { authorities: [MODEL_CA], revokedKeys },
      keys: { importSecret: (bytes) => vaultOf(device).importBase(bytes) },
      ...(protocol && { protocol }),
    });
  };
  return {
    open(device, _engine, options, onEvent) {
      const provider = providers.get(device) ?? make(device);
      providers.set(device, provider);
      return provider.open(options, onEvent);
    },
  };
}

function keyOf(device: string): string {
  return `key of ${device}`;
}
