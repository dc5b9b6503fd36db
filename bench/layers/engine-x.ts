import { EngineXLayer } from '../../src/actors/engine-x/layer.ts';
import { buildControlFrame } from '../../src/wire/control-frame.ts';
import { buildHairpin } from '../../src/wire/hairpin.ts';
import { engineSession, SOFTWARE_MAC } from '../../test/support/engine-pair.ts';
import { CIPHER_SESSION, cipherBenchmarks } from '../support/cipher-elsewhere.ts';

/** Engine X 2014 with AES-256-GCM of OpenSSL: one operation is one hairpin frame that goes back with its record sealed or opened. */
export const engineXBenchmarks = cipherBenchmarks('engine-x', (host) => {
  const layer = host.attach(new EngineXLayer(host, '2014'), {});
  const session = engineSession(host.vault, 'server', false, 1, CIPHER_SESSION);
  host.inject('upper', host.frame(buildControlFrame({ kind: 'start', session }, SOFTWARE_MAC)));
  return {
    layer,
    port: 'upper',
    asks: (way, record) => host.frame(buildHairpin(way, CIPHER_SESSION, record, SOFTWARE_MAC)),
  };
});
