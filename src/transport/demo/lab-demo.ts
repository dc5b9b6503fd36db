import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WRITE_BYTES } from '../../actors/test-application/layer.ts';
import { pattern } from '../../actors/test-application/pattern.ts';
import { Lab } from '../../lab/lab.ts';
import { NO_SECURITY_NOTE } from '../../lab/report.ts';
import { ciphersOf } from '../../lab/run.ts';
import { labSettings } from '../../lab/settings.ts';
import { ping, startTransfer } from '../../lab/traffic.ts';
import { type DemoOptions, EMBODIMENT_TEXT } from './options.ts';
import type { Printer } from './printer.ts';
import { mbitPerSecond, Stage, sizeText } from './stage.ts';
import { Story } from './story.ts';

/** Virtual times. */
const DELAY_US = 1_000;
const RATE_BPS = 1_000_000_000;
const TUNNEL_LIMIT_US = 40_000_000;
const SLICE_US = 20_000;
const LIVE_US = 1_000_000;
const PINGS_BEFORE = 2;
const PINGS = 5;
/** Slower than this the transfer has failed. */
const SLOWEST_BYTES_PER_S = 500_000;
/** Real times. */
const LIVE_MS = 1_000;
const STATUS_MS = 500;

export interface LabDemo {
  readonly options: DemoOptions;
  readonly printer: Printer;
  readonly signal: AbortSignal;
}

/** The demo in memory, on virtual time: true when all of it worked. */
export async function labDemo({ options, printer, signal }: LabDemo): Promise<boolean> {
  const stage = new Stage(printer, 0);
  const story = new Story(options, ({ time_us, ...step }) => stage.tell(step, time_us));
  const { f13: shape, handshake } = options;
  const settings = labSettings(`e${options.embodiment}`, {
    shape,
    handshake,
    path: { delay_us: DELAY_US, rate_bps: RATE_BPS },
  });
  const lab = new Lab(settings, { journal: { level: 'inputs', record: (record) => story.take(record) } });
  const text = `${EMBODIMENT_TEXT[options.embodiment]}; tunnel packets look like ${shape.toUpperCase()}; ${NO_SECURITY_NOTE}`;
  stage.tell({ step: 'begin', box: 'demo', text }, lab.now_us);
  pingBefore(lab, stage);
  const isUp = openTunnel(lab, story, stage);
  if (isUp) {
    pingAfter(lab, stage);
    await transferAndCompare(lab, options.bytes, stage, signal);
    judgeFirewall(lab, stage);
    if (!signal.aborted) stage.tellResult(lab.now_us);
  }
  const worked = isUp && stage.allWorked && !signal.aborted;
  if (worked && !options.once) await stayUp(lab, stage, signal);
  printer.done();
  return worked;
}

/** Hosts, hubs and firewall run; the gateways do not yet. */
function pingBefore(lab: Lab, stage: Stage): void {
  for (const name of ['hub22', 'hub32', 'firewall33', 'terminal21', 'server31'] as const) lab.devices[name].start();
  const { sent, rtts_us } = ping(lab, { count: PINGS_BEFORE });
  const ok = rtts_us.length === 0;
  const text = ok
    ? 'ping server 31: no answer, as it should be without a tunnel'
    : 'ping was answered although there is no tunnel';
  stage.tell({ step: 'ping-before', box: 'terminal 21', ok, text, sent, received: rtts_us.length }, lab.now_us);
}

function openTunnel(lab: Lab, story: Story, stage: Stage): boolean {
  lab.devices.gateway20.start();
  lab.devices.gateway30.start();
  lab.until(() => story.isComplete, TUNNEL_LIMIT_US);
  if (!story.isComplete)
    stage.tell({ step: 'tunnel-failed', box: 'demo', ok: false, text: 'no tunnel came up' }, lab.now_us);
  return story.isComplete;
}

function pingAfter(lab: Lab, stage: Stage): void {
  const { sent, rtts_us } = ping(lab, { count: PINGS, interval_us: 200_000 });
  const roundTrips_ms = rtts_us.map((time_us) => time_us / 1000);
  const times = roundTrips_ms.map((time_ms) => time_ms.toFixed(2)).join(', ');
  const received = rtts_us.length;
  const text = `ping server 31: ${received} of ${sent} answered through the tunnel, in ${times} ms`;
  stage.tell(
    { step: 'ping', box: 'terminal 21', ok: received === sent, text, sent, received, roundTrips_ms },
    lab.now_us,
  );
}

