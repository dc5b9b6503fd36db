import { expect, it } from 'vitest';
import { INITIAL_WINDOW_SEGMENTS } from '../src/actors/tcp/limits.ts';
import { describeNamespaces, runScenario } from './support/netlab.ts';

const BYTES = 10_000_000;
const FAR_MTU = 1300;
const LIMIT_MS = 180_000;

describeNamespaces('our host beside the kernel over IPv6', () => {
  it(
    'answers and asks, streams in both roles, minds the path MTU, and every packet is right',
    async () => {
      const { events, exitCode, stderr } = await runScenario('ip6.ts', [], LIMIT_MS);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const found = (event: string) => events.find((one) => one.event === event) ?? { event: 'none' };

      const { near, far } = found('kernel-ping');
      expect([near, far]).toMatchObject(Array(2).fill({ sent: 10, received: 10 }));
      expect(found('kernel-neighbour').text).toMatch(/^fd00:9::3 lladdr 02:00:00:00:09:03 .*(REACHABLE|DELAY)$/);
      expect(
        found('own-ping')
          .pongs.map(({ seq }: { seq: number }) => seq)
          .sort(),
      ).toEqual([0, 1, 2]);

      const into = found('in');
      expect(into.received).toMatchObject({ bytes: BYTES, reason: 'normal' });
      expect(into.sha256).toEqual([into.sent.sha256]);
      const out = found('out');
      expect(out.arrived).toMatchObject({ bytes: BYTES, sha256: out.sha256 });
      expect(out.transfer).toMatchObject({ bytes: BYTES, reason: 'normal' });

      // Whoever comes second does not get the address.
      expect(found('kernel-duplicate').text).toMatch(/fd00:9::3\/64 .*dadfailed/);
      expect(found('own-duplicate').notes).toEqual([{ address: 'fd00:9::1' }]);
      expect(found('states').states).toEqual(
        expect.arrayContaining(['TENTATIVE', 'VALID', 'INCOMPLETE', 'REACHABLE', 'DUPLICATE']),
      );

      const capture = found('capture');
      expect(capture).toMatchObject({ faults: [], badChecksums: 0, goodTcp: capture.tcp, goodIcmp: capture.icmp });
      expect(capture.tcp).toBeGreaterThan(BYTES / FAR_MTU);
      expect(capture.icmp).toBeGreaterThan(25);
      expect(capture.reports).toBeGreaterThan(0);
      // Until the router has told, full packets go out; later none.
      expect(capture.tooBig).toBeGreaterThan(0);
      expect(capture.long).toBeLessThanOrEqual(INITIAL_WINDOW_SEGMENTS);
      expect(capture.full).toBeGreaterThan((0.9 * BYTES) / FAR_MTU);
    },
    LIMIT_MS,
  );
}, ['dumpcap', 'tshark', '/dev/net/tun']);
