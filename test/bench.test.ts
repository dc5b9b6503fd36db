import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BENCHMARKS, matching } from '../bench/benchmarks.ts';
import { type StreamResult, streamsText } from '../bench/beside-kernel.ts';
import { measureAll } from '../bench/support/measure.ts';
import { tablesText } from '../bench/support/table-text.ts';
import { watchTransitions } from '../src/actors/machine-host.ts';
import { describeNamespaces } from './support/netlab.ts';

/** Layers that no user's frame passes: tools of the lab, and the control of engine gateways. */
const NOT_MEASURED = ['ping', 'application', 'accelerator-control'];
const FEW = 3;
const STREAMS_LIMIT_MS = 120_000;
const EXIT_WRONG_ARGUMENTS = 2;

// What a benchmark does is no test of a transition.
watchTransitions(undefined);

const bench = (...args: string[]) =>
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'bench/main.ts', '--quick', ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
  });

describeNamespaces('streams beside the kernel', () => {
  it('are measured both ways and between kernels, with what they cost', { timeout: STREAMS_LIMIT_MS }, () => {
    const { streams } = JSON.parse(bench('streams', '--json')) as { streams: StreamResult[] };
    expect(streams.map(({ name }) => name)).toEqual([
      'kernel to ours',
      'ours to kernel',
      'kernel to kernel',
      'kernel to ours, no offload',
      'ours to kernel, no offload',
    ]);
    for (const { name, goodput_Gbps, own_s_per_GB, machine_s_per_GB } of streams) {
      expect(goodput_Gbps).toBeGreaterThan(0);
      expect(machine_s_per_GB).toBeGreaterThan(0);
      expect(own_s_per_GB === undefined).toBe(name === 'kernel to kernel');
    }
    expect(streamsText(streams)).toMatch(/own CPU s\/GB.*\n {2}kernel to ours +[\d.]+ /);
  });
}, ['/dev/net/tun']);

describe('the benchmarks', () => {
  it('measure every layer that frames pass', () => {
    const sources = globSync('src/actors/**/*.ts').map((path) => readFileSync(path, 'utf8'));
    const kinds = sources.flatMap((source) => /readonly kind = '([a-z-]+)';/.exec(source)?.[1] ?? []);
    expect(kinds.length).toBeGreaterThan(NOT_MEASURED.length);
    const measured = BENCHMARKS.filter(({ table }) => table === 'layers').map(({ name }) => name.split(' ')[0]);
    expect(new Set([...measured, ...NOT_MEASURED])).toEqual(new Set(kinds));
  });

  it.each(
    BENCHMARKS.filter(({ table }) => table !== 'path').map(
      (benchmark) => [`${benchmark.table}: ${benchmark.name}`, benchmark] as const,
    ),
  )('do what they count: %s', (_, benchmark) => {
    const running = benchmark.open();
    expect(running.prepare(FEW)().operations).toBeGreaterThanOrEqual(FEW);
    running.close?.();
  });

  it('measure the slow path of each embodiment', () => {
    const results = measureAll(matching('journal off'), { samples: 1, sample_ms: 1 });
    expect(results.map(({ name }) => name)).toEqual(['e4, journal off', 'e2, journal off']);
    for (const { perSecond, bytesPerSecond } of results)
      expect([perSecond, bytesPerSecond].every((rate) => rate! > 0)).toBe(true);
    expect(tablesText(results)).toMatch(/^Slow path.*\n.*per second.*MB\/s.*\n {2}e4, journal off +[\d,]+ frames/);
  });

  it('are a command with a filter, tables and JSON', () => {
    const report = JSON.parse(bench('--filter', 'MAC up', '--json'));
    expect(report.machine).toMatchObject({
      node: process.version,
      cores: expect.any(Number),
      load: expect.any(Number),
    });
    expect(report.results).toMatchObject([{ name: 'mac up 1500 B' }, { name: 'mac up 60 B' }]);
    expect(bench('--filter', 'without observer')).toMatch(
      /cores .* node v24.*\n[\s\S]*XState[\s\S]*without observer +[\d,]+ events/,
    );
    expect(bench('--filter', 'mac up 60')).toContain('\n1 sample of ');
  });

  it.each([
    [['--filter', 'no such thing'], 'bench: no benchmark has "no such thing" in its table or name\n'],
    [['--filtre'], "bench: unknown option '--filtre'\n(Did you mean --filter?)\n"],
    [
      ['stream'],
      "bench: command-argument value 'stream' is invalid for argument 'what'. Allowed choices are streams.\n",
    ],
  ])('refuse %j', (args, stderr) => {
    expect(() => bench(...args)).toThrow(expect.objectContaining({ status: EXIT_WRONG_ARGUMENTS, stderr }));
  });
});
