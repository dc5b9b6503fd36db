import { setTimeout as sleep } from 'node:timers/promises';
import { forgetNeighbour, ping, TWO_LAN, type TwoLanNetwork, transfer, twoLanNetwork } from '../netlab/index.ts';
import { prepareGateways, type RunningGateway, ready, startGateway } from './gateways.ts';
import { hints } from './hints.ts';
import { JournalTail } from './journal-tail.ts';
import { liveStatus } from './live-status.ts';
import { type DemoOptions, EMBODIMENT_TEXT } from './options.ts';
import type { Printer } from './printer.ts';
import { mbitPerSecond, Stage, sizeText } from './stage.ts';
import { Story } from './story.ts';

const POLL_MS = 50;
/** The tunnel stands by then. */
const TUNNEL_LIMIT_MS = 40_000;
/** Slower than this the transfer has failed, bytes per second. */
const SLOWEST_BYTES_PER_S = 500_000;
const TRANSFER_EXTRA_MS = 30_000;
const PINGS_BEFORE = 2;
const PINGS = 5;

export interface NetworkDemo {
  readonly options: DemoOptions;
  readonly printer: Printer;
  /** Exists, and is removed by the caller. */
  readonly folder: string;
  /** The command line that runs glassgate. */
  readonly command: readonly string[];
  /** Given when the demo shall end. */
  readonly signal: AbortSignal;
}

