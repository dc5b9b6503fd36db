import { DEFAULT_TTL } from '../../wire/ipv4.ts';
import { KEEPALIVE, type Keepalive } from './limits.ts';
import type { KeptRoute } from './source-route.ts';

const DIFFSERV_BITS = 0x3f;
const MAX_TTL = 255;

/** What a user may ask for, for one connection, when it opens it and at any time later (RFC 9293 section 3.9.1). */
export interface TcpChoices {
  /** Small segments wait while others are under way (RFC 896). Default false. */
  readonly nagle?: boolean;
  /** Probes while nothing is heard; what is left out is as in {@link KEEPALIVE}. Null, the default, sends none. */
  readonly keepalive?: Partial<Keepalive> | null;
  /**
   * R2: what is unacknowledged for so long ends the connection, its SYN included. 0, the default: the number of retransmissions does. A
   * zero window that is kept shut by answers to its probes does not count.
   */
  readonly userTimeout_us?: number;
  /** Differentiated services code point of everything sent, 0 to 63. Default 0. */
  readonly diffserv?: number;
  /** Time to live of everything sent, 1 to 255. */
  readonly ttl?: number;
  /** Tell the user `troubled`. Default true. */
  readonly reportTroubles?: boolean;
}

/** The choices of one connection as they are now. */
export interface TcpSettings {
  readonly nagle: boolean;
  readonly keepalive: Keepalive | null;
  readonly userTimeout_us: number;
  readonly diffserv: number;
  readonly ttl: number;
  readonly reportTroubles: boolean;
  /** The way that everything takes; null where it is left to routers. */
  readonly route: KeptRoute | null;
}

const USUAL: TcpSettings = Object.freeze({
  nagle: false,
  keepalive: null,
  userTimeout_us: 0,
  diffserv: 0,
  ttl: DEFAULT_TTL,
  reportTroubles: true,
  route: null,
});

const CHOICES: readonly (keyof TcpChoices)[] = [
  'nagle',
  'keepalive',
  'userTimeout_us',
  'diffserv',
  'ttl',
  'reportTroubles',
];

/** `before` with what was chosen anew. Numbers out of range are brought into it. */
export function chosen(choices: TcpChoices, before: TcpSettings = USUAL): TcpSettings {
  if (!CHOICES.some((name) => choices[name] !== undefined)) return before;
  const { keepalive } = choices;
  return {
    nagle: choices.nagle ?? before.nagle,
    keepalive: keepalive === undefined ? before.keepalive : keepalive && { ...KEEPALIVE, ...keepalive },
    userTimeout_us: Math.max(0, choices.userTimeout_us ?? before.userTimeout_us),
    diffserv: (choices.diffserv ?? before.diffserv) & DIFFSERV_BITS,
    ttl: Math.min(MAX_TTL, Math.max(1, choices.ttl ?? before.ttl)),
    reportTroubles: choices.reportTroubles ?? before.reportTroubles,
    route: before.route,
  };
}
