import { describe, expect, it } from 'vitest';
import { cipherKeys, prepared } from '../../../test/support/cipher-keys.ts';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { recordParameters } from '../../../test/support/record-parameters.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import type { LayerHost } from '../host.ts';
import type { CipherIndication, RecordParameters } from '../services.ts';
import { SECURITY_ENGINE_SESSIONS, SecurityEngineLayer } from './layer.ts';

const TUPLE = { local: 1, localPort: 2, remote: 3, remotePort: 4 };

function install(keys: RecordParameters['keys'], sessionId = 7) {
  const parameters = recordParameters({ receiveConnectionId: 5, sendConnectionId: 5, keys });
  return { kind: 'install', sessionId, tuple: TUPLE, parameters };
}

function engine(role: 'client' | 'server') {
  const host = new TestHost();
  const layer = host.attach(new SecurityEngineLayer(host, '2002S'));
  host.start();
  host.inject('cipher', install(cipherKeys(host.vault, role)));
  const ask = (kind: 'seal' | 'open', record: Uint8Array): CipherIndication => {
    host.inject('cipher', { kind, sessionId: 7, record });
    return host.sentOn<CipherIndication>('cipher').at(-1) as CipherIndication;
  };
  return { host, layer, ask };
}

describe('security engine', () => {
  it('seals and opens in the order of the requests', () => {
    const [client, server] = [engine('client'), engine('server')];
    const sealed = client.ask('seal', prepared());
    const record = sealed.kind === 'seal' ? sealed.record : new Uint8Array(0);
    expect(server.ask('open', record)).toEqual({ kind: 'open', sessionId: 7, record: prepared() });
    expect([client.layer.counters.sealed, server.layer.counters.opened]).toEqual([1, 1]);
  });

  it('gives back as it was what it cannot do: a false tag, keys forgotten, stopped', () => {
    const { ask, host, layer } = engine('server');
    const same = { kind: 'open', sessionId: 7, record: new Uint8Array(90) };
    expect(ask('open', new Uint8Array(90))).toEqual(same);
    host.inject('cipher', { kind: 'forget', sessionId: 7 });
    expect(ask('seal', prepared())).toEqual({ kind: 'seal', sessionId: 7, record: prepared() });
    host.stop();
    expect(ask('open', new Uint8Array(90))).toEqual(same);
    expect(layer.counters.returned).toBe(3);
  });

  it('has room for so many sets of keys, and refuses the rest', () => {
    const { host } = engine('server');
    const keys = cipherKeys(host.vault, 'server', 2);
    for (let id = 8; id <= SECURITY_ENGINE_SESSIONS + 7; id++) host.inject('cipher', install(keys, id));
    expect(host.dropReasons()).toEqual(['too-many-sessions']);
    expect(host.sentOn('cipher')).toEqual([{ kind: 'refused', sessionId: SECURITY_ENGINE_SESSIONS + 7 }]);
  });

  it('goes on from a saved state', () => {
    const { ask, layer } = engine('client');
    ask('seal', prepared({ sequence: 1 }));
    const saved = structuredClone(layer.save());
    const next = ask('seal', prepared({ sequence: 2 }));
    layer.restore(saved);
    expect(ask('seal', prepared({ sequence: 2 }))).toEqual(next);
  });
});

layerCompliance('security engine', (host: LayerHost) => new SecurityEngineLayer(host, '2002S'), [
  { port: 'cipher', message: { kind: 'seal', sessionId: 7, record: prepared() } },
  { port: 'cipher', message: { kind: 'open', sessionId: 7, record: new Uint8Array(80) } },
  { port: 'cipher', message: { kind: 'forget', sessionId: 7 } },
]);
