import { DriverYLayer } from '../../src/actors/driver-y/layer.ts';
import { inlineCipherBenchmarks } from '../support/inline-cipher.ts';

/** Intermediate driver Y 3006, told of its session by a call. */
export const driverYBenchmarks = inlineCipherBenchmarks('driver-y', {
  make: (host) => new DriverYLayer(host, '3006'),
  start: (host, session) => host.inject('settings', { kind: 'start', session }),
});
