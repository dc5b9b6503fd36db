import type { Layer } from '../../src/actors/layer.ts';
import { BenchHost } from './bench-host.ts';
import { type Benchmark, mustEqual, type Running } from './benchmark.ts';
import { FRAME_SIZES_BYTES } from './frames.ts';

/** A layer that stands ready for one kind of frame. */
export interface Stand {
  readonly host: BenchHost;
  /** Where the frames go in. */
  readonly port: string;
  /** Frames that came out so far at the side that the benchmark is about. */
  out(): number;
  /** The messages of one operation each; those that may come again are made once. */
  messages(count: number): readonly unknown[];
}

/** One benchmark for each frame size; `name` says layer and direction. */
export function layerBenchmarks(name: string, stand: (frame_bytes: number) => Stand): Benchmark[] {
  return FRAME_SIZES_BYTES.map((frame_bytes) => ({
    table: 'layers' as const,
    name: `${name} ${frame_bytes} B`,
    unit: 'frames',
    open: () => runningOf(name, stand(frame_bytes), frame_bytes),
  }));
}

function runningOf(name: string, { host, port, out, messages }: Stand, frame_bytes: number): Running {
  return {
    prepare(operations) {
      const given = messages(operations);
      return () => {
        const before = out();
        for (let at = 0; at < operations; at++) host.inject(port, given[at % given.length]);
        mustEqual(`${name}: frames that came out`, out() - before, operations);
        return { operations, bytes: operations * frame_bytes };
      };
    },
  };
}

/** For layers that look at each frame for itself: the same frame goes through again and again, from one port to the other. */
export function passing(
  make: (host: BenchHost) => Layer,
  from: string,
  to: string,
  bytes: Uint8Array,
  before: (host: BenchHost) => void = () => {},
): Stand {
  const host = new BenchHost();
  let out = 0;
  const count = () => {
    out += 1;
  };
  host.attach(make(host), { [to]: count });
  before(host);
  const message = host.frame(bytes);
  return { host, port: from, out: () => out, messages: () => [message] };
}
