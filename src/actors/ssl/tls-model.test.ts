import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelProvider } from './tls-model.ts';
import type { KeySink, TlsEvent, TlsOpen } from './tls-provider.ts';

const trust = { authorities: ['CA'], revokedKeys: [] };
const secrets: Uint8Array[] = [];
const keys: KeySink = { importSecret: (bytes) => secrets.push(bytes) };
const asClient: TlsOpen = { role: 'client', peer: { names: ['b'], pins: [] }, sessionLabel: 'one' };
const asServer: TlsOpen = { role: 'server', peer: { names: ['a'], pins: [] }, sessionLabel: 'one' };

function provider(name: string, seed = 1): ModelProvider {
  return new ModelProvider({
    seed,
    device: name,
    certificate: { names: [name], issuer: 'CA', validity: 'valid', key: name },
    trust,
    keys,
  });
}

/** A whole session, with both sides saved and restored before each step if asked; all events in order. */
function session(seed: number, restoring: boolean): string[] {
  const log: string[] = [];
  const line: { to: 'a' | 'b'; bytes: Uint8Array }[] = [];
  const [a, b] = [provider('a', seed), provider('b', seed)];
  const hear = (side: 'a' | 'b') => (event: TlsEvent) => {
    const bytes = 'bytes' in event ? Buffer.from(event.bytes).toString('hex') : JSON.stringify(event);
    log.push(`${side} ${event.kind} ${bytes}`);
    if (event.kind === 'output') line.push({ to: side === 'a' ? 'b' : 'a', bytes: event.bytes });
  };
  const engines = { a: a.open(asClient, hear('a')), b: b.open(asServer, hear('b')) };
  const refresh = () => {
    if (!restoring) return;
    engines.a = a.restore(asClient, hear('a'), JSON.parse(JSON.stringify(engines.a.save(), plain), revive));
    engines.b = b.restore(asServer, hear('b'), engines.b.save());
  };
  const deliver = () => {
    for (let next = line.shift(); next !== undefined; next = line.shift()) {
      for (const piece of [next.bytes.slice(0, 9), next.bytes.slice(9)]) {
        refresh();
        engines[next.to].receive(piece);
      }
    }
  };
  engines.b.start();
  engines.a.start();
  deliver();
  const exported = [engines.a, engines.b].map((engine) => engine.exportSecret('label', new Uint8Array(3), 32)!);
  log.push(...exported.map((id) => Buffer.from(secrets[id - 1]).toString('hex')));
  engines.a.write(Buffer.from('hello'));
  deliver();
  engines.b.end();
  deliver();
  return log;
}

const plain = (_key: string, value: unknown) =>
  value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value;
const revive = (_key: string, value: { hex?: string }) =>
  typeof value?.hex === 'string' ? new Uint8Array(Buffer.from(value.hex, 'hex')) : value;

describe('the model provider', () => {
  it('does the same for the same seed and other things for another', () => {
    expect(session(1, false)).toEqual(session(1, false));
    expect(session(1, false)).not.toEqual(session(2, false));
  });

  it('goes on from a saved state as if nothing had happened', () => {
    const log = session(1, true);
    expect(log.some((entry) => entry.startsWith('b data'))).toBe(true);
    expect(log.at(-1)).toMatch(/^b ended/);
    expect(log).toEqual(session(1, false));
  });

  it('gives each of its sessions other random values, also after its count was restored', () => {
    const hello = (from: ModelProvider) => {
      const outputs: string[] = [];
      const engine = from.open(asClient, (event) => {
        if (event.kind === 'output') outputs.push(Buffer.from(event.bytes).toString('hex'));
      });
      engine.start();
      return outputs[0];
    };
    const first = provider('a');
    const one = hello(first);
    const two = hello(first);
    expect(one).not.toBe(two);
    const again = provider('a');
    again.restoreCount(1);
    expect(hello(again)).toBe(two);
  });

  it.each(['client', 'server'] as const)('a %s never throws, and ends at most once, whatever comes', (role) => {
    const header = fc.constantFrom(
      [],
      [0x16, 3, 1, 0, 40, 1, 0, 0, 36],
      [0x16, 3, 3],
      [0x15, 3, 3, 0, 2],
      [0x17, 3, 3, 0, 40],
      [0x14, 3, 3, 0, 1, 1],
    );
    const piece = fc
      .tuple(header, fc.uint8Array({ maxLength: 80 }))
      .map(([start, rest]) => Uint8Array.from([...start, ...rest]));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const kinds: string[] = [];
        const engine = provider('a').open({ ...asClient, role }, (event) => kinds.push(event.kind));
        engine.start();
        for (const bytes of pieces) engine.receive(bytes);
        engine.receiveEnd();
        expect(kinds.filter((kind) => kind === 'failed')).toHaveLength(1);
        expect(kinds.at(-1)).toBe('failed');
      }),
      { numRuns: 300 },
    );
  });

  it('a cut or changed ClientHello is refused with a reason', () => {
    const outputs: Uint8Array[] = [];
    provider('a')
      .open(asClient, (event) => event.kind === 'output' && outputs.push(event.bytes))
      .start();
    fc.assert(
      fc.property(fc.nat(1400), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const hello = Uint8Array.from(outputs[0]);
        hello[at] ^= change;
        const events: TlsEvent[] = [];
        const server = provider('b').open(asServer, (event) => events.push(event));
        server.start();
        server.receive(hello);
        server.receiveEnd();
        expect(events.at(-1)?.kind).toBe('failed');
      }),
      { numRuns: 300 },
    );
  });
});
