import { describe, expect, it } from 'vitest';
import { ip4, labMac, TestLab } from '../../../test/support/lab.ts';
import type { Device } from '../../actors/device.ts';
import type { TerminalDriverLayer } from '../../actors/terminal-driver/layer.ts';
import { type DataWatcher, PatternCheck } from '../../actors/test-application/pattern.ts';
import type { World } from '../../actors/world.ts';
import { memoryJournal } from '../../journal/memory.ts';
import { verifyJournal } from '../../journal/replay.ts';
import { parseFrame } from '../../wire/frame.ts';
import { innerVersion } from '../../wire/inner-frame.ts';
import { buildDevice } from '../build.ts';
import { ipHostPlan } from './ip-host.ts';
import { terminalDriverPlan, terminalHostPlan } from './terminal-host.ts';

const BYTES = 200_000;
const SEED = 11;
const SECOND_US = 1_000_000;
const own = (numeral: number) => ({
  address: ip4(`10.2.0.${numeral}`),
  prefixLength: 24,
  mac: labMac(numeral),
  ip6: { addresses: [{ address: `2001:db8::${numeral}`, prefix: 64 }] },
});

function hosts(world: World, onData: DataWatcher = () => {}): [Device, Device] {
  const services = [
    { port: 80, bytes: BYTES, seed: SEED },
    { port: 81, bytes: 0, seed: 0 },
  ];
  const host = (numeral: '21' | '31') =>
    buildDevice(world, terminalHostPlan(numeral, { numeral, interface: own(Number(numeral)), services }), { onData });
  return [host('21'), host('31')];
}

describe('two hosts with drivers that end all their TCP, on one cable', () => {
  it('fetch and push over IPv4 and IPv6 on the inner leg alone, and leave a journal that replays without payload', () => {
    const lab = new TestLab();
    lab.begin('two');
    const check = new PatternCheck(SEED);
    const [left, right] = hosts(lab.world, check.watch);
    const cable = lab.cable('W1', [left, '2113'], [right, '3113'], { delay_us: 5_000 });
    const marked: boolean[] = [];
    cable.tap((_direction, _time_us, bytes) => {
      const { tcp } = parseFrame(bytes);
      if (tcp !== undefined) marked.push(innerVersion(bytes, tcp) !== undefined);
    });
    for (const device of [left, right]) device.start();
    lab.run(2 * SECOND_US);
    for (const destination of [own(31).address, '2001:db8::31']) {
      const order = { destination, bytes: BYTES, seed: SEED };
      left.input({
        kind: 'event',
        layer: '2101',
        name: 'fetch',
        data: { ...order, connection: `f ${destination}`, port: 80 },
      });
      left.input({
        kind: 'event',
        layer: '2101',
        name: 'push',
        data: { ...order, connection: `p ${destination}`, port: 81 },
      });
    }
    lab.run(60 * SECOND_US);
    const notes = lab.notes(left, 'transfer');
    expect(notes).toHaveLength(4);
    for (const note of notes) expect(note).toMatchObject({ bytes: BYTES, reason: 'normal' });
    expect([...check.good.values()]).toEqual([BYTES, BYTES, BYTES, BYTES]);
    expect(check.broken.size).toBe(0);
    expect(marked.length).toBeGreaterThan(500);
    expect(marked).not.toContain(false);
    expect((left.layer('2106') as TerminalDriverLayer).leg.sessions.size).toBe(0);
    for (const device of [left, right]) device.stop();
    const journal = memoryJournal('inputs');
    for (const record of lab.records) journal.record(record);
    expect(verifyJournal(journal, (_config, world) => hosts(world))).toMatchObject({ equal: true, gaps: 0 });
  });
});

describe('driver 2106 alone, between a TAP and an interface', () => {
  it('serves a host whose stack is elsewhere', () => {
    const lab = new TestLab();
    const [, server] = hosts(lab.world);
    const stack = { numeral: '41', interface: own(41), mtu: 1500 };
    const box = buildDevice(lab.world, terminalDriverPlan('driver', { numeral: '21', mac: own(41).mac }));
    const plain = terminalHostPlan('kernel', stack);
    const isAbove = ({ label }: { label: string }) => /^41(0[1-4]P?)$/.test(label);
    const nic = ipHostPlan('41', stack);
    const kernel = buildDevice(lab.world, {
      ...plain,
      taps: {},
      layers: [...plain.layers.filter(isAbove), ...nic.layers.filter((layer) => !isAbove(layer))],
      joins: [...plain.joins.filter((join) => /4101|4102/.test(join)), ...nic.joins],
    });
    lab.cable('TAP', [kernel, '4113'], [box, '21T']);
    lab.cable('W1', [box, '2113'], [server, '3113'], { delay_us: 1_000 });
    for (const device of [kernel, box, server]) device.start();
    lab.run(2 * SECOND_US);
    const data = { connection: 'f', destination: own(31).address, port: 80 };
    kernel.input({ kind: 'event', layer: '4101', name: 'fetch', data });
    lab.run(20 * SECOND_US);
    expect(lab.notes(kernel, 'transfer')).toMatchObject([{ bytes: BYTES, reason: 'normal' }]);
    expect(box.layer('2106').counters).toMatchObject({ sessionsOpened: 1 });
    expect(server.layer('3106').counters).toMatchObject({ sessionsTaken: 1 });
  });
});
