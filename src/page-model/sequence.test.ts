import { describe, expect, it } from 'vitest';
import { pageLab, recording } from '../../test/support/page-recording.ts';
import { type Sequence, type SequenceRow, sequenceOf } from './sequence.ts';

const lineOf = ({ time_us, from, to, text }: SequenceRow): string => {
  const place = to === undefined ? from.label : `${from.label} > ${to.label}`;
  return `${time_us / 1000} ${place || from.device}: ${text}`;
};
const linesOf = ({ rows }: Sequence): string[] => rows.map(lineOf);

function told(
  topology: string,
  ...rest: Parameters<typeof pageLab> extends [string, ...infer R] ? R : never
): Sequence {
  const { sources, records } = recording(pageLab(topology, ...rest));
  return sequenceOf(sources, records, 'story');
}

describe('the sequence diagram of a set-up', () => {
  it('tells embodiment 2 from the dial to the session, with times', () => {
    expect(linesOf(told('e2'))).toEqual([
      '0 3001: dials the peer',
      '0 3002 > 3003: connect',
      '0 3003 > 3006: SYN',
      '0 3006: SYN held',
      '0 3006 > 2006: HELLO',
      '60 2006 > 3006: COOKIE',
      '60 3006 > 2006: REQUEST',
      '80 2006 > 2003: forged SYN',
      '80 2003 > 2006: SYN+ACK',
      '80 2006 > 3006: COMPLETE',
      '80 2002: TLS handshake begins',
      '100 3006 > 3003: forged SYN+ACK',
      '100 3002: TLS handshake begins',
      '100 3002 > 2002: ClientHello',
      '120 2002 > 3002: ServerHello, ChangeCipherSpec, 5 encrypted',
      '140 3002 > 2002: ChangeCipherSpec, 3 encrypted',
      '140 3002: peer’s certificate is good',
      '140 3002 > 2002: OFFER',
      '160 2002: peer’s certificate is good',
      '160 2002 > 2001: keys handed over, by id',
      '160 2001 > 2014: START',
      '160 2014: receives, sends nothing yet',
      '160 2014 > 2001: STARTED',
      '160 2002 > 3002: GO',
      '180 3002 > 3001: keys handed over, by id',
      '180 3001 > 3014: START',
      '180 3014 > 2014: first record',
      '180 3014 > 3001: STARTED',
      '200 2014 > 3014: first record',
      '200 2014 > 2001: AUTHENTICATED',
      '200 2001: session is up',
      '220 3014 > 3001: AUTHENTICATED',
      '220 3001: session is up',
    ]);
  });

  it('has the gateway that dials at the left and the wire in the middle', () => {
    const labels = (topology: string) => told(topology).lanes.map(({ label }) => label);
    expect(labels('e2')).toEqual(['3001', '3002', '3003', '3006', '3014', '2014', '2006', '2003', '2002', '2001']);
    expect(labels('e4')).toEqual(['3001A', '3002', '3003', '3006', '2006', '2003', '2002', '2001A']);
  });

  it('tells records between an engine and a gateway without one', () => {
    const lines = linesOf(told('e3'));
    expect(lines).toEqual(
      expect.arrayContaining([
        '180 3001A > 3002: START',
        '180 3002 > 2014: first record',
        '200 2014 > 3002: first record',
      ]),
    );
  });

  it('needs no driver: TCP speaks to the far TCP', () => {
    const lines = linesOf(told('tcp-over-tcp'));
    expect(lines).toEqual(
      expect.arrayContaining(['0 3003 > 2003: SYN', expect.stringContaining('2003 > 3003: SYN+ACK')]),
    );
    expect(lines.filter((line) => /HELLO|forged/.test(line))).toEqual([]);
  });

  it('tells the same without TLS flights from records of level control', () => {
    const isFlight = (line: string): boolean => /ClientHello|ServerHello|ChangeCipherSpec/.test(line);
    expect(linesOf(told('e2', 'control'))).toEqual(linesOf(told('e2')).filter((line) => !isFlight(line)));
  });

  it('says when a message arrived, and when its arrival was not seen', () => {
    const lost = pageLab('e2', 'inputs', { path: { delay_us: 20_000, loss: 0.35 }, seed: 3 });
    const { sources, records } = recording(lost, 20_000_000);
    const { rows } = sequenceOf(sources, records, 'story');
    const leg = rows.filter(({ text }) => /^(HELLO|REQUEST|COMPLETE)$/.test(text));
    expect(leg.some(({ arrival }) => arrival === 'missing')).toBe(true);
    const arrived = leg.filter(({ text, arrival }) => text !== 'HELLO' && arrival === 'seen');
    expect(arrived.length).toBeGreaterThan(0);
    for (const { time_us, arrived_us } of arrived) expect(arrived_us! - time_us).toBeGreaterThanOrEqual(20_000);
  });

  it('draws one gateway alone, against a far end that nobody shows', () => {
    const { sources, records } = recording(pageLab('e2'));
    const [{ name, view }] = sources;
    const alone = { name, view: { ...view, devices: view.devices.filter((device) => device.name === 'gateway20') } };
    const sequence = sequenceOf([alone], records, 'story');
    expect(sequence.lanes.at(-1)).toMatchObject({ device: 'far gateway', isFar: true });
    const text = linesOf(sequence);
    expect(text).toEqual(expect.arrayContaining(['80  > 2006: REQUEST', '80 2006 > 2003: forged SYN']));
    expect(sequence.rows.filter(({ arrival }) => arrival === 'missing')).toEqual([]);
  });

  it('orders two sources by time', () => {
    const { sources, records } = recording(pageLab('e2'));
    const [{ view }] = sources;
    const only = (device: string) => ({
      name: device,
      view: { ...view, devices: view.devices.filter(({ name }) => name === device) },
    });
    const of = (device: string, source: number) =>
      records.filter(({ record }) => record.device === device).map(({ record }) => ({ source, record }));
    const two = sequenceOf(
      [only('gateway20'), only('gateway30')],
      [...of('gateway20', 0), ...of('gateway30', 1)],
      'story',
    );
    expect([...linesOf(two)].sort()).toEqual([...linesOf(told('e2'))].sort());
    expect(two.rows.map(({ time_us }) => time_us)).toEqual(
      [...two.rows.map(({ time_us }) => time_us)].sort((a, b) => a - b),
    );
    expect(new Set(two.rows.map(({ key }) => key)).size).toBe(two.rows.length);
  });

  it('shows every event of every machine, from the layer that caused it', () => {
    const { sources, records } = recording(pageLab('e2'));
    const { rows } = sequenceOf(sources, records, 'all');
    const transitions = records.filter(
      ({ record }) => record.kind === 'transition' && record.device.startsWith('gateway'),
    );
    expect(rows.filter(({ tone }) => tone === 'event')).toHaveLength(transitions.length);
    expect(rows.map(lineOf)).toEqual(
      expect.arrayContaining(['0 3002 > 3003: open.active', '60 3006: cookie.received']),
    );
    expect(rows.find(({ text }) => text === 'cookie.received')?.detail).toBe('leg: HELLO-SENT → REQUESTED');
  });

  it('is empty without records', () => {
    expect(sequenceOf([], [], 'story')).toEqual({ lanes: [], rows: [] });
  });
});
