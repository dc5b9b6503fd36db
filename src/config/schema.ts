import { z } from 'zod';
import { embodimentsText, GATEWAYS, HOST_GATEWAYS, HOSTS, RELAYS, RISKS, type Risk } from './embodiments.ts';
import {
  BYPASS,
  CLAMP_MSS,
  DEVICE_KEYS,
  HANDSHAKE,
  LISTEN,
  NUMERALS,
  OWN_TAP,
  PEERS,
  RELAY_PEERS,
  ROUTES,
  TAP,
  TUNNEL_KEYS,
} from './schema-parts.ts';

/** Room in a sockaddr_un, without the final zero. */
export const SOCKET_PATH_BYTES = 107;

const accept = z
  .array(z.enum(Object.keys(RISKS) as [Risk, ...Risk[]]))
  .default([])
  .describe('what you give up knowingly; embodiments that need it say so');

const gatewaySchema = z.strictObject({
  role: z.literal('gateway').default('gateway').describe('takes frames of its LAN into tunnels'),
  embodiment: oneOf(GATEWAYS).default('engine').describe(embodimentsText(GATEWAYS)),
  accept,
  ...DEVICE_KEYS,
  ...TUNNEL_KEYS,
  peers: PEERS,
  numerals: NUMERALS,
  clampMss: CLAMP_MSS,
});

const relaySchema = z.strictObject({
  role: z.literal('relay').describe('a virtual hub: gateways dial it, and it passes frames from tunnel to tunnel'),
  embodiment: oneOf(RELAYS).default('driver').describe(embodimentsText(RELAYS)),
  accept,
  ...DEVICE_KEYS,
  ...TUNNEL_KEYS,
  listen: LISTEN,
  peers: RELAY_PEERS,
  routes: ROUTES,
  clampMss: CLAMP_MSS,
});

const hostSchema = z.strictObject({
  role: z.literal('host').describe("stands below this host's own kernel, which has a TAP as its interface"),
  embodiment: oneOf(HOSTS).default('driver').describe(embodimentsText(HOSTS)),
  accept,
  ...DEVICE_KEYS,
  numerals: NUMERALS,
  tap: TAP.default(() => TAP.parse({})),
  handshake: HANDSHAKE,
  bypass: BYPASS.default(() => BYPASS.parse({})),
});

const hostGatewaySchema = z.strictObject({
  role: z.literal('host-gateway').describe('a whole gateway inside this host: its kernel is the LAN, by a TAP'),
  embodiment: oneOf(HOST_GATEWAYS).default('software').describe(embodimentsText(HOST_GATEWAYS)),
  accept,
  ...DEVICE_KEYS,
  ...TUNNEL_KEYS,
  peers: PEERS,
  numerals: NUMERALS,
  clampMss: CLAMP_MSS,
  tap: OWN_TAP.default(() => OWN_TAP.parse({})),
});

/** One schema for each role; what a file's `role` says chooses. */
const SCHEMAS = { gateway: gatewaySchema, relay: relaySchema, host: hostSchema, 'host-gateway': hostGatewaySchema };

export type Role = keyof typeof SCHEMAS;
export const ROLES = Object.keys(SCHEMAS) as readonly Role[];

/** A gateway's configuration with all defaults filled in; plain data. */
export type GatewayConfig = z.infer<typeof gatewaySchema>;
export type RelayConfig = z.infer<typeof relaySchema>;
export type HostGatewayConfig = z.infer<typeof hostGatewaySchema>;
export type HostConfig = z.infer<typeof hostSchema>;
/** Of a device that tunnels end at. */
export type TunnelConfig = GatewayConfig | RelayConfig | HostGatewayConfig;
/** A configuration with all defaults filled in; plain data. */
export type Config = TunnelConfig | HostConfig;

/** At the other end of a tunnel. */
export type PeerConfig = GatewayConfig['peers'][number];

export function hasTunnels(config: Config): config is TunnelConfig {
  return config.role !== 'host';
}

/** The role that a value claims to be the configuration of. */
export function roleOf(value: unknown): Role {
  const { role } = (typeof value === 'object' && value !== null ? value : {}) as { readonly role?: unknown };
  return ROLES.find((known) => known === role) ?? 'gateway';
}

/** The one definition of a role's configuration: types, checks, JSON Schema and the reference in the guide follow from it. */
export function configSchema<R extends Role>(role: R): (typeof SCHEMAS)[R] {
  return SCHEMAS[role];
}

/** JSON Schema (draft 2020-12) of a role's configuration. */
export function roleJsonSchema(role: Role): object {
  return z.toJSONSchema(SCHEMAS[role], { io: 'input' });
}

/** JSON Schema of a configuration file, for editors: that of one of the roles. */
export function configJsonSchema(): object {
  return { title: 'glassgate configuration', anyOf: ROLES.map(roleJsonSchema) };
}

function oneOf<T extends object>(embodiments: T) {
  return z.enum(Object.keys(embodiments) as [keyof T & string, ...(keyof T & string)[]]);
}
