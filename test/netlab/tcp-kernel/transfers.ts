import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { capture, must } from '../../../src/transport/netlab/index.ts';
import { faults, packets } from '../../support/tshark.ts';
import type { Cases } from './cases.ts';
import { FAR, type Lab, type Role } from './lab.ts';
import { arrived, bothClosed, endOf, inBothRoles, MB, move, NAMES, ourConnection, ROLES } from './steps.ts';

const BYTES = 5 * MB;

const CLEAN: Cases = Object.fromEntries(
  ROLES.flatMap((opener) =>
    ROLES.map((sender) => [
      `${NAMES[opener]} opens, ${NAMES[sender]} sends 5 MB`,
      async (lab: Lab) => {
        const pair = await lab.open(opener);
        const moved = await move(lab, pair, sender, BYTES);
        await bothClosed(lab, pair);
        return { ...moved };
      },
    ]),
  ),
);

const BOTH_WAYS: Cases = inBothRoles(
  (opener) => `${opener} opens, both send 5 MB at once`,
  async (lab, opener) => {
    const pair = await lab.open(opener);
    for (const role of ROLES)
      endOf(lab, role).order({ order: 'send', id: pair[role], bytes: BYTES, seed: 3, close: true });
    const [ours, kernels] = await Promise.all(ROLES.map((role) => arrived(lab, pair, role, BYTES)));
    await bothClosed(lab, pair);
    return { ours, kernels };
  },
);

const ECHO: Cases = inBothRoles(
  (sender, echoer) => `${echoer} sends back what ${sender} sends`,
  async (lab, sender) => {
    const pair = await lab.open(sender, { [sender === 'ours' ? 'far' : 'ours']: 'echo' });
    endOf(lab, sender).order({ order: 'send', id: pair[sender], bytes: MB, seed: 5, close: true });
    const { sha256 } = await endOf(lab, sender).heard('sent', { id: pair[sender] });
    const back = await endOf(lab, sender).heard('received', { id: pair[sender] });
    deepEqual([back.bytes, back.sha256], [MB, sha256]);
    await bothClosed(lab, pair);
    return undefined;
  },
);

/** What an observer in the middle, and the kernel, hold against the segments of a connection; retransmissions are none here. */
async function observed(lab: Lab, opener: Role): Promise<Record<string, unknown>> {
  const file = join(mkdtempSync('/tmp/glassgate-'), 'far.pcapng');
  const before = await lab.kernelCounters();
  const running = await capture(FAR.host, 'eth0', file);
  const pair = await lab.open(opener);
  for (const role of ROLES) endOf(lab, role).order({ order: 'send', id: pair[role], bytes: MB, seed: 3, close: true });
  for (const role of ROLES) await arrived(lab, pair, role, MB);
  await bothClosed(lab, pair);
  await running.stop();
  const after = await lab.kernelCounters();
  const found = await faults(FAR.host, file, 'tcp');
  // A receiver that is as fast as its buffer may let its window fill up: nothing is wrong with that.
  deepEqual(
    { ...found, outOfWindow: [] },
    { malformed: [], badChecksum: [], outOfWindow: [], retransmitted: [], gap: [] },
  );
  const gained = (key: string): number => (after[key] ?? 0) - (before[key] ?? 0);
  for (const key of [
    'TcpInErrs',
    'TcpInCsumErrors',
    'TcpExtTCPChallengeACK',
    'TcpRetransSegs',
    'TcpExtPAWSEstab',
    'TcpOutRsts',
  ])
    equal(gained(key), 0, key);
  return { segments: (await packets(FAR.host, file, 'tcp')).length };
}

const OBSERVED: Cases = inBothRoles((opener) => `${opener} opens, an observer finds nothing wrong`, observed);

/** Pieces of 10 bytes, one each 5 ms, over a round trip of 60 ms. */
const PIECES = { bytes: 500, piece: 10, every_ms: 5, seed: 1, close: true };
const PIECE_COUNT = PIECES.bytes / PIECES.piece;

