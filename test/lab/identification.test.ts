import { describe, expect, it } from 'vitest';
import { pcapngFromTaps } from '../../src/journal/pcapng-export.ts';
import { runLab } from '../../src/lab/run.ts';
import { labSettings } from '../../src/lab/settings.ts';
import { TOPOLOGIES } from '../../src/topologies/topologies.ts';
import { concat } from '../../src/wire/bytes.ts';
import { identify } from '../support/identify.ts';
import { readPcapng } from '../support/pcapng-reader.ts';

const EMBODIMENTS = TOPOLOGIES.map(({ name }) => name).filter((name) => /^e\d+$/.test(name));
/** Variants look like what they vary. */
const VARIANTS = TOPOLOGIES.map(({ name }) => name).filter((name) => /^e(2|3|4)-(folded|mirrored|nat)$/.test(name));

/** A pcapng file of a whole run: every cable, and the taps inside devices. */
function captureOf(topology: string, shape: 'tcp' | 'udp' = 'tcp'): Uint8Array {
  const blocks: Uint8Array[] = [];
  const write = pcapngFromTaps((block) => blocks.push(block.slice()));
  const settings = labSettings(topology, { shape, path: { delay_us: 5_000 } });
  const result = runLab({
    settings,
    bytes: 200_000,
    pings: 2,
    inside: true,
    onFrame: ({ place, bytes, time_us }) => write(place, bytes, time_us),
  });
  expect(result.transfer).toMatchObject({ complete: true, intact: true });
  return concat(...blocks);
}

describe('identification from captures alone (spec 02 8.5, 08 0.2)', () => {
  it.each(EMBODIMENTS)('names %s', (topology) => {
    const { embodiment, because } = identify(readPcapng(captureOf(topology)));
    expect(embodiment, because.join('; ')).toBe(topology);
  });

  it.each(VARIANTS)('names %s as what it is a variant of', (topology) => {
    const { embodiment, because } = identify(readPcapng(captureOf(topology)));
    expect(embodiment, because.join('; ')).toBe(topology.split('-')[0]);
  });

  it.each(['e2', 'e3', 'e4'])('names %s with F13 as UDP too', (topology) => {
    const { embodiment, because } = identify(readPcapng(captureOf(topology, 'udp')));
    expect(embodiment, because.join('; ')).toBe(topology);
  });

  it('does not take TCP over TCP for an embodiment', () => {
    expect(identify(readPcapng(captureOf('tcp-over-tcp'))).embodiment).toBe('tcp-over-tcp');
  });
});
