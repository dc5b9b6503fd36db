import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../actors/tap.ts';
import type { Config } from '../../config/schema.ts';
import { configSchema } from '../../config/schema.ts';
import { memoryJournal } from '../../journal/memory.ts';
import { isMulticast, parseIp4, parseMac } from '../../wire/address.ts';
import { buildUdpFrame } from '../../wire/build.ts';
import { controlPath, onlyControlPath } from './control-path.ts';
import { lockInstance } from './instance-lock.ts';
import { freePath, type JournalWish, openRunJournal } from './journal-file.ts';
import { verdictOf } from './offload-edge.ts';
import { kernelMac, ownMac } from './own-mac.ts';
import { RealClock } from './real-clock.ts';
import { secureRandom } from './secure-random.ts';
import { stepText } from './steps.ts';
import { WatchingTap } from './watching-tap.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gg-parts-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function config(more: object = {}): Config {
  return configSchema('gateway').parse({
    name: 'gateway20',
    interface: { name: 'eth0' },
    address: '10.1.0.20/24',
    tls: { ca: 'a', certificate: 'b', key: 'c' },
    listen: { port: 1 },
    peers: [{ name: 'gateway30' }],
    ...more,
  });
}
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
};

describe('ownMac', () => {
  const withMac = (mac: string, name = 'gateway20') => config({ name, interface: { name: 'eth0', mac } });
  it('auto is unicast, locally administered, the same each time, and differs by name and by interface', () => {
    const mac = ownMac(withMac('auto'), '02:00:00:00:00:01');
    expect(ownMac(withMac('auto'), '02:00:00:00:00:01')).toBe(mac);
    expect(Math.floor(mac / 2 ** 40)).toBe(2);
    expect(isMulticast(mac)).toBe(false);
    expect(ownMac(withMac('auto', 'gateway21'), '02:00:00:00:00:01')).not.toBe(mac);
    expect(ownMac(withMac('auto'), '02:00:00:00:00:02')).not.toBe(mac);
  });
  it('can be given, or be that of the interface', () => {
    expect(ownMac(withMac('02:00:00:00:00:99'), '02:00:00:00:00:01')).toBe(parseMac('02:00:00:00:00:99'));
    expect(ownMac(withMac('interface'), '02:00:00:00:00:01')).toBe(parseMac('02:00:00:00:00:01'));
  });
});

describe('kernelMac', () => {
  const inside = (mac: string) =>
    configSchema('host-gateway').parse({ ...config(), role: 'host-gateway', embodiment: 'software', tap: { mac } });
  it('is that of the driver below, or one that the gateway below does not have', () => {
    const driver = configSchema('host').parse({ role: 'host', name: 'terminal21', interface: { name: 'eth0' } });
    expect(kernelMac(driver, 7)).toBe(7);
    expect(kernelMac(inside('02:00:00:00:00:21'), 7)).toBe(parseMac('02:00:00:00:00:21'));
    expect(kernelMac(inside('auto'), 7)).toBe(kernelMac(inside('auto'), 7));
    expect([7, ownMac(inside('auto'), '02:00:00:00:00:01')]).not.toContain(kernelMac(inside('auto'), 7));
  });
});

describe('verdictOf', () => {
  const mac = parseMac('02:00:00:00:00:01')!;
  const ip = { source: parseIp4('10.0.0.1')!, destination: parseIp4('10.0.0.2')! };
  const good = buildUdpFrame(
    { ethernet: { destination: mac, source: mac }, ip, udp: { sourcePort: 1, destinationPort: 2 } },
    new Uint8Array(10),
  );
  const bad = good.slice();
  bad[good.length - 1]! ^= 1;
  it('looks at the sums where the kernel said nothing, and trusts it where it did', () => {
    expect(verdictOf({ bytes: good })).toBe('good');
    expect(verdictOf({ bytes: bad })).toBe('bad');
    expect(verdictOf({ bytes: bad, offload: { checksumValid: true } })).toBe('good');
    expect(verdictOf({ bytes: new Uint8Array(60) })).toBe('none');
  });
});

describe('WatchingTap', () => {
  const record = (kind: JournalRecord['kind']): JournalRecord => ({
    seq: 1,
    time_us: 0,
    device: 'd',
    actor: 'a',
    kind,
    name: 'n',
    data: null,
    cause: 0,
  });
  it('hears machines also where the journal is off, and gives the journal only what it wants', () => {
    const heard: string[] = [];
    const tap = new WatchingTap(undefined, ({ kind }) => heard.push(kind));
    expect(tap.level).toBe('control');
    for (const kind of ['input', 'transition', 'note', 'drop'] as const) tap.record(record(kind));
    expect([heard, tap.kept]).toEqual([['transition', 'note'], 0]);
    const journal = memoryJournal('control');
    const kept = new WatchingTap(journal, () => {});
    for (const kind of ['input', 'transition', 'drop'] as const) kept.record(record(kind));
    expect([journal.records.map(({ kind }) => kind), kept.kept]).toEqual([['transition', 'drop'], 2]);
    expect(new WatchingTap(memoryJournal('frames'), () => {}).level).toBe('frames');
  });
});

