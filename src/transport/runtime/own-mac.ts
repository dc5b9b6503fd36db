import { createHash } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import { type Mac, parseMac } from '../../wire/address.ts';

/** Locally administered, not a group (IEEE 802 section 8.2). */
const FIRST_BYTE = 0x02;
const HASHED_BYTES = 5;

/**
 * The gateway's own MAC: the one given, that of the interface, or (`auto`) one made from name and interface, which stays the same over
 * restarts and differs from that of any other gateway.
 */
export function ownMac(config: Config, interfaceMac: string): Mac {
  const { mac } = config.interface;
  const given = parseMac(mac === 'interface' ? interfaceMac : mac);
  if (given !== undefined) return given;
  const digest = createHash('sha256').update(`glassgate ${config.name} ${interfaceMac}`).digest();
  return FIRST_BYTE * 2 ** (8 * HASHED_BYTES) + digest.readUIntBE(0, HASHED_BYTES);
}
