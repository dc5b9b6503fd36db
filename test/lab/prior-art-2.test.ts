import { describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { SERVER_31, TERMINAL_21 } from '../../src/topologies/network.ts';
import { topologyByName } from '../../src/topologies/topologies.ts';
import { u48 } from '../../src/wire/bytes.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { hasFlags, hexOf, isControl, payloadLength, read, SECOND_US, upLab } from './support.ts';

/** SSL layers and their security engines, by device. */
const ENDS = [
  { device: 'gateway20', mac: '2011' },
  { device: 'gateway30', mac: '3011' },
  { device: 'relay10', mac: '1011' },
] as const;

interface Work {
  sealed: number;
  opened: number;
  sealedElsewhere: number;
  openedElsewhere: number;
}

/** What all SSL layers of a device, or all its security engines, have counted. */
function workOf(lab: Lab, device: string, kind: 'ssl' | 'security-engine'): Work {
  const work: Work = { sealed: 0, opened: 0, sealedElsewhere: 0, openedElsewhere: 0 };
  for (const layer of lab.devices[device].layers.filter((each) => each.kind === kind))
    for (const key of Object.keys(work) as (keyof Work)[]) work[key] += layer.counters[key] ?? 0;
  return work;
}

function usedLab(): Lab {
  const lab = upLab('prior-art-2');
  ping(lab);
  return lab;
}

describe('prior art 2', () => {
  it('prior art 2: no cipher in software, all of it in the security engines beside the CPUs', () => {
    const lab = usedLab();
    expect(transfer(lab, { bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    for (const { device } of ENDS) {
      const ssl = workOf(lab, device, 'ssl');
      const engine = workOf(lab, device, 'security-engine');
      expect(ssl, device).toMatchObject({ sealed: 0, opened: 0 });
      expect(ssl.sealedElsewhere, device).toBeGreaterThan(50);
      expect(engine.sealed, device).toBe(ssl.sealedElsewhere);
      expect(engine.opened, device).toBeGreaterThanOrEqual(ssl.openedElsewhere);
      expect(lab.drops(device)).not.toHaveProperty('cipher-lost');
    }
  });

  it('prior art 2: the same bytes arrive, and the same frames', () => {
    const lab = usedLab();
    const between = (from: number, to: number) => (bytes: Uint8Array) => u48(bytes, 6) === from && u48(bytes, 0) === to;
    const there = between(TERMINAL_21.mac, SERVER_31.mac);
    const back = between(SERVER_31.mac, TERMINAL_21.mac);
    const seen = lab.capture(['W1', 'W6']);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    const other = transfer(lab, { from: 'server31', bytes: 100_000, limit_us: 60 * SECOND_US });
    expect(other.receivedSha256).toBe(other.sentSha256);
    expect(hexOf(seen, 'W6', 'ab', there)).toEqual(hexOf(seen, 'W1', 'ab', there));
    expect(hexOf(seen, 'W1', 'ba', back)).toEqual(hexOf(seen, 'W6', 'ba', back));
    expect(hexOf(seen, 'W6', 'ab', there).length).toBeGreaterThan(50);
  });

  it('prior art 2: every frame crosses the CPU of each gateway twice and of the relay twice', () => {
    const lab = usedLab();
    lab.run(SECOND_US);
    const crossings = () =>
      ENDS.map(({ device, mac }) => {
        const { received = 0, sent = 0 } = lab.layer(device, mac).counters;
        return received + sent;
      });
    const before = crossings();
    // Echo requests go out far apart, and each answer comes before the next: what is counted besides are acknowledgements of F13.
    expect(ping(lab, { count: 20 }).rtts_us).toHaveLength(20);
    const grown = crossings().map((now, at) => now - before[at]);
    for (const each of grown) expect(each).toBeGreaterThanOrEqual(4 * 20);
  });

  it('prior art 2: F13 is a true TCP on both legs, and no frame for a cipher is on any cable', () => {
    const lab = upLab('prior-art-2');
    const cables = lab.plan.cables.map(({ name }) => name);
    const special = lab.capture(cables, ({ bytes }) => isControl(bytes));
    const f13 = lab.capture(cables, ({ bytes }) => {
      const { tcp, ip } = read(bytes);
      return tcp !== undefined && ip?.source !== TERMINAL_21.address && ip?.source !== SERVER_31.address;
    });
    ping(lab);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    expect(special).toEqual([]);
    const acks = f13.filter(({ bytes }) => payloadLength(bytes) === 0 && hasFlags(bytes, Flag.ACK));
    for (const end of ['W2', 'W5']) expect(acks.filter(({ place }) => place === end).length, end).toBeGreaterThan(10);
  });

  it('prior art 2 is prior art 1 with one layer more beside each SSL', () => {
    const settings = { shape: 'tcp', handshake: 'hold', hostMtu: 1400 } as const;
    const [one, two] = ['prior-art-1', 'prior-art-2'].map((name) => topologyByName(name)?.plan(settings));
    const labels = (plan: typeof one) => plan?.devices.map(({ layers }) => layers.map(({ label }) => label));
    const withoutEngines = labels(two)?.map((layers) => layers.filter((label) => !label.endsWith('S')));
    expect(withoutEngines).toEqual(labels(one));
    expect(two?.cables).toEqual(one?.cables);
  });
});