describe('steps', () => {
  it('tells set-up steps in words, and nothing of the rest', () => {
    expect(stepText('intermediate-driver', 'command', 'forgeSyn')).toBe('forged SYN given to the local TCP');
    expect(stepText('ssl', 'transition', 'opened.first')).toBe('first record of the peer opened');
    expect(stepText('tcp', 'transition', 'segment.syn')).toBeUndefined();
  });
});

describe('journal of a run', () => {
  const wish = (more: Partial<JournalWish> = {}): JournalWish => ({
    config: config({ journal: { file: 'run.journal' } }),
    folder,
    tls: 'openssl',
    clock: new RealClock(),
    now: new Date('2031-05-01T12:00:00.123Z'),
    snapshot: () => [],
    say: () => {},
    ...more,
  });

  it('never takes the file of an earlier run', () => {
    const first = openRunJournal(wish());
    expect(first?.path).toBe(join(folder, 'run.journal'));
    first?.close();
    const second = openRunJournal(wish());
    expect(second?.path).toBe(join(folder, 'run.20310501T120000Z.journal'));
    second?.close();
    expect(freePath(join(folder, 'no.extension', 'x'), new Date(0))).toBe(join(folder, 'no.extension', 'x'));
  });

  it('is named and levelled by the command line before the configuration; off means none', () => {
    const other = openRunJournal(wish({ file: join(folder, 'other'), level: 'control' }));
    expect([other?.path, other?.level]).toEqual([join(folder, 'other'), 'control']);
    other?.close();
    expect(openRunJournal(wish({ level: 'off' }))).toBeUndefined();
    expect(openRunJournal(wish({ config: config() }))).toBeUndefined();
  });

  it('keeps the newest files of a run only', () => {
    const said: string[] = [];
    const journal = openRunJournal(
      wish({
        config: config({ journal: { file: 'run.journal', maxAge_h: 1, maxFiles: 2 } }),
        say: (text) => said.push(text),
      }),
    );
    for (let file = 0; file < 4; file++) {
      for (const hours of [2 * file, 2 * file + 1]) {
        journal?.record({
          seq: 2 * file + hours + 1,
          time_us: hours * 3_600_000_000,
          device: 'd',
          actor: 'a',
          kind: 'note',
          name: 'n',
          data: null,
          cause: 0,
        });
      }
      journal?.flush();
    }
    journal?.close();
    expect(said).toHaveLength(4);
    const parts = ['run', 'run.2', 'run.3', 'run.4', 'run.5'].map((name) =>
      existsSync(join(folder, `${name}.journal`)),
    );
    expect(parts).toEqual([false, false, false, true, true]);
  });

  it('says where it cannot be written', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(messageOf(() => openRunJournal(wish({ file: join(folder, 'file', 'run.journal') })))).toMatch(
      /^journal.file: cannot write a journal to \S+\/file\/run.journal: /,
    );
  });
});

describe('control socket path', () => {
  it("is as configured, or the gateway's name in the folder of the user", () => {
    expect(controlPath('x.sock', '/etc/gg', 'g')).toBe('/etc/gg/x.sock');
    expect(controlPath('/a/x.sock', '/etc/gg', 'g')).toBe('/a/x.sock');
    expect(controlPath(undefined, '/etc/gg', 'g')).toMatch(/\/glassgate(-\d+)?\/g\.sock$/);
  });
  it('is found where there is one, and asked for where there are more', () => {
    expect(messageOf(() => onlyControlPath(join(folder, 'none')))).toMatch(/^no gateway of this user runs /);
    writeFileSync(join(folder, 'a.sock'), '');
    expect(onlyControlPath(folder)).toBe(join(folder, 'a.sock'));
    writeFileSync(join(folder, 'b.sock'), '');
    expect(messageOf(() => onlyControlPath(folder))).toMatch(/^several gateways have a socket in .*--socket/);
  });
});

describe('lockInstance', () => {
  it('lets one gateway have an address on an interface', async () => {
    const other = `test${process.pid}`;
    const first = await lockInstance(config({ interface: { name: other } }), 'g.yaml');
    await expect(lockInstance(config({ interface: { name: other } }), 'g.yaml')).rejects.toThrow(
      `g.yaml: interface.name: another gateway runs on ${other} with the address 10.1.0.20/24; stop it first, or change one of the two`,
    );
    const second = await lockInstance(config({ interface: { name: other }, address: '10.1.0.21/24' }), 'g.yaml');
    first.close();
    second.close();
  });
});

describe('secureRandom', () => {
  it('gives as many bytes as asked for, others each time', () => {
    expect(secureRandom.bytes(16)).toHaveLength(16);
    expect(secureRandom.bytes(16)).not.toEqual(secureRandom.bytes(16));
  });
});
