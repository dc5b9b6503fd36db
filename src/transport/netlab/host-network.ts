import { closeSync, openSync } from 'node:fs';
import { check, libc } from '../os/libc.ts';
import type { HostName } from './hosts.ts';

const CLONE_NEWNET = 0x40000000;

/**
 * Calls `body` with this thread in the network of a host, so that the sockets and interfaces it opens belong to that host for
 * good; then comes back. `body` must not be asynchronous: the whole thread is elsewhere meanwhile.
 */
export function inHostNetwork<T>(host: HostName, body: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const there = openSync(`/run/netns/${host}`, 'r');
    try {
      check(libc().setns(there, CLONE_NEWNET), 'enter the network of host', host, { EPERM: 'only inside a sandbox' });
    } finally {
      closeSync(there);
    }
    try {
      return body();
    } finally {
      check(libc().setns(home, CLONE_NEWNET), 'come back from the network of host', host);
    }
  } finally {
    closeSync(home);
  }
}
