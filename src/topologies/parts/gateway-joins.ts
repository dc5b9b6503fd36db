import type { TapPlan } from '../plan.ts';
import type { Numeral } from './gateway-layers.ts';

/** How the layers of gateways are joined, and where the specification's inner taps (0.4) stand between them. */

/** From `top` by way of SSL to the IP stack. */
export function upperJoins(n: Numeral, top: string, transport: 'tcp' | 'udp' = 'tcp'): string[] {
  return [
    `${top}.ssl - ${n('002')}.upper`,
    `${n('002')}.lower - ${n('003')}.upper`,
    `${n('003')}.lower - ${n('004')}.${transport}`,
    `${n('004')}.lower - ${n('005')}.upper`,
  ];
}

/** The intermediate driver below the IP stack, with the application that tells it what to terminate. */
export function driverJoins(n: Numeral, top: string): string[] {
  return [`${top}.settings - ${n('006')}.settings`, `${n('005')}.lower - ${n('006')}.upper`];
}

/** Encapsulation processing above the gateway application, with a TCP of its own. */
export function encapsulationJoins(n: Numeral): string[] {
  return [
    `${n('001A')}.nic - ${n('001B')}.application`,
    `${n('001B')}.tcp - ${n('003B')}.upper`,
    `${n('001B')}.neighbours - ${n('005')}.neighbours`,
    `${n('003B')}.lower - ${n('004')}.tcpB`,
  ];
}

/** From driver to cable, without an engine. */
export function nicJoins(n: Numeral): string[] {
  return [
    `${n('007')}.lower - ${n('011')}.upper`,
    `${n('011')}.lower - ${n('012')}.upper`,
    `${n('012')}.cable - cable.${n('013')}`,
  ];
}

/** From the driver, 2007 or another one, to the cable, with an engine between MAC and PHY. */
export function engineNicJoins(n: Numeral, driver = n('007')): string[] {
  return [
    `${driver}.lower - ${n('011')}.upper`,
    `${n('011')}.lower - ${n('014')}.upper`,
    `${n('014')}.lower - ${n('012')}.upper`,
    `${n('012')}.cable - cable.${n('013')}`,
  ];
}

/** The virtual branch ends at the gateway application again. */
export function bridgeJoins(n: Numeral): string[] {
  return [...nicJoins(n), ...branchJoins(n, n('001A'))];
}

/** Both branches of the bridge; the virtual one ends at `top`. */
export function branchJoins(n: Numeral, top: string): string[] {
  return [
    `${n('008')}.${n('007')} - ${n('007')}.upper`,
    `${n('008')}.${n('009')} - ${n('009')}.upper`,
    `${n('009')}.lower - ${n('010')}.driver`,
    `${n('010')}.application - ${top}.nic`,
  ];
}

/** S where the bridge is below the IP stack. */
export function stackOnBridge(n: Numeral): TapPlan {
  return { above: `${n('005')}.lower`, below: `${n('008')}.${n('005')}` };
}

/** S where an intermediate driver is below the IP stack. */
export function stackOnDriver(n: Numeral): TapPlan {
  return { above: `${n('005')}.lower`, below: `${n('006')}.upper` };
}

/** V: between the virtual NIC and `top`. */
export function aboveNic(n: Numeral, top: string): TapPlan {
  return { above: `${top}.nic`, below: `${n('010')}.application` };
}

/** E: between gateway application and encapsulation processing. */
export function belowApplication(n: Numeral): TapPlan {
  return { above: `${n('001A')}.nic`, below: `${n('001B')}.application` };
}
