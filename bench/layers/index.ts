import type { Benchmark } from '../support/benchmark.ts';
import { bridgeBenchmarks } from './bridge.ts';
import { driverBenchmarks } from './driver.ts';
import { engineBenchmarks } from './engine.ts';
import { firewallBenchmarks } from './firewall.ts';
import { gatewayApplicationBenchmarks } from './gateway-application.ts';
import { intermediateDriverBenchmarks } from './intermediate-driver.ts';
import { ipRoutingBenchmarks } from './ip-routing.ts';
import { ipStackBenchmarks } from './ip-stack.ts';
import { macBenchmarks } from './mac.ts';
import { phyBenchmarks } from './phy.ts';
import { relayApplicationBenchmarks } from './relay-application.ts';
import { sslBenchmarks } from './ssl.ts';
import { tcpBenchmarks } from './tcp.ts';
import { virtualNicBenchmarks } from './virtual-nic.ts';

/** Every layer that frames pass, from the wire up. */
export const layersBenchmarks: readonly Benchmark[] = [
  ...phyBenchmarks,
  ...macBenchmarks,
  ...driverBenchmarks,
  ...bridgeBenchmarks,
  ...virtualNicBenchmarks,
  ...intermediateDriverBenchmarks,
  ...engineBenchmarks,
  ...ipStackBenchmarks,
  ...ipRoutingBenchmarks,
  ...firewallBenchmarks,
  ...tcpBenchmarks,
  ...sslBenchmarks,
  ...gatewayApplicationBenchmarks,
  ...relayApplicationBenchmarks,
];
