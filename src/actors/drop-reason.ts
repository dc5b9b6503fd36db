/**
 * Why a frame ended. One list for all layers, so that counters, journal and page speak one language. Reasons that a parser
 * gives (`ipv4-truncated` …) are journaled as detail of `malformed`.
 */
export const DROP_REASONS = [
  // any layer
  'malformed',
  'bad-checksum',
  'not-joined',
  'stopped',
  'too-long',
  'queue-full',
  // MAC, bridge, hub
  'not-for-us',
  'own-source',
  'storm',
  'same-port',
  'link-down',
  'link-local',
  'flapping',
  'bad-source',
  // IP stack, IP routing, firewall
  'not-our-address',
  'link-broadcast',
  'no-route',
  'neighbour-timeout',
  'neighbour-queue-full',
  'tentative-address',
  'source-route',
  'unknown-protocol',
  'ttl-expired',
  'no-fragmentation',
  'filtered',
  'state-invalid',
  'icmp-rate',
  'table-full',
  // TCP
  'no-listener',
  'no-connection',
  'out-of-window',
  'challenged',
  'old-timestamp',
  'old-ack',
  'too-many-connections',
  'listener-full',
  // SSL, application
  'no-session',
  'not-started',
  'loop-guard',
  'peer-not-allowed',
  'unexpected-unit',
  // SSL, its cipher elsewhere: a record that did not come back; one that came back as it was; an answer that nobody waits for
  'cipher-lost',
  'cipher-refused',
  'cipher-unasked',
  // encapsulation processing: nothing carries this kind of frame on
  'not-carried',
  // intermediate driver, engine
  'unknown-kind',
  'bad-cookie',
  'bad-token',
  'leg-window',
  'not-announced',
  'amplification-limit',
  'too-many-sessions',
  'unknown-connection-id',
  'unknown-epoch',
  'replayed',
  'too-old',
  'bad-tag',
  'reserved-bits',
  'numbers-used-up',
  'piece-refused',
  'piece-timeout',
  'local-tcp-full',
  'foreign-control-frame',
  'stranger',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];