/** The demo on real kernels, inside a sandbox: true when all of it worked. */
export async function networkDemo(demo: NetworkDemo): Promise<boolean> {
  const stage = new Stage(demo.printer);
  const gateways: RunningGateway[] = [];
  const play = new Play(demo, stage, gateways);
  try {
    // Whatever is being waited for inside, the wish to end comes first.
    await Promise.race([play.run(), aborted(demo.signal)]);
    return play.isThrough && stage.allWorked;
  } finally {
    demo.printer.done();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
}

class Play {
  /** All that can fail is over. */
  isThrough = false;
  readonly #demo: NetworkDemo;
  readonly #stage: Stage;
  readonly #gateways: RunningGateway[];

  constructor(demo: NetworkDemo, stage: Stage, gateways: RunningGateway[]) {
    this.#demo = demo;
    this.#stage = stage;
    this.#gateways = gateways;
  }

  async run(): Promise<void> {
    const { options, folder, command, signal, printer } = this.#demo;
    const network = await setTheStage(this.#demo, this.#stage);
    await pingBefore(this.#stage);
    if (!(await openTunnel(this.#demo, this.#stage, this.#gateways))) return;
    await pingAfter(this.#stage);
    await transferAndCompare(options, this.#stage);
    await judgeFirewall(network, this.#stage);
    this.isThrough = true;
    this.#stage.tellResult();
    if (options.once || signal.aborted) return;
    printer.say(hints(folder, command));
    await liveStatus({ gateways: this.#gateways, stage: this.#stage, signal });
  }
}

async function setTheStage({ options, folder }: NetworkDemo, stage: Stage): Promise<TwoLanNetwork> {
  const { terminal, server, gateway20, gateway30 } = TWO_LAN;
  stage.tell({
    step: 'begin',
    box: 'demo',
    text: `${EMBODIMENT_TEXT[options.embodiment]}; tunnel packets look like ${options.f13.toUpperCase()}`,
  });
  const network = await twoLanNetwork();
  const text = `two LANs, made of Linux network namespaces: terminal 21 (${terminal.ip}) and server 31 (${server.ip}), a firewall between`;
  stage.tell({ step: 'network', box: 'demo', text });
  stage.tell({
    step: 'firewall',
    box: 'firewall 33',
    text: `lets gateway 20 (${gateway20.ip}) and gateway 30 (${gateway30.ip}) talk, nobody else; drops what is INVALID to it`,
  });
  await prepareGateways(folder, options);
  stage.tell({ step: 'certificates', box: 'demo', text: 'a CA and a certificate for each gateway are made' });
  return network;
}

/** Only a tunnel joins the LANs: without one, nothing may arrive. */
async function pingBefore(stage: Stage): Promise<void> {
  const { terminal, server } = TWO_LAN;
  const { sent, received } = await ping(terminal.host, server.ip, { count: PINGS_BEFORE, timeout_ms: 800 });
  const ok = received === 0;
  const text = ok
    ? `ping ${server.ip} (server 31): no answer, as it should be without a tunnel`
    : `ping ${server.ip} (server 31) was answered although there is no tunnel`;
  stage.tell({ step: 'ping-before', box: 'terminal 21', ok, text, sent, received });
}

async function openTunnel(
  { options, folder, command, signal }: NetworkDemo,
  stage: Stage,
  gateways: RunningGateway[],
): Promise<boolean> {
  const story = new Story(options, ({ time_us, ...step }) => stage.tell(step, time_us));
  const start = async (numeral: 20 | 30): Promise<RunningGateway> => {
    const gateway = startGateway(folder, numeral, command);
    gateways.push(gateway);
    const { ip } = numeral === 20 ? TWO_LAN.gateway20 : TWO_LAN.gateway30;
    const text = `starts (glassgate up) with an own MAC and IP, ${ip}, on eth0; the kernel has none there`;
    stage.tell({ step: 'gateway-starts', box: `gateway ${numeral}`, text });
    await ready(gateway);
    return gateway;
  };
  try {
    const gateway20 = await start(20);
    const tail = new JournalTail([gateway20.files.journal, `${folder}/gateway30.journal`], (record) =>
      story.take(record),
    );
    try {
      const gateway30 = await start(30);
      return await tunnelStands(story, [gateway20, gateway30], signal, stage);
    } finally {
      tail.close();
    }
  } catch (error) {
    stage.tell({ step: 'gateway-failed', box: 'demo', ok: false, text: (error as Error).message });
    return false;
  }
}

async function tunnelStands(
  story: Story,
  gateways: readonly RunningGateway[],
  signal: AbortSignal,
  stage: Stage,
): Promise<boolean> {
  const ended = Promise.race(
    gateways.map(async ({ exit, files }) => `glassgate up ${files.config} ended with code ${await exit}`),
  );
  let why: string | undefined;
  void ended.then((text) => {
    why = text;
  });
  const limit_ms = performance.now() + TUNNEL_LIMIT_MS;
  while (!story.isComplete && why === undefined && performance.now() < limit_ms && !signal.aborted)
    await sleep(POLL_MS);
  if (story.isComplete || signal.aborted) return story.isComplete;
  const logs = gateways.map((gateway) => gateway.logTail()).join('\n');
  stage.tell({
    step: 'tunnel-failed',
    box: 'demo',
    ok: false,
    text: `${why ?? `no tunnel after ${TUNNEL_LIMIT_MS / 1000} s`}\n${logs}`,
  });
  return false;
}

async function pingAfter(stage: Stage): Promise<void> {
  const { terminal, server } = TWO_LAN;
  // Its kernel may still be giving up on the ping without a tunnel.
  await forgetNeighbour(terminal.host, terminal.interface, server.ip);
  const { sent, received, roundTrips_ms } = await ping(terminal.host, server.ip, { count: PINGS });
  const times = roundTrips_ms.map((time_ms) => time_ms.toFixed(2));
  const text = `ping ${server.ip} (server 31): ${received} of ${sent} answered through the tunnel, in ${times.join(', ')} ms`;
  stage.tell({ step: 'ping', box: 'terminal 21', ok: received === sent, text, sent, received, roundTrips_ms });
}

async function transferAndCompare({ bytes }: DemoOptions, stage: Stage): Promise<void> {
  const { terminal, server } = TWO_LAN;
  stage.tell({
    step: 'transfer-begins',
    box: 'terminal 21',
    text: `sends ${sizeText(bytes)} to server 31 by its kernel's TCP`,
  });
  const start_ms = performance.now();
  const timeout_ms = (bytes / SLOWEST_BYTES_PER_S) * 1000 + TRANSFER_EXTRA_MS;
  const onProgress = (done: number): void => {
    const rate = mbitPerSecond(done, performance.now() - start_ms);
    stage.printer.status(`${sizeText(done)} of ${sizeText(bytes)}, ${rate} Mbit/s`, {
      state: 'transfer',
      bytes: done,
      mbit_per_s: rate,
    });
  };
  try {
    const { sent, received } = await transfer(terminal.host, server.host, server.ip, bytes, { onProgress, timeout_ms });
    const ok = received.bytes === bytes && sent.sha256 === received.sha256;
    const mbit_per_s = mbitPerSecond(received.bytes, received.time_ms);
    stage.tell({
      step: 'sent',
      box: 'terminal 21',
      text: `sent     ${sent.bytes} bytes, SHA-256 ${sent.sha256}`,
      ...sent,
    });
    stage.tell({
      step: 'received',
      box: 'server 31',
      text: `received ${received.bytes} bytes, SHA-256 ${received.sha256}`,
      ...received,
    });
    const text = ok
      ? `equal at both ends; ${mbit_per_s} Mbit/s through the tunnel`
      : 'what arrived is not what was sent';
    stage.tell({ step: 'transfer', box: 'server 31', ok, text, bytes: received.bytes, mbit_per_s });
  } catch (error) {
    stage.tell({ step: 'transfer', box: 'terminal 21', ok: false, text: (error as Error).message });
  }
}

async function judgeFirewall(network: TwoLanNetwork, stage: Stage): Promise<void> {
  const { invalid, forwarded, blocked } = await network.firewallCounters();
  const text = `forwarded ${forwarded} tunnel packets, dropped ${invalid} as INVALID and ${blocked} as not allowed`;
  stage.tell({
    step: 'firewall-counters',
    box: 'firewall 33',
    ok: invalid === 0 && blocked === 0,
    text,
    forwarded,
    invalid,
    blocked,
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
