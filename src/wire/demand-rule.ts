import type { Cidr } from './address.ts';
import { put16, put32, u16, u32 } from './bytes.ts';

/** A session with this peer may be opened when traffic for its stations appears, and ends when there is none (body of DEMAND). */
export interface DemandRule {
  /** Number of the peer, 1 to 65535. */
  readonly site: number;
  /** 1 to 2^32-1. */
  readonly idle_ms: number;
  /** Where its stations are, besides those that were learned; at most {@link DEMAND_NETWORKS}. */
  readonly networks: readonly Cidr[];
}

export type DemandRuleReason = 'ctrl-bad-length' | 'ctrl-bad-rule';

/** Networks of one rule. */
export const DEMAND_NETWORKS = 64;

const HEAD_BYTES = 7;
const NETWORK_BYTES = 5;
const PREFIX_MAX = 32;

/** Reads the bytes from `at` to `end`, all of which must belong to the rule. */
export function readDemandRule(bytes: Uint8Array, at: number, end: number): DemandRule | DemandRuleReason {
  if (end - at < HEAD_BYTES || end - at !== HEAD_BYTES + NETWORK_BYTES * bytes[at + 6]) return 'ctrl-bad-length';
  const networks: Cidr[] = [];
  for (let i = at + HEAD_BYTES; i < end; i += NETWORK_BYTES)
    networks.push({ address: u32(bytes, i), prefix: bytes[i + 4] });
  const rule = { site: u16(bytes, at), idle_ms: u32(bytes, at + 2), networks };
  const isGood = rule.site > 0 && rule.idle_ms > 0 && networks.length <= DEMAND_NETWORKS;
  return isGood && networks.every(({ prefix }) => prefix <= PREFIX_MAX) ? rule : 'ctrl-bad-rule';
}

export function buildDemandRule({ site, idle_ms, networks }: DemandRule): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + NETWORK_BYTES * networks.length);
  put16(bytes, 0, site);
  put32(bytes, 2, idle_ms);
  bytes[6] = networks.length;
  for (const [index, { address, prefix }] of networks.entries()) {
    const at = HEAD_BYTES + NETWORK_BYTES * index;
    put32(bytes, at, address);
    bytes[at + 4] = prefix;
  }
  return bytes;
}
