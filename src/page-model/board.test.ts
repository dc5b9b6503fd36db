import { describe, expect, it } from 'vitest';
import { pageLab, recording } from '../../test/support/page-recording.ts';
import type { JournalRecord } from '../actors/tap.ts';
import { labSource } from '../transport/page/lab-source.ts';
import { BOARD_RECORDS, Board, machineAt, TRANSITIONS_SHOWN } from './board.ts';
import { keptRecord } from './kept.ts';
import { tlsFlight } from './tls-flight.ts';
import { isGateway, MACHINES_SHOWN } from './view.ts';

const hello = (view: ReturnType<ReturnType<typeof labSource>['view']>) => ({
  version: '1',
  run: 'r',
  sources: [{ name: 'lab', view }],
});
const LEG = { source: 0, device: 'gateway30', label: '3006', instance: 'leg-59000-443' };

function transition(seq: number, actor: string, from: string, to: string): JournalRecord {
  return {
    seq,
    time_us: seq,
    device: 'gateway30',
    actor,
    kind: 'transition',
    name: 'event',
    data: { machine: 'leg', from, to },
    cause: 0,
  };
}

describe('the board', () => {
  it('folds records into the states that the devices are in', () => {
    const lab = pageLab('e2');
    const board = new Board();
    board.hello(hello(labSource(lab).view()));
    const { sources, records } = recording(lab);
    board.take({ source: 0, history: false, records: records.map(({ record }) => record) });
    for (const { name, layers } of sources[0].view.devices.filter(isGateway)) {
      for (const { label, machines } of layers) {
        // A machine that never moved is in no record; the page has it from the device's own state.
        for (const machine of machines.filter(({ instance }) =>
          records.some(({ record }) => record.actor === `${label}/${instance}`),
        ))
          expect(machineAt(board.sources, { source: 0, device: name, label, instance: machine.instance })).toEqual(
            machine,
          );
      }
    }
    expect(machineAt(board.sources, LEG)?.state).toBe('OPEN.PROVEN');
    expect(board.transitions(LEG).map(({ event }) => event)).toEqual([
      'peer.proven',
      'complete.received',
      'cookie.received',
      'syn.taken',
    ]);
  });

  it('lets history tell of the past without touching the present', () => {
    const board = new Board();
    board.hello(hello({ time_us: 0, alive: true, devices: [], cables: [] }));
    const lab = pageLab('e2');
    recording(lab);
    board.state({ sources: [{ name: 'lab', view: labSource(lab).view() }] });
    board.take({ source: 0, history: true, records: [transition(1, '3006/leg-59000-443', 'IDLE', 'HELLO-SENT')] });
    expect(machineAt(board.sources, LEG)?.state).toBe('OPEN.PROVEN');
    expect(board.transitions(LEG)).toHaveLength(1);
  });

  it('remembers a bounded number of records and transitions', () => {
    const board = new Board();
    board.hello(hello({ time_us: 0, alive: true, devices: [], cables: [] }));
    const many = Array.from({ length: BOARD_RECORDS + 500 }, (_, at) =>
      transition(at + 1, '3006/leg-59000-443', 'A', 'B'),
    );
    board.take({ source: 0, history: false, records: many });
    expect(board.records).toHaveLength(BOARD_RECORDS);
    expect(board.transitions(LEG)).toHaveLength(TRANSITIONS_SHOWN);
    expect(board.transitions(LEG)[0].seq).toBe(BOARD_RECORDS + 500);
  });

  it('counts what it was not sent, and begins anew with a new stream', () => {
    const board = new Board();
    board.gap(3);
    board.take({
      source: 0,
      history: false,
      records: [{ ...transition(1, '', '', ''), kind: 'gap', data: { lost: 4 } }],
    });
    expect(board.lost).toBe(7);
    board.hello(hello({ time_us: 0, alive: true, devices: [], cables: [] }));
    expect([board.lost, board.records.length]).toEqual([0, 0]);
  });
});

describe('what the page keeps of a journal', () => {
  const record = (kind: JournalRecord['kind'], name: string, data: JournalRecord['data'] = null): JournalRecord => ({
    ...transition(1, '3002', '', ''),
    kind,
    name,
    data,
  });

  it('is what machines decide, drops, and TLS without its bytes', () => {
    expect((['transition', 'command', 'note'] as const).map((kind) => keptRecord(record(kind, 'x'))?.class)).toEqual([
      'decision',
      'decision',
      'decision',
    ]);
    expect(keptRecord(record('drop', 'bad-checksum'))?.class).toBe('drop');
    const bytes = new Uint8Array([22, 3, 3, 0, 1, 1, 23, 3, 3, 0, 2, 9, 9]);
    expect(keptRecord(record('input', 'tls', { engine: 'a', kind: 'output', bytes }))?.record.data).toEqual({
      kind: 'output',
      engine: 'a',
      flight: ['ClientHello', '1 encrypted'],
      length: 13,
    });
    expect(
      JSON.stringify(
        keptRecord(record('input', 'tls', { engine: 'a', kind: 'secured', peerName: 'p', fingerprint: 'f' })),
      ),
    ).not.toContain('fingerprint');
  });

  it('is nothing that grows with traffic', () => {
    const dropped = [
      record('input', 'frame'),
      record('output', 'frame'),
      record('crossing', 'upper'),
      record('answer', 'random'),
      record('input', 'tls', { kind: 'data', bytes: new Uint8Array(9) }),
    ];
    expect(dropped.map(keptRecord)).toEqual(dropped.map(() => undefined));
  });

  it('names TLS records, and stops at what is none', () => {
    const of = (...types: number[]) => tlsFlight(new Uint8Array(types.flatMap((type) => [type, 3, 3, 0, 1, 2])));
    expect(of(22, 20, 23, 23)).toEqual(['ServerHello', 'ChangeCipherSpec', '2 encrypted']);
    expect(of(21)).toEqual(['alert']);
    expect(of(99, 22)).toEqual([]);
    expect(tlsFlight(new Uint8Array([22, 3]))).toEqual([]);
  });

  it('lists a bounded number of machines', () => {
    const machines = Array.from({ length: MACHINES_SHOWN + 9 }, (_, at) => ({
      instance: String(at),
      machine: { id: 'leg' },
      state: 'OPEN',
    }));
    const lab = pageLab('e2');
    const layer = lab.layer('gateway20', '2006');
    Object.assign(layer, { machines: () => machines });
    const view = labSource(lab)
      .view()
      .devices.find(({ name }) => name === 'gateway20')
      ?.layers.find(({ label }) => label === '2006');
    expect([view?.machines.length, view?.machineCount]).toEqual([MACHINES_SHOWN, MACHINES_SHOWN + 9]);
  });
});
