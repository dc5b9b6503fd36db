import type { Benchmark } from '../support/benchmark.ts';
import { bridgeBenchmarks } from './bridge.ts';
import { driverBenchmarks } from './driver.ts';
import { driverYBenchmarks } from './driver-y.ts';
import { encapsulationBenchmarks } from './encapsulation.ts';
import { engineBenchmarks } from './engine.ts';
import { engineXBenchmarks } from './engine-x.ts';
import { engineYBenchmarks } from './engine-y.ts';
import { firewallBenchmarks } from './firewall.ts';
import { gatewayApplicationBenchmarks } from './gateway-application.ts';
import { httpConnectBenchmarks } from './http-connect.ts';
import { httpProxyBenchmarks } from './http-proxy.ts';
import { identityStackBenchmarks } from './identity-stack.ts';
import { intermediateDriverBenchmarks } from './intermediate-driver.ts';
import { ipRoutingBenchmarks } from './ip-routing.ts';
import { ipStackBenchmarks } from './ip-stack.ts';
import { macBenchmarks } from './mac.ts';
import { phyBenchmarks } from './phy.ts';
import { relayApplicationBenchmarks } from './relay-application.ts';
import { securityEngineBenchmarks } from './security-engine.ts';
import { sslBenchmarks } from './ssl.ts';
import { tcpBenchmarks } from './tcp.ts';
import { terminalDriverBenchmarks } from './terminal-driver.ts';
import { udpBenchmarks } from './udp.ts';
import { virtualNicBenchmarks } from './virtual-nic.ts';

/** Every layer that frames pass, from the wire up. */
export const layersBenchmarks: readonly Benchmark[] = [
  ...phyBenchmarks,
  ...macBenchmarks,
  ...driverBenchmarks,
  ...bridgeBenchmarks,
  ...virtualNicBenchmarks,
  ...intermediateDriverBenchmarks,
  ...terminalDriverBenchmarks,
  ...driverYBenchmarks,
  ...engineBenchmarks,
  ...engineXBenchmarks,
  ...engineYBenchmarks,
  ...ipStackBenchmarks,
  ...identityStackBenchmarks,
  ...ipRoutingBenchmarks,
  ...firewallBenchmarks,
  ...httpProxyBenchmarks,
  ...tcpBenchmarks,
  ...httpConnectBenchmarks,
  ...udpBenchmarks,
  ...sslBenchmarks,
  ...securityEngineBenchmarks,
  ...encapsulationBenchmarks,
  ...gatewayApplicationBenchmarks,
  ...relayApplicationBenchmarks,
];