async function transferAndCompare(lab: Lab, bytes: number, stage: Stage, signal: AbortSignal): Promise<void> {
  const arrived = createHash('sha256');
  const end = lab.onData((device, _connection, part) => device === 'server31' && arrived.update(part));
  stage.tell(
    { step: 'transfer-begins', box: 'terminal 21', text: `sends ${sizeText(bytes)} to server 31` },
    lab.now_us,
  );
  const running = startTransfer(lab, { bytes });
  const limit_us = lab.now_us + (bytes / SLOWEST_BYTES_PER_S) * 1_000_000;
  for (let shown_ms = performance.now(); !running.isOver && lab.now_us < limit_us && !signal.aborted; ) {
    lab.until(() => running.isOver, SLICE_US);
    if (performance.now() - shown_ms < STATUS_MS) continue;
    shown_ms = performance.now();
    const { received } = running.result();
    stage.printer.status(`${sizeText(received)} of ${sizeText(bytes)}`, { state: 'transfer', bytes: received });
    await sleep(0);
  }
  running.end();
  end();
  const { received, time_us } = running.result();
  const [sent256, received256] = [patternHash(lab.settings.seed, bytes), arrived.digest('hex')];
  const ok = running.isOver && received === bytes && sent256 === received256;
  const mbit_per_s = mbitPerSecond(received, time_us / 1000);
  stage.tell(
    { step: 'sent', box: 'terminal 21', text: `sent     ${bytes} bytes, SHA-256 ${sent256}`, bytes, sha256: sent256 },
    lab.now_us,
  );
  const arrivedText = `received ${received} bytes, SHA-256 ${received256}`;
  stage.tell(
    { step: 'received', box: 'server 31', text: arrivedText, bytes: received, sha256: received256 },
    lab.now_us,
  );
  const text = ok ? `equal at both ends; ${mbit_per_s} Mbit/s of virtual time` : 'what arrived is not what was sent';
  stage.tell({ step: 'transfer', box: 'server 31', ok, text, bytes: received, mbit_per_s }, lab.now_us);
}

function patternHash(seed: number, bytes: number): string {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes; at += WRITE_BYTES) hash.update(pattern(seed, at, Math.min(WRITE_BYTES, bytes - at)));
  return hash.digest('hex');
}

function judgeFirewall(lab: Lab, stage: Stage): void {
  const drops = lab.drops('firewall33');
  const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
  const reasons = Object.entries(drops).map(([reason, count]) => `${count} ${reason}`);
  const text = dropped === 0 ? 'dropped nothing' : `dropped ${reasons.join(', ')}`;
  stage.tell({ step: 'firewall-counters', box: 'firewall 33', text, drops }, lab.now_us);
}

/** A second of virtual time for each true one, with a ping in it, until `signal` comes. */
async function stayUp(lab: Lab, stage: Stage, signal: AbortSignal): Promise<void> {
  stage.printer.say('\nThe lab stays up: each second terminal 21 pings server 31. More of it: glassgate lab --help\n');
  while (!signal.aborted) {
    const start_us = lab.now_us;
    const { rtts_us } = ping(lab, { count: 1 });
    lab.run(Math.max(0, LIVE_US - (lab.now_us - start_us)));
    const { sealed, opened } = cipherSum(lab);
    const drops = Object.values(lab.drops('gateway20', 'gateway30')).reduce((sum, count) => sum + count, 0);
    const state = lab.isUp ? 'up' : 'down';
    const pong = rtts_us.length === 1 ? `ping ${(rtts_us[0] / 1000).toFixed(2)} ms` : 'ping lost';
    const text = `tunnel ${state} · sealed ${sealed} · opened ${opened} · ${pong} · drops ${drops} · Ctrl-C ends`;
    const news = `${state}, ${rtts_us.length} answered, ${drops}`;
    stage.printer.status(text, { state, framesSealed: sealed, framesOpened: opened, drops }, news);
    await sleep(LIVE_MS, undefined, { signal }).catch(() => {});
  }
}

/** Of gateway 20, wherever in it the cipher stands. */
function cipherSum(lab: Lab): { sealed: number; opened: number } {
  const sum = { sealed: 0, opened: 0 };
  for (const { gateway, sealed, opened } of ciphersOf(lab)) {
    if (gateway !== 'gateway20') continue;
    sum.sealed += sealed;
    sum.opened += opened;
  }
  return sum;
}