const SMALL_PIECES: Cases = {
  'Nagle holds small pieces of ours back, no-delay does not': async (lab) => {
    const counts: number[] = [];
    for (const nagle of [true, false]) {
      await lab.line.change({ delay_ms: 30 });
      await lab.configure({ nagle });
      const pair = await lab.open('ours');
      const before = (await lab.kernelCounters()).TcpInSegs ?? 0;
      lab.ours.order({ order: 'send', id: pair.ours, ...PIECES });
      await arrived(lab, pair, 'ours', PIECES.bytes);
      counts.push(((await lab.kernelCounters()).TcpInSegs ?? 0) - before);
      await bothClosed(lab, pair);
    }
    const [held, sent] = counts as [number, number];
    equal(held < PIECE_COUNT / 2 && sent > 0.8 * PIECE_COUNT, true, `${counts}`);
    return { held, sent };
  },
  'small pieces of the kernel by Nagle and without': async (lab) => {
    const counts: number[] = [];
    for (const nagle of [1, 0]) {
      await lab.line.change({ delay_ms: 30 });
      const pair = await lab.open('ours');
      lab.far.order({ order: 'option', id: pair.far, option: 'nagle', value: nagle });
      const before = (await lab.kernelCounters()).TcpOutSegs ?? 0;
      lab.far.order({ order: 'send', id: pair.far, ...PIECES });
      await arrived(lab, pair, 'far', PIECES.bytes);
      counts.push(((await lab.kernelCounters()).TcpOutSegs ?? 0) - before);
      await bothClosed(lab, pair);
    }
    const [held, sent] = counts as [number, number];
    equal(held < PIECE_COUNT / 2 && sent > 0.8 * PIECE_COUNT, true, `${counts}`);
    return { held, sent };
  },
  'ours acknowledges about every second full segment': async (lab) => {
    await lab.line.change({ delay_ms: 5, rate_bps: 50_000_000, queueBytes: MB });
    const pair = await lab.open('far', { ours: 'manual' });
    await move(lab, pair, 'far', 3 * MB);
    const { stats } = (await ourConnection(lab, pair)) ?? { stats: {} as Record<string, number> };
    const ratio = (stats.segmentsOut ?? 0) / (stats.segmentsIn ?? 1);
    equal(ratio > 0.3 && ratio < 0.7, true, `${ratio} segments out for one in`);
    lab.ours.order({ order: 'close', id: pair.ours });
    await bothClosed(lab, pair);
    return { ratio: Math.round(ratio * 100) / 100 };
  },
  'ours acknowledges a lone segment after 40 ms, far below 500': async (lab) => {
    const file = join(mkdtempSync('/tmp/glassgate-'), 'far.pcapng');
    const running = await capture(FAR.host, 'eth0', file);
    const pair = await lab.open('far');
    // The first segments are acknowledged at once.
    lab.far.order({ order: 'send', id: pair.far, bytes: 300, piece: 10, every_ms: 100, seed: 1, close: true });
    await arrived(lab, pair, 'far', 300);
    await bothClosed(lab, pair);
    await running.stop();
    const fields = ['-T', 'fields', '-e', 'tcp.analysis.ack_rtt'];
    const text = await must(FAR.host, [
      'tshark',
      '-n',
      '-r',
      file,
      '-Y',
      'ip.src == 10.77.0.1 && tcp.len == 0',
      ...fields,
    ]);
    const delays_ms = text
      .split('\n')
      .filter(Boolean)
      .map((each) => 1_000 * Number(each));
    const late = delays_ms.filter((each) => each > 30);
    equal(late.length >= 10, true, `delays ${delays_ms}`);
    // One of them may have met a busy machine.
    equal(late.toSorted((one, other) => one - other)[Math.floor(late.length / 2)]! < 60, true, `delays ${delays_ms}`);
    equal(Math.max(...delays_ms) < 500, true, `delays ${delays_ms}`);
    return { longest_ms: Math.round(Math.max(...delays_ms)), delayed: late.length };
  },
};

export const TRANSFERS: Cases = { ...CLEAN, ...BOTH_WAYS, ...ECHO, ...OBSERVED, ...SMALL_PIECES };
