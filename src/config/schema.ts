import { z } from 'zod';
import { embodimentsText, GATEWAYS, type GatewayEmbodiment, RISKS, type Risk } from './embodiments.ts';
import { DEVICE_KEYS, TUNNEL_KEYS, USER_KEYS } from './schema-parts.ts';

/** Room in a sockaddr_un, without the final zero. */
export const SOCKET_PATH_BYTES = 107;

const accept = z
  .array(z.enum(Object.keys(RISKS) as [Risk, ...Risk[]]))
  .default([])
  .describe('what you give up knowingly; embodiments that need it say so');

const gatewaySchema = z.strictObject({
  role: z.literal('gateway').default('gateway'),
  embodiment: z
    .enum(Object.keys(GATEWAYS) as [GatewayEmbodiment, ...GatewayEmbodiment[]])
    .default('engine')
    .describe(embodimentsText(GATEWAYS)),
  accept,
  ...DEVICE_KEYS,
  ...TUNNEL_KEYS,
  ...USER_KEYS,
});

/** One schema for each role; what a file's `role` says chooses. */
const SCHEMAS = { gateway: gatewaySchema };

export type Role = keyof typeof SCHEMAS;
export const ROLES = Object.keys(SCHEMAS) as readonly Role[];

/** A gateway's configuration with all defaults filled in; plain data. */
export type GatewayConfig = z.infer<typeof gatewaySchema>;
/** A configuration with all defaults filled in; plain data. */
export type Config = GatewayConfig;

/** The role that a value claims to be the configuration of. */
export function roleOf(value: unknown): Role {
  const { role } = (typeof value === 'object' && value !== null ? value : {}) as { readonly role?: unknown };
  return ROLES.find((known) => known === role) ?? 'gateway';
}

/** The one definition of a role's configuration: types, checks, JSON Schema and the reference in the guide follow from it. */
export function configSchema(role: Role) {
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
