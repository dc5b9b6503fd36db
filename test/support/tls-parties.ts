import tls from 'node:tls';
import { ModelProvider } from '../../src/actors/ssl/tls-model.ts';
import type { ModelCertificate } from '../../src/actors/ssl/tls-model-certificate.ts';
import type { KeySink, TlsEngine, TlsEvent, TlsOpen, TlsProvider } from '../../src/actors/ssl/tls-provider.ts';
import { ByteDuplex } from '../../src/transport/tls/byte-duplex.ts';
import {
  createAuthority,
  createCrl,
  describeCertificate,
  issueCertificate,
  type KeyPairPem,
} from '../../src/transport/tls/certificates.ts';
import { OpensslProvider } from '../../src/transport/tls/openssl.ts';
import { untilQuiet } from '../../src/transport/tls/quiet.ts';

/** Two kinds of parties with the same names and the same faults, one for each provider, for the contract's tests. */

export const CLIENT_NAME = 'gateway20';
export const SERVER_NAME = 'gateway30';

export type Fault = 'untrusted' | 'expired' | 'not-yet-valid' | 'revoked' | 'no-certificate' | 'tls-1.2';
export type Role = 'client' | 'server';

export interface PartyMaker {
  readonly name: 'openssl' | 'model';
  make(role: Role, keys: KeySink, fault?: Fault): TlsProvider;
  pinOf(role: Role): string;
  /** Resolves when no provider of this maker has anything left to say. */
  settle(): Promise<void>;
}

const YEAR_MS = 365 * 86_400_000;

export async function opensslParties(): Promise<PartyMaker> {
  const now = new Date();
  const years = (count: number) => new Date(now.getTime() + count * YEAR_MS);
  const ca = await createAuthority('test CA', now);
  const stranger = await createAuthority('test CA', now);
  const pairs = new Map<string, KeyPairPem>();
  for (const name of [CLIENT_NAME, SERVER_NAME]) {
    pairs.set(name, await issueCertificate(ca, name, now));
    pairs.set(`${name} untrusted`, await issueCertificate(stranger, name, now));
    pairs.set(`${name} expired`, await issueCertificate(ca, name, years(-2), 365));
    pairs.set(`${name} not-yet-valid`, await issueCertificate(ca, name, years(1)));
    pairs.set(`${name} revoked`, await issueCertificate(ca, name, now));
  }
  const revoked = [...pairs].filter(([name]) => name.endsWith('revoked'));
  const serials = revoked.map(([, pair]) => ({ serial: describeCertificate(pair.certificate).serial, revokedAt: now }));
  const crl = await createCrl(ca, serials, 1, now);
  const providers: OpensslProvider[] = [];
  const pairOf = (role: Role, fault?: Fault) => pairs.get([nameOf(role), fault].filter(Boolean).join(' '))!;
  return {
    name: 'openssl',
    make(role, keys, fault) {
      if (fault === 'no-certificate' || fault === 'tls-1.2')
        return new PlainTlsClient(ca.certificate, pairOf(role), fault);
      const provider = new OpensslProvider({ credentials: { ...pairOf(role, fault), ca: ca.certificate, crl }, keys });
      providers.push(provider);
      return provider;
    },
    pinOf: (role) => describeCertificate(pairOf(role).certificate).pin,
    async settle() {
      for (let round = 0; round < 3; round++) for (const provider of providers) await provider.idle();
    },
  };
}

export function modelParties(pin: (key: string) => string): PartyMaker {
  const make = (role: Role, keys: KeySink, fault?: Fault) => {
    const certificate: ModelCertificate = {
      names: [nameOf(role)],
      issuer: fault === 'untrusted' ? 'stranger' : 'test CA',
      validity: fault === 'expired' || fault === 'not-yet-valid' ? fault : 'valid',
      key: fault === 'revoked' ? 'stolen' : nameOf(role),
    };
    return new ModelProvider({
      seed: 7,
      device: nameOf(role),
      certificate: fault === 'no-certificate' ? undefined : certificate,
      trust: { authorities: ['test CA'], revokedKeys: ['stolen'] },
      keys,
      protocol: fault === 'tls-1.2' ? 'TLSv1.2' : 'TLSv1.3',
    });
  };
  return { name: 'model', make, pinOf: (role) => pin(nameOf(role)), settle: async () => {} };
}

function nameOf(role: Role): string {
  return role === 'client' ? CLIENT_NAME : SERVER_NAME;
}

/** A client that breaks the rules of the `openssl` provider: no certificate, or TLS 1.2 at most. */
class PlainTlsClient implements TlsProvider {
  readonly name = 'openssl';
  readonly #settings: tls.ConnectionOptions;

  constructor(ca: string, pair: KeyPairPem, fault: 'no-certificate' | 'tls-1.2') {
    this.#settings =
      fault === 'tls-1.2' ? { ca, cert: pair.certificate, key: pair.privateKey, maxVersion: 'TLSv1.2' } : { ca };
  }

  open(_options: TlsOpen, events: (event: TlsEvent) => void): TlsEngine {
    const duplex = new ByteDuplex((bytes) => events({ kind: 'output', bytes }));
    const settings = { ...this.#settings, socket: duplex, checkServerIdentity: () => undefined };
    return {
      start: () => {
        const socket = tls.connect(settings);
        socket.resume();
        socket.on('error', (error) => events({ kind: 'failed', reason: 'alert', detail: error.message }));
      },
      receive: (bytes) => void duplex.push(Uint8Array.from(bytes)),
      receiveEnd: () => {},
      write: () => false,
      exportSecret: () => undefined,
      end: () => {},
      destroy: () => duplex.destroy(),
    };
  }
}

/** A sink that keeps what it gets, for tests to compare. */
export class KeptSecrets implements KeySink {
  readonly secrets: Uint8Array[] = [];

  importSecret(bytes: Uint8Array): number {
    return this.secrets.push(bytes);
  }
}

/** Waits until `log` stops growing, for parties whose provider has no `idle`. */
export function untilStill(log: readonly unknown[]): Promise<void> {
  return untilQuiet(
    () => log.length,
    () => false,
  );
}
