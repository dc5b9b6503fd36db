import { RENEWAL_UNDER_WAY } from '../records/record-session.ts';

/**
 * Between two renewals at least so long, so that few sets of keys live beside each other. The server takes half of it: the client's
 * hellos may have been under way for different times.
 */
export const RENEWALS_APART_MS = 30_000;
const US_PER_S = 1_000_000;

/** What decides about a renewal that the operator or the clock asks for. */
interface RenewalFacts {
  readonly client: boolean;
  /** An in-line cipher below encrypts the stream: it keeps its keys for the life of the TCP connection. */
  readonly inline: boolean;
  readonly established: boolean;
  /** The records of the session run under one set of keys. */
  readonly steady: boolean;
  /** Since the last renewal; Infinity before the first. */
  readonly since_us: number;
}

/** What speaks against a renewal now, in words for the operator. */
export function renewalRefusal({ client, inline, established, steady, since_us }: RenewalFacts): string | undefined {
  if (!client) return 'only the end that connects renews';
  if (inline) return 'a session with an in-line cipher keeps its keys; connect anew for fresh ones';
  if (!established) return RENEWAL_UNDER_WAY;
  const wait_us = RENEWALS_APART_MS * 1000 - since_us;
  if (wait_us > 0)
    return `too soon: the last renewal was ${Math.floor(since_us / US_PER_S)} s ago, wait ${Math.ceil(wait_us / US_PER_S)} s`;
  return steady ? undefined : RENEWAL_UNDER_WAY;
}
