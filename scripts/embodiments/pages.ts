import type { GoodputCell } from '../../src/lab/compare.ts';
import { mbit } from '../../src/lab/compare-text.ts';
import type { Observation } from '../../src/lab/observe.ts';
import { labPlan, labSettings } from '../../src/lab/settings.ts';
import { titleOf } from '../../src/lab/story.ts';
import type { NetworkPlan, Topology } from '../../src/topologies/plan.ts';
import { TOPOLOGIES, topologyByName } from '../../src/topologies/topologies.ts';
import type { Measured } from './measure.ts';

/** Between these a page is written by `npm run docs`; the rest of it is written by hand. */
const BEGIN = '<!-- made from the topology by `npm run docs`: do not edit -->';
const END = '<!-- end of what is made -->';
/** The measured line of a page: round trip time in milliseconds. */
const SHOWN_RTT_MS = 20;

/** A page with its generated part new, its hand-written part as it is; a page that is not there yet begins with a heading. */
export function pageWith(old: string | undefined, name: string, measured: Measured): string {
  const made = `${BEGIN}\n${madePart(name, measured)}\n${END}`;
  if (old === undefined) return `# ${headingOf(topology(name))}\n\n${made}\n`;
  const [begin, end] = [old.indexOf(BEGIN), old.indexOf(END)];
  if (begin >= 0 && end > begin) return old.slice(0, begin) + made + old.slice(end + END.length);
  const [heading, ...rest] = old.split('\n');
  return `${heading}\n\n${made}\n${rest.join('\n')}`;
}

/** One line for each page, with its measured goodput. */
export function overviewTable(names: readonly string[], { cells, seen }: Measured): string {
  const losses = [...new Set(cells.map(({ loss }) => loss))];
  const rows = names.map((name) => {
    const observed = seen.find(({ topology: of }) => of === name);
    const goodput = losses.map((loss) => cellText(cells, name, SHOWN_RTT_MS, loss));
    return `| [${name}](embodiments/${name}.md) | ${shortTitle(topology(name))} | ${f13Text(planOf(name))} | ${ciphersText(observed)} | ${goodput.join(' | ')} |`;
  });
  return [
    `| name | what it is | F13 | cipher runs in | ${losses.map((loss) => percent(loss)).join(' | ')} |`,
    `|---|---|---|---|${losses.map(() => '---:').join('|')}|`,
    ...rows,
  ].join('\n');
}

function madePart(name: string, measured: Measured): string {
  const plan = planOf(name);
  const observed = measured.seen.find(({ topology: of }) => of === name);
  return [
    `![${topology(name).title}](../pictures/${name}.svg)`,
    '',
    'Blue: a TCP or UDP layer. Green: SSL. Orange: a cipher below IP. Violet: ends a TCP in the name of another. Yellow: passes frames by MAC address. Dashed: a session.',
    '',
    '| device | layers, top to bottom |',
    '|---|---|',
    ...plan.devices.map(
      (device) =>
        `| ${titleOf(device)} | ${device.layers.map(({ label, block }) => `${label} ${block}`).join(' · ')} |`,
    ),
    '',
    `F13: ${f13Text(plan)}. Cipher: ${ciphersText(observed)}. Crossings of the MAC layer for each user's frame: ${crossingsText(observed)}.`,
    `TCPs that sent again in a transfer at 1 % loss: ${retransmittedText(observed)}.`,
    '',
    ...measuredLines(name, measured.cells),
    ...variantLines(name),
  ].join('\n');
}

function measuredLines(name: string, cells: readonly GoodputCell[]): string[] {
  const rtts = [...new Set(cells.map(({ rtt_ms }) => rtt_ms))];
  const losses = [...new Set(cells.map(({ loss }) => loss))];
  return [
    '`glassgate lab compare`, goodput of one transfer in Mbit/s over 50 Mbit/s, on virtual time, median of three seeds:',
    '',
    `| round trip time | ${losses.map((loss) => `${percent(loss)} loss`).join(' | ')} |`,
    `|---|${losses.map(() => '---:').join('|')}|`,
    ...rtts.map((rtt) => `| ${rtt} ms | ${losses.map((loss) => cellText(cells, name, rtt, loss)).join(' | ')} |`),
  ];
}

function variantLines(name: string): string[] {
  const variants = TOPOLOGIES.filter((each) => each.name.startsWith(`${name}-`));
  if (variants.length === 0) return [];
  return ['', 'Variants in the lab:', '', ...variants.map((each) => `* \`${each.name}\`: ${each.title}`)];
}

function topology(name: string): Topology {
  return topologyByName(name) as Topology;
}

function planOf(name: string): NetworkPlan {
  return labPlan(labSettings(name));
}

/** `Embodiment 5: …` from `embodiment 5: …`. */
function headingOf({ title }: Topology): string {
  return title.slice(0, 1).toUpperCase() + title.slice(1);
}

function shortTitle({ title }: Topology): string {
  return title.replace(/^(embodiment \d+|prior art \d): /, '');
}

function f13Text({ f13 }: NetworkPlan): string {
  return { shape: 'no TCP acts', udp: 'UDP', tcp: 'a true TCP' }[f13];
}

function ciphersText(observed: Observation | undefined): string {
  const places = observed?.ciphers.map(({ gateway, layer }) => `${layer} (${titleOf({ name: gateway })})`) ?? [];
  return places.length === 0 ? 'nowhere' : [...new Set(places)].join(', ');
}

function crossingsText(observed: Observation | undefined): string {
  return (observed?.crossings ?? [])
    .map(({ device, perFrame }) => `${titleOf({ name: device })} ${perFrame}`)
    .join(', ');
}

function retransmittedText(observed: Observation | undefined): string {
  const tcps = observed?.retransmitted.map(({ device, tcp }) => `TCP ${tcp} (${titleOf({ name: device })})`) ?? [];
  return tcps.length === 0 ? 'none' : tcps.join(', ');
}

function cellText(cells: readonly GoodputCell[], name: string, rtt_ms: number, loss: number): string {
  const cell = cells.find((each) => each.topology === name && each.rtt_ms === rtt_ms && each.loss === loss);
  return cell === undefined ? '' : mbit(cell.goodput_bps);
}

function percent(loss: number): string {
  return `${Number((loss * 100).toFixed(2))} %`;
}
