import { SecurityEngineLayer } from '../../src/actors/security-engine/layer.ts';
import { cipherKeys } from '../../test/support/cipher-keys.ts';
import { recordParameters } from '../../test/support/record-parameters.ts';
import { CIPHER_SESSION, cipherBenchmarks } from '../support/cipher-elsewhere.ts';

/** Security engine 2002S with AES-256-GCM of OpenSSL: one operation is one record that the software has sealed or opened. */
export const securityEngineBenchmarks = cipherBenchmarks('security-engine', (host) => {
  const layer = host.attach(new SecurityEngineLayer(host, '2002S'), {});
  const parameters = recordParameters({ keys: cipherKeys(host.vault) });
  host.inject('cipher', { kind: 'install', sessionId: CIPHER_SESSION, parameters });
  return {
    layer,
    port: 'cipher',
    asks: (kind, record) => ({ kind, sessionId: CIPHER_SESSION, record }),
  };
});
