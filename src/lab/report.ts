import { topologyByName } from '../topologies/topologies.ts';
import type { CipherPlace, LabResult } from './run.ts';
import type { Step } from './steps.ts';
import type { TransferResult } from './traffic.ts';

/** Said in every output of the lab. */
export const NO_SECURITY_NOTE = 'no security: model TLS (the lab plays TLS with secrets from the seed)';

/** What a run shows to people. */
export function reportText(result: LabResult): string {
  return [
    headline(result),
    '',
    'Set-up',
    ...stepLines(result.setUp),
    result.up_us === undefined
      ? 'The session did not come up.'
      : `The session carries frames after ${ms(result.up_us)}.`,
    '',
    ...pingLines(result),
    ...(result.transfer === undefined ? [] : transferLines(result, result.transfer)),
    ...result.ciphers.map(cipherLine),
    '',
    'Tear-down, by the operator of gateway 30',
    ...stepLines(result.tearDown),
    result.down ? 'Nothing of the session is left.' : 'Something of the session is left: see above.',
    '',
    `Frames that ended in a device: ${countsText(result.drops)}`,
    `Frames on ${result.pathCables.join(' and ')} (both ways): `.padEnd(32) + countsText(result.path),
  ].join('\n');
}

/** True when all that was asked for worked, as far as the network carries it. */
export function isSuccess({ up_us, ping, carries, transfer, down }: LabResult): boolean {
  const pinged = ping === undefined || carries === 'tcp' || ping.rtts_us.length > 0;
  return up_us !== undefined && down && pinged && (transfer === undefined || (transfer.complete && transfer.intact));
}

function headline({ settings, f13 }: LabResult): string {
  const { topology, shape, handshake, seed, path } = settings;
  const { name, title, figure } = topologyByName(topology) ?? { name: topology, title: '' };
  const drawn = figure === undefined ? '' : ` (figure ${figure})`;
  const shaped = `F13 ${shape === 'tcp' ? 'TCP-shaped' : 'UDP'}, handshake ${handshake}`;
  const outer = { shape: shaped, udp: 'F13 UDP', tcp: 'F13 a true TCP' }[f13];
  const way = [
    `delay ${ms(path.delay_us ?? 0)} each way`,
    `loss ${percent(path.loss ?? 0)}`,
    path.rate_bps ? `rate ${bitRate(path.rate_bps)}` : 'no rate limit',
    ...(path.reorder ? [`reordering ${percent(path.reorder)}`] : []),
    ...(path.duplicate ? [`duplicates ${percent(path.duplicate)}`] : []),
  ];
  return [
    `${name}: ${title}${drawn}`,
    `${outer}, seed ${seed}; between the gateways: ${way.join(', ')}`,
    NO_SECURITY_NOTE,
  ].join('\n');
}

/** One line a step; the same one again and again is told once, with how often and until when. */
function stepLines(steps: readonly Step[]): string[] {
  const runs: { step: Step; times: number; last_us: number }[] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (last?.step.place === step.place && last.step.text === step.text) {
      last.times += 1;
      last.last_us = step.time_us;
    } else runs.push({ step, times: 1, last_us: step.time_us });
  }
  return runs.map(({ step: { time_us, place, text }, times, last_us }) => {
    const until = last_us > time_us ? `, the last at ${ms(last_us)}` : '';
    const again = times > 1 ? ` (${times} times${until})` : '';
    return `${ms(time_us).padStart(14)}  ${place.padEnd(10)}  ${text}${again}`;
  });
}

function pingLines(result: LabResult): string[] {
  const { ping, carries } = result;
  if (ping === undefined) return [];
  const times = ping.rtts_us.map(ms).join(', ');
  const more = [
    ...(times === '' ? [] : [` (${times})`]),
    ...(carries === 'tcp' ? [': it carries TCP alone'] : []),
  ].join('');
  return [`Ping ${wayText(result)}: ${ping.rtts_us.length} of ${ping.sent} answered${more}`];
}

/** `terminal 21 -> server 31`. */
function wayText({ way }: LabResult): string {
  return [way.from, way.to].map((name) => name.replace(/\d+$/, ' $&')).join(' -> ');
}

function transferLines(result: LabResult, moved: TransferResult): string[] {
  const bytes = moved.complete ? 'every byte arrived' : `only ${moved.received} bytes arrived`;
  return [
    `Transfer ${wayText(result)}: ${bytes}, ${moved.intact ? 'all as sent' : 'SOME WRONG'}; ${moved.received} bytes in ${ms(moved.time_us)}`,
    `  goodput ${bitRate(moved.goodput_bps)}; segments that the terminal's TCP (F23) sent again: ${moved.retransmissions}`,
    `  SHA-256 sent     ${moved.sentSha256}`,
    `  SHA-256 received ${moved.receivedSha256}`,
  ];
}

function cipherLine({ gateway, layer, kind, sealed, opened }: CipherPlace): string {
  const name = `${kind === 'ssl' ? 'SSL' : kind} ${layer}`;
  return `Cipher in ${gateway}, ${name}: ${sealed} sealed, ${opened} opened`;
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return parts.length === 0 ? 'none' : parts.map(([name, count]) => `${name} ${count}`).join(', ');
}

function ms(time_us: number): string {
  return `${(time_us / 1000).toFixed(3)} ms`;
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(4))} %`;
}

function bitRate(bps: number): string {
  if (bps >= 1e9) return `${(bps / 1e9).toFixed(2)} Gbit/s`;
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(2)} Mbit/s` : `${(bps / 1e3).toFixed(1)} kbit/s`;
}
