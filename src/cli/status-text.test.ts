import { describe, expect, it } from 'vitest';
import { FAR_IP, NEAR_IP, TerminalPair } from '../../test/support/terminal-pair.ts';
import type { Device } from '../actors/device.ts';
import { connectionsOf, dropsOf } from '../transport/runtime/gateway-status.ts';
import { buildTcpFrame } from '../wire/build.ts';
import { Flag } from '../wire/tcp.ts';
import { statusText } from './status-text.ts';

const PORT = {
  name: 'eth0',
  kind: 'packet',
  mac: '02:00:00:00:00:21',
  mtu: 1500,
  framesReceived: 1,
  framesSent: 1,
  bytesReceived: 1,
  bytesSent: 1,
  framesLost: 0,
};

/** Status of a host with this driver, of which these tests read lines about connections and drops. */
function hostStatus(driver: TerminalPair['near']['driver']): string {
  const device = { layers: [driver] } as unknown as Device;
  return statusText({
    name: 'terminal21',
    version: '0',
    role: 'host',
    embodiment: 'driver',
    pid: 1,
    started: '',
    uptime_s: 1,
    tls: 'none',
    interface: PORT,
    tap: PORT,
    address: null,
    listen: null,
    peers: [],
    connections: connectionsOf(device),
    framesSealed: 0,
    framesOpened: 0,
    drops: dropsOf(device),
    journal: null,
    internalErrors: 0,
  });
}

function inject(
  { near }: TerminalPair,
  port: 'upper' | 'lower',
  ip: { source: number; destination: number },
  ports: { sourcePort: number; destinationPort: number },
): void {
  const ethernet = { source: near.options.mac, destination: near.options.mac };
  const tcp = { ...ports, seq: 1, ack: 1, flags: Flag.ACK, window: 1000 };
  near.host.injectBytes(port, buildTcpFrame({ ethernet, ip, tcp }, new Uint8Array(5)));
}

describe('status of a host', () => {
  it('tells connections that are carried, at both ends', () => {
    const pair = new TerminalPair({});
    pair.connect();
    const line = 'TCP        1 connections now, 1 carried since the start, 0 left alone, 0 refused\n';
    expect(hostStatus(pair.near.driver)).toContain(line);
    expect(hostStatus(pair.far.driver)).toContain(line);
  });

  it('tells those that were refused, at both ends', () => {
    const pair = new TerminalPair({ listens: false });
    pair.near.connect();
    pair.pass(5_000_000);
    for (const { driver } of [pair.near, pair.far])
      expect(hostStatus(driver)).toContain(', 0 carried since the start, 0 left alone, 1 refused');
  });

  it('tells those whose destination has no counterpart', () => {
    const pair = new TerminalPair({ farDriver: false });
    pair.connect();
    expect(hostStatus(pair.near.driver)).toContain(' 0 carried since the start, 1 left alone, 0 refused');
  });

  it('tells what comes after the end of a connection as late, not as something that went wrong', () => {
    const pair = new TerminalPair({});
    pair.connect();
    // Nobody's segment may pass for one of the connection's; it is told.
    inject(pair, 'lower', { source: FAR_IP, destination: NEAR_IP }, { sourcePort: 80, destinationPort: 40_000 });
    pair.near.tcp?.abort();
    pair.pass(1_000_000);
    inject(pair, 'upper', { source: NEAR_IP, destination: FAR_IP }, { sourcePort: 40_000, destinationPort: 80 });
    const told = hostStatus(pair.near.driver);
    expect(told).toContain('; 1 late frames of connections that were over\n');
    expect(told).toMatch(/DROPPED.*\nunexpected-unit +1 +2106 terminal-driver$/);
  });
});
