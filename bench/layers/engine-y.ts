import { EngineYLayer } from '../../src/actors/engine-y/layer.ts';
import { buildControlFrame } from '../../src/wire/control-frame.ts';
import { SOFTWARE_MAC } from '../../test/support/engine-pair.ts';
import { inlineCipherBenchmarks } from '../support/inline-cipher.ts';

/** Engine Y 2014, told of its session by a control frame. */
export const engineYBenchmarks = inlineCipherBenchmarks('engine-y', {
  make: (host) => new EngineYLayer(host, '2014'),
  start: (host, session) =>
    host.inject('upper', host.frame(buildControlFrame({ kind: 'start', session }, SOFTWARE_MAC))),
});
