import { type Cidr, type Ip4, inNetwork } from '../../wire/address.ts';

/** What a packet that opens a connection must be like. What is left out matches all. */
export interface FirewallRule {
  /** Side that it comes in on. */
  readonly from: string;
  readonly source?: Cidr;
  readonly destination?: Cidr;
  /** IP protocol number. */
  readonly protocol?: number;
  readonly destinationPort?: number;
  readonly allow: boolean;
}

export interface Opening {
  readonly from: string;
  readonly source: Ip4;
  readonly destination: Ip4;
  readonly protocol: number;
  readonly destinationPort: number;
}

/** The first rule that matches decides; without one nothing is allowed. */
export function allows(rules: readonly FirewallRule[], opening: Opening): boolean {
  return rules.find((rule) => matches(rule, opening))?.allow ?? false;
}

function matches(rule: FirewallRule, opening: Opening): boolean {
  return (
    rule.from === opening.from &&
    (rule.source === undefined || inNetwork(opening.source, rule.source)) &&
    (rule.destination === undefined || inNetwork(opening.destination, rule.destination)) &&
    (rule.protocol === undefined || rule.protocol === opening.protocol) &&
    (rule.destinationPort === undefined || rule.destinationPort === opening.destinationPort)
  );
}
