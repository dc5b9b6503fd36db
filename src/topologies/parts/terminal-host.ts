import { ETHERNET_MTU_BYTES } from '../../actors/ip-stack/layer.ts';
import type { TerminalDriverOptions } from '../../actors/terminal-driver/layer.ts';
import type { Mac } from '../../wire/address.ts';
import type { DevicePlan, LayerPlan } from '../plan.ts';
import { type HostPlanOptions, transportPlan } from './host.ts';
import { hostNicPlan, ipPlan } from './ip-host.ts';
import { nicPlan } from './nic.ts';

/** What a driver that ends all TCP of its host may be given beside its place. */
export type TerminalDriverChoices = Omit<TerminalDriverOptions, 'mac' | 'mtu'>;

/** A host with intermediate driver 2106 or 3106 between IP stack and driver (spec 5.3, 6.3). Tap `S21` or `S31h` is below its IP stack. */
export function terminalHostPlan(
  name: string,
  options: HostPlanOptions,
  choices: TerminalDriverChoices = {},
): DevicePlan {
  const { numeral, interface: own, mtu = ETHERNET_MTU_BYTES } = options;
  const n = (tail: string) => `${numeral}${tail}`;
  const transport = transportPlan(options);
  const ip = ipPlan(numeral, { mtu, ...options });
  const card = hostNicPlan(numeral, { mtu, ...options });
  return {
    name,
    numeral,
    kind: 'host',
    layers: [...transport.layers, ...ip.layers, driverPlan(numeral, { mac: own.mac, mtu, ...choices }), ...card.layers],
    joins: [
      ...transport.joins,
      `${n('02')}.lower - ${n('03')}.tcp`,
      ...ip.joins,
      `${n('04')}.lower - ${n('06')}.upper`,
      `${n('06')}.lower - ${n('05')}.upper`,
      ...card.joins,
    ],
    taps: { [numeral === '31' ? 'S31h' : `S${numeral}`]: { above: `${n('04')}.lower`, below: `${n('06')}.upper` } },
  };
}

/** A real host's part: its operating system's TCP and IP are above a TAP, the wire is below. */
export interface TerminalDriverSpec extends TerminalDriverChoices {
  /** `21` or `31`: driver 2106 and boundary ports `21T` (the TAP) and `2113` (the interface on the wire). */
  readonly numeral: string;
  /** Of the TAP, so that it is the host's on the wire. */
  readonly mac: Mac;
  /** Of TAP and wire, bytes of an IP packet. */
  readonly mtu?: number;
}

/** Driver 2106 or 3106 alone, between a TAP (boundary port `21T`) and a network interface (boundary port `2113`). */
export function terminalDriverPlan(name: string, { numeral, mac, mtu, ...choices }: TerminalDriverSpec): DevicePlan {
  const n = (tail: string) => `${numeral}${tail}`;
  const options = { mac, mtu: mtu ?? ETHERNET_MTU_BYTES, ...choices };
  const card = nicPlan({ driver: n('05'), mac: n('11'), phy: n('12'), port: n('13') }, { mac });
  return {
    name,
    numeral,
    kind: 'host',
    layers: [driverPlan(numeral, options), ...card.layers],
    joins: [`cable.${n('T')} - ${n('06')}.upper`, `${n('06')}.lower - ${n('05')}.upper`, ...card.joins],
  };
}

function driverPlan(numeral: string, options: TerminalDriverOptions): LayerPlan {
  return { label: `${numeral}06`, block: 'terminal-driver', options };
}
