import { createHash } from 'node:crypto';
import type { Config, HostConfig, HostGatewayConfig } from '../../config/schema.ts';
import { formatMac, type Mac, parseMac } from '../../wire/address.ts';

/** Locally administered, not a group (IEEE 802 section 8.2). */
const FIRST_BYTE = 0x02;
const HASHED_BYTES = 5;

/**
 * The gateway's own MAC: the one given, that of the interface, or (`auto`) one made from name and interface, which stays the same over
 * restarts and differs from that of any other gateway.
 */
export function ownMac(config: Config, interfaceMac: string): Mac {
  const { mac } = config.interface;
  return parseMac(mac === 'interface' ? interfaceMac : mac) ?? madeMac(`${config.name} ${interfaceMac}`);
}

/** MAC of the kernel at its TAP: with a driver below it is the one on the wire, with a gateway below one of its own. */
export function kernelMac(config: HostConfig | HostGatewayConfig, own: Mac): Mac {
  if (config.role === 'host') return own;
  return parseMac(config.tap.mac) ?? madeMac(`${config.name} ${formatMac(own)} kernel`);
}

function madeMac(of: string): Mac {
  const digest = createHash('sha256').update(`glassgate ${of}`).digest();
  return FIRST_BYTE * 2 ** (8 * HASHED_BYTES) + digest.readUIntBE(0, HASHED_BYTES);
}
