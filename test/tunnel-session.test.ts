import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { gatewayBuilder } from '../src/config/gateway-builder.ts';
import { pcapngFromJournal } from '../src/journal/pcapng-export.ts';
import { verifyJournal } from '../src/journal/replay.ts';
import type { ReplayResult } from '../src/journal/replay-result.ts';
import { openReader } from '../src/journal/store-reader.ts';
import { describeNamespaces, runScenario, type ScenarioEvent } from './support/netlab.ts';
import { leaks } from './support/secret-search.ts';

const BYTES = 2_000_000;
const TIME_LIMIT_MS = 180_000;
const GATEWAYS = [20, 30] as const;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function session(embodiment: number, f13: string, handshake: string): Promise<Record<string, ScenarioEvent>> {
  const plan = { embodiment, f13, handshake, folder, bytes: BYTES, seconds: 0, capture: true, secrets: true };
  const { events, exitCode, stderr } = await runScenario('tunnel-traffic.ts', [JSON.stringify(plan)], TIME_LIMIT_MS);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return Object.fromEntries(events.map((event) => [event.event, event]));
}

const journalOf = (gateway: number): string => join(folder, `gateway${gateway}.journal`);

function replay(path: string): ReplayResult {
  const reader = openReader(path);
  try {
    return verifyJournal(reader, gatewayBuilder);
  } finally {
    reader.close();
  }
}

/** Changes one bit of the headers of a recorded frame; its number. */
function flipOneInput(path: string): number {
  const db = new DatabaseSync(path);
  const found = db.prepare(
    "SELECT seq, data FROM records WHERE kind = 'input' AND name = 'frame' AND data LIKE '%\"payloadLength\":1%' ORDER BY seq LIMIT 1 OFFSET 20",
  );
  const { seq, data } = found.get() as { seq: number; data: string };
  const frame = JSON.parse(data) as { head: { $b: string } };
  const head = Buffer.from(frame.head.$b, 'base64');
  // In the middle of the destination address of the IP header.
  head[31] ^= 1;
  frame.head.$b = head.toString('base64');
  db.prepare('UPDATE records SET data = ? WHERE seq = ?').run(JSON.stringify(frame), seq);
  db.close();
  return seq;
}

function outputs(): Record<string, Buffer> {
  const names = readdirSync(folder).filter((name) => !name.endsWith('.secrets') && name !== 'keys');
  const files = Object.fromEntries(
    names.filter((name) => !name.endsWith('.sock')).map((name) => [name, readFileSync(join(folder, name))]),
  );
  for (const gateway of GATEWAYS) {
    const reader = openReader(journalOf(gateway));
    const blocks: Uint8Array[] = [];
    pcapngFromJournal(reader, (block) => blocks.push(block.slice()));
    reader.close();
    files[`export of gateway ${gateway}`] = Buffer.concat(blocks);
  }
  return files;
}

function secrets(): Uint8Array[] {
  const run = GATEWAYS.flatMap((gateway) =>
    readFileSync(join(folder, `gateway${gateway}.yaml.secrets`), 'utf8')
      .trim()
      .split('\n'),
  );
  const keys = readdirSync(join(folder, 'keys')).filter((name) => name.endsWith('.key.pem'));
  const privateNumbers = keys.map(
    (name) => createPrivateKey(readFileSync(join(folder, 'keys', name))).export({ format: 'jwk' }).d as string,
  );
  return [
    ...run.map((hex) => Buffer.from(hex, 'hex')),
    ...privateNumbers.map((number) => Buffer.from(number, 'base64url')),
  ];
}

describeNamespaces('a whole session of two gateway processes', () => {
  it.each([
    [2, 'tcp', 'hold'],
    [3, 'tcp', 'hold'],
    [4, 'tcp', 'hold'],
    [2, 'udp', 'immediate'],
    [4, 'udp', 'hold'],
    [3, 'tcp', 'immediate'],
  ])(
    'embodiment %i, F13 %s, handshake %s: clean on the wire, replays equal, tells no secret',
    async (embodiment, f13, handshake) => {
      const { during, curl, state, after, w6, wire } = await session(embodiment, f13, handshake);
      expect(during).toMatchObject({ through: 5, direct: 0 });
      expect(curl.received).toBe(curl.sent);
      expect(state).toMatchObject({ internalErrors: 0, firewall: { invalid: 0 } });
      expect(after).toMatchObject({ through: 0, firewall: { invalid: 0 } });
      expect(w6).toMatchObject({ before: 0, after: 0 });
      expect(wire).toMatchObject({
        clear: 0,
        malformed: [],
        badChecksum: [],
        outOfWindow: [],
        retransmitted: [],
        gap: [],
      });
      expect(wire.packets).toBeGreaterThan(BYTES / 1500);

      expect(secrets().length).toBeGreaterThan(10);
      expect(leaks(secrets(), outputs())).toEqual([]);
      for (const gateway of GATEWAYS)
        expect(replay(journalOf(gateway))).toMatchObject({ equal: true, gaps: 0, cut: false });

      const seq = flipOneInput(journalOf(20));
      const flipped = replay(journalOf(20));
      expect(flipped).toMatchObject({ equal: false, divergence: { what: 'different', inputSeq: seq, altered: seq } });
    },
    TIME_LIMIT_MS,
  );
}, ['nft', 'curl', 'conntrack', 'dumpcap', 'tshark']);
