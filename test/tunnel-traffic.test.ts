import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeNamespaces, runScenario } from './support/netlab.ts';

const BYTES = 100_000_000;
const SECONDS = 2;
const TIME_LIMIT_MS = 300_000;
/** Far below what a machine does that has nothing else to do; more only shows that traffic flows. */
const SLOWEST_BITS_PER_S = 1_000_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describeNamespaces('kernel hosts through two gateways and a firewall', () => {
  it.each([2, 3, 4])(
    'embodiment %i: ping, iperf3 both ways, 100 MB by curl; nothing before and after',
    async (embodiment) => {
      const plan = {
        embodiment,
        f13: 'tcp',
        handshake: 'hold',
        folder,
        level: 'control',
        bytes: BYTES,
        seconds: SECONDS,
      };
      const { events, exitCode, stderr } = await runScenario(
        'tunnel-traffic.ts',
        [JSON.stringify(plan)],
        TIME_LIMIT_MS,
      );
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const [before, during, curl, iperf, state, after, stopped, w6] = events;
      expect(before).toMatchObject({ through: 0, direct: 0 });
      expect(during).toMatchObject({ through: 5, direct: 0 });
      expect(during.firewall.blocked).toBeGreaterThan(before.firewall.blocked);
      expect(curl).toMatchObject({ bytes: BYTES, received: curl.sent });
      for (const way of [iperf.there, iperf.back]) {
        expect(way.error).toBeUndefined();
        expect(way.bits_per_s).toBeGreaterThan(SLOWEST_BITS_PER_S);
      }
      expect(state).toMatchObject({ internalErrors: 0, firewall: { invalid: 0 } });
      expect(state.conntrack).toMatchObject([
        { protocol: 'tcp', state: 'ESTABLISHED', source: '198.51.100.30', destinationPort: 443 },
      ]);
      expect(after).toMatchObject({ through: 0, direct: 0, firewall: { invalid: 0 } });
      expect(stopped.codes).toEqual([0, 0]);
      expect(w6).toMatchObject({ before: 0, after: 0 });
      expect(w6.all).toBeGreaterThan(BYTES / 65_536 / 2);
    },
    TIME_LIMIT_MS,
  );
}, ['nft', 'iperf3', 'curl', 'conntrack', 'dumpcap', 'tshark']);
