import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/actors/tap.ts';
import { MemoryJournal } from '../../src/journal/memory.ts';
import { verifyJournal } from '../../src/journal/replay.ts';
import { labBuilder } from '../../src/lab/replay-builder.ts';
import { ping } from '../../src/lab/traffic.ts';
import { buildTcpFrame } from '../../src/wire/build.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { SECOND_US, upLab } from './support.ts';

const SECRET = 'password=hunter2';

/** A frame of a user whose payload begins as a leg packet of 512 bytes does. */
function usersFrame(): Uint8Array {
  const payload = new Uint8Array(1_000);
  payload.set([0x42, 0x31, 0x02, 0x00]);
  payload.set(new TextEncoder().encode(SECRET), 20);
  const tcp = { sourcePort: 40_000, destinationPort: 80, seq: 1, ack: 1, flags: Flag.ACK | Flag.PSH, window: 1000 };
  const ethernet = { source: 0x0200_0000_0a01, destination: 0x0200_0000_0a02 };
  return buildTcpFrame({ ethernet, ip: { source: 0x0a09_0001, destination: 0x0a09_0002 }, tcp }, payload);
}

function holds(records: readonly JournalRecord[], text: string): boolean {
  const contains = (data: unknown): boolean =>
    data instanceof Uint8Array
      ? Buffer.from(data).includes(text)
      : typeof data === 'object' && data !== null && Object.values(data).some(contains);
  return records.some(({ data }) => contains(data));
}

describe('what a journal of gateways keeps', () => {
  it.each(['e2', 'e4', 'e8', 'prior-art-2'])(
    'is nothing of a payload that looks like a leg packet, on any port: %s',
    (topology) => {
      const records: JournalRecord[] = [];
      const lab = upLab(topology, {}, { journal: { level: 'full', record: (record) => void records.push(record) } });
      const before = records.length;
      lab.devices.gateway20.input({ kind: 'frame', port: '2013', bytes: usersFrame(), checksum: 'good' });
      lab.run(SECOND_US);
      const ofIt = records
        .slice(before)
        .filter(({ kind }) => kind === 'input' || kind === 'answer' || kind === 'crossing');
      expect(ofIt.length).toBeGreaterThan(10);
      expect(holds(records, SECRET)).toBe(false);
      expect(holds(records, 'hunter2')).toBe(false);
    },
  );

  it.each(['e2', 'e4'])('replays equal when the parts of cut pings arrive in another order: %s', (topology) => {
    const journal = new MemoryJournal('inputs');
    const lab = upLab(topology, { seed: 1, hostMtu: 1500, path: { delay_us: 5_000, reorder: 0.3 } }, { journal });
    expect(ping(lab, { count: 12, length: 1440, interval_us: 200_000 }).rtts_us.length).toBeGreaterThan(8);
    expect(verifyJournal(journal, labBuilder)).toMatchObject({ equal: true });
  });
});
