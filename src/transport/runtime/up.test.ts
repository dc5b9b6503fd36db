import { expect, it } from 'vitest';
import { describeNamespaces, runScenario, type ScenarioEvent } from '../../../test/support/netlab.ts';

const SCENARIO_MS = 60_000;

describeNamespaces('glassgate up on a real interface', () => {
  let run: Promise<Record<string, ScenarioEvent>> | undefined;
  /** The scenario runs once; what it printed, by event (commands by their name). */
  const events = async (): Promise<Record<string, ScenarioEvent>> => {
    run ??= runScenario('up.ts', [], SCENARIO_MS).then(({ events: list, stderr }) => {
      expect(stderr).toBe('');
      return Object.fromEntries(list.map((each) => [each.event === 'command' ? each.name : each.event, each]));
    });
    return run;
  };

  it(
    'answers ARP and ping by its own address and MAC, up to the MTU',
    async () => {
      const { ready, ping } = await events();
      expect(ready).toMatchObject({
        name: 'gateway20',
        interface: 'eth0',
        mac: '02:00:00:00:00:20',
        address: '10.2.0.20/24',
      });
      expect(ping).toMatchObject({ sent: 5, received: 5, large: 2 });
      expect(ping!.neighbour).toMatch(/^10\.2\.0\.20 dev eth0 lladdr 02:00:00:00:00:20 (REACHABLE|DELAY)/);
    },
    SCENARIO_MS,
  );

  it(
    'shows its state',
    async () => {
      const { status, table } = await events();
      expect(status).toMatchObject({
        embodiment: 'engine',
        tls: 'openssl',
        internalErrors: 0,
        peers: [{ name: 'gateway30', state: 'connecting', session: null }],
      });
      expect(status!.interface.framesReceived).toBeGreaterThanOrEqual(8);
      expect(status!.journal.records).toBeGreaterThan(10);
      expect(table!.text).toMatch(/^gateway30 {2}connecting /m);
    },
    SCENARIO_MS,
  );

  it(
    'takes and refuses commands',
    async () => {
      const found = await events();
      expect(found['same address']).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /^glassgate: \S+: interface.name: another gateway runs on eth0 with the address 10.2.0.20\/24; stop it first/,
        ),
      });
      expect(found['unknown peer']).toMatchObject({
        code: 1,
        stderr: "glassgate: no peer 'gateway99' in the configuration; known are gateway30\n",
      });
      expect(found.disconnect).toMatchObject({ code: 0, stdout: 'gateway30 is being disconnected\n' });
    },
    SCENARIO_MS,
  );

  it(
    'ends once within 3 s at repeated SIGTERMs and leaves nothing, with a journal that replays equal',
    async () => {
      const { dump, live, stopped, replay } = await events();
      expect(dump!.text).toMatch(/^SIGUSR2: journal \S+ is complete up to record \d+$/);
      expect(live).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringMatching(/\nstill being written: verified up to record \d+\n$/),
      });
      expect(stopped).toMatchObject({ code: 0, stderr: '', left: [], lines: ['SIGTERM: ending sessions', 'stopped'] });
      expect(stopped!.ms).toBeLessThan(3_000);
      expect(replay).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(replay!.stdout)).toMatchObject({ equal: true, gaps: 0 });
    },
    SCENARIO_MS,
  );

  it(
    'starts again beside the journal of the run before, and ends when its interface goes away',
    async () => {
      const { again, lost } = await events();
      expect(again!.journal).toMatch(/run\.\d{8}T\d{6}Z\.journal$/);
      expect(lost).toMatchObject({ code: 1, lines: expect.arrayContaining(['interface eth0 is gone (ENETDOWN)']) });
    },
    SCENARIO_MS,
  );
});
