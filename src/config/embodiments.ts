/** What a user gives up with an embodiment, and must have said so in the configuration. */
export const RISKS = {
  'no-integrity': 'its cipher hides frames but does not notice changed ones',
  'no-secrecy':
    'frames travel in clear: anybody on the way reads them, though nobody but the peer makes or changes them',
} as const;

export type Risk = keyof typeof RISKS;

/** What a configuration must know of an embodiment; how it is built is a matter of the topologies. */
export interface EmbodimentFacts {
  /** Half a sentence for the reference. */
  readonly text: string;
  /** F13 is what a TCP or UDP layer sends: no shape and no handshake of it can be chosen. A TCP's byte stream is in no journal. */
  readonly true?: 'tcp' | 'udp';
  readonly risk?: Risk;
}

/** Of `role: gateway`. */
export const GATEWAYS = {
  engine: { text: 'frames go through the acceleration engine, the fastest' },
  software: { text: 'the SSL layer seals frames, no engine' },
  folded: { text: 'as software, with bridge and virtual NIC inside the intermediate driver' },
  'tcp-over-tcp': { text: 'no intermediate driver, records ride on a true TCP', true: 'tcp' },
  'engine-udp': { text: 'as engine, with UDP in place of TCP and no intermediate driver', true: 'udp' },
  'software-udp': { text: 'as software, with UDP in place of TCP and no intermediate driver', true: 'udp' },
  'engine-x': { text: 'as tcp-over-tcp, engine X seals and opens for SSL', true: 'tcp' },
  'look-aside': { text: 'as tcp-over-tcp, a security engine beside the CPU seals and opens for SSL', true: 'tcp' },
  reoriginating: {
    text: 'as tcp-over-tcp, for terminals with role host: connects to servers itself, which see this gateway',
    true: 'tcp',
  },
  'engine-y': {
    text: 'as tcp-over-tcp, frames pass SSL in clear and engine Y encrypts below IP',
    true: 'tcp',
    risk: 'no-integrity',
  },
  'driver-y': {
    text: 'as tcp-over-tcp, frames pass SSL in clear and intermediate driver Y encrypts below IP',
    true: 'tcp',
    risk: 'no-integrity',
  },
  'as-terminal': { text: 'as reoriginating, in the name of the terminals, which is what servers see', true: 'tcp' },
} as const satisfies Readonly<Record<string, EmbodimentFacts>>;

/** Of `role: relay`. */
export const RELAYS = {
  driver: { text: 'for gateways with engine, software or folded' },
  'tcp-over-tcp': { text: 'for gateways with tcp-over-tcp, to compare with', true: 'tcp' },
  'look-aside': { text: 'as tcp-over-tcp, a security engine beside the CPU seals and opens for SSL', true: 'tcp' },
} as const satisfies Readonly<Record<string, EmbodimentFacts>>;

/** Of `role: host`. */
export const HOSTS = {
  driver: { text: "ends all TCP of the host's kernel in an intermediate driver, for tunnels on a true TCP" },
} as const satisfies Readonly<Record<string, EmbodimentFacts>>;

/** Of `role: host-gateway`. */
export const HOST_GATEWAYS = {
  software: GATEWAYS.software,
  'tcp-over-tcp': GATEWAYS['tcp-over-tcp'],
  'engine-y': GATEWAYS['engine-y'],
  'driver-y': GATEWAYS['driver-y'],
} as const satisfies Readonly<Record<string, EmbodimentFacts>>;

const EMBODIMENTS = { gateway: GATEWAYS, relay: RELAYS, host: HOSTS, 'host-gateway': HOST_GATEWAYS };

/** Of a configuration's embodiment. */
export function factsOf(config: {
  readonly role: keyof typeof EMBODIMENTS;
  readonly embodiment: string;
}): EmbodimentFacts {
  const known: Readonly<Record<string, EmbodimentFacts>> = EMBODIMENTS[config.role];
  return known[config.embodiment] as EmbodimentFacts;
}

/** `engine: frames go …; software: …`, for the reference. */
export function embodimentsText(embodiments: Readonly<Record<string, EmbodimentFacts>>): string {
  return Object.entries(embodiments)
    .map(([name, { text }]) => `${name}: ${text}`)
    .join('; ');
}
