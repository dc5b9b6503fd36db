import ElkConstructor, { type ELK as Elk, type ElkNode } from 'elkjs/lib/elk.bundled.js';
import { titleOf } from '../../src/lab/story.ts';
import { splitPort } from '../../src/topologies/build.ts';
import type { DevicePlan, LayerPlan, NetworkPlan } from '../../src/topologies/plan.ts';

/** A network drawn from its plan: each device with its layers and their joins, the cables between the devices. */

/** Pixels. */
const LAYER = { width: 184, height: 24 };
const TITLE_HEIGHT = 26;
const PADDING = 10;
const LABEL_SIZE = { width: 26, height: 16 };

/** What acts at F13 or F23, what ciphers, what ends a TCP in another's name, what passes frames between sessions. */
const TRANSPORT = '#cfe3f7';
const CIPHER = '#d5efdd';
const ENGINE = '#fde0bd';
const DRIVER = '#ead9f2';
const HUB = '#f7efc6';
const FILLS: Readonly<Partial<Record<LayerPlan['block'], string>>> = {
  tcp: TRANSPORT,
  udp: TRANSPORT,
  ssl: CIPHER,
  'security-engine': CIPHER,
  engine: ENGINE,
  'engine-x': ENGINE,
  'engine-y': ENGINE,
  'driver-y': ENGINE,
  'intermediate-driver': DRIVER,
  'terminal-driver': DRIVER,
  encapsulation: DRIVER,
  'relay-application': HUB,
  bridge: HUB,
};
const PLAIN_FILL = '#f6f6f6';

/** Begins the id of an edge that is a session, not a cable. */
const TUNNEL = 'tunnel';

const elk = new (ElkConstructor as unknown as new () => Elk)();

interface Drawn {
  readonly node: ElkNode;
  readonly plan: DevicePlan;
  readonly inside: ElkNode;
}

/** The picture as SVG text; the same plan gives the same text. */
export async function pictureOf(plan: NetworkPlan, title: string): Promise<string> {
  const devices = await Promise.all(plan.devices.map(laidOut));
  const network: ElkNode = await elk.layout({
    id: 'network',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.spacing.nodeNodeBetweenLayers': '44',
      'elk.spacing.nodeNode': '28',
      'elk.spacing.edgeLabel': '2',
    },
    children: devices.map(({ node }) => node),
    edges: [
      ...plan.cables.map(({ name, a, b }) => ({
        id: name,
        sources: [a.device],
        targets: [b.device],
        labels: [{ text: name, ...LABEL_SIZE }],
      })),
      ...tunnels(plan),
    ],
  });
  const width = Math.ceil((network.width ?? 0) + 2 * PADDING);
  const height = Math.ceil((network.height ?? 0) + 2 * PADDING);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<g transform="translate(${PADDING} ${PADDING})">`,
    ...(network.edges ?? []).map(cableText),
    ...devices.map((device) => deviceText(device, network)),
    '</g>',
    '</svg>\n',
  ].join('\n');
}

/** Between devices that have a session, from the one that is nearer to the terminal. */
function tunnels({ tunnels: all, cables, ends }: NetworkPlan): Edge[] {
  const distance = new Map([[ends[0]?.device ?? '', 0]]);
  for (const [device, far] of distance)
    for (const { a, b } of cables) {
      const other = a.device === device ? b.device : b.device === device ? a.device : undefined;
      if (other !== undefined && !distance.has(other)) distance.set(other, far + 1);
    }
  const pairs = all.flatMap(({ device, peers }) =>
    peers
      .filter((peer) => all.some((tunnel) => tunnel.device === peer))
      .map((peer) =>
        [device, peer].sort(
          (one, other) => (distance.get(one) ?? 0) - (distance.get(other) ?? 0) || one.localeCompare(other),
        ),
      ),
  );
  const unique = new Map(pairs.map(([one, other]) => [`${TUNNEL} ${one} ${other}`, [one, other] as [string, string]]));
  return [...unique].map(([id, [one, other]]) => ({ id, sources: [one], targets: [other] }));
}

/** A device's layers below each other, as their joins have it. */
async function laidOut(plan: DevicePlan): Promise<Drawn> {
  const labels = new Set(plan.layers.map(({ label }) => label));
  const order = plan.layers.map(({ label }) => label);
  const edges = plan.joins.flatMap((join, at) => {
    const [one, other] = join.split(' - ').map((text) => splitPort(text)[0]) as [string, string];
    if (!labels.has(one) || !labels.has(other) || one === other) return [];
    const isDown = order.indexOf(one) < order.indexOf(other);
    return [{ id: `${at}`, sources: [isDown ? one : other], targets: [isDown ? other : one] }];
  });
  const inside: ElkNode = await elk.layout({
    id: plan.name,
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'DOWN',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.spacing.nodeNodeBetweenLayers': '12',
      'elk.spacing.nodeNode': '12',
      'elk.padding': `[top=${TITLE_HEIGHT},left=${PADDING},bottom=${PADDING},right=${PADDING}]`,
    },
    children: order.map((id) => ({ id, ...LAYER })),
    edges,
  });
  return { plan, inside, node: { id: plan.name, width: inside.width, height: inside.height } };
}

function deviceText({ plan, inside }: Drawn, network: ElkNode): string {
  const { x = 0, y = 0, width = 0, height = 0 } = network.children?.find(({ id }) => id === plan.name) ?? {};
  return [
    `<g transform="translate(${fixed(x)} ${fixed(y)})">`,
    `<rect width="${fixed(width)}" height="${fixed(height)}" rx="6" fill="#fff" stroke="#444"/>`,
    `<text x="${PADDING}" y="17" font-weight="bold">${escaped(titleOf(plan))}</text>`,
    ...(inside.edges ?? []).map((edge) => line(edge, '#999')),
    ...plan.layers.map((layer) => layerText(layer, inside)),
    '</g>',
  ].join('\n');
}

function layerText({ label, block }: LayerPlan, inside: ElkNode): string {
  const { x = 0, y = 0 } = inside.children?.find(({ id }) => id === label) ?? {};
  return (
    `<g transform="translate(${fixed(x)} ${fixed(y)})">` +
    `<rect width="${LAYER.width}" height="${LAYER.height}" rx="3" fill="${FILLS[block] ?? PLAIN_FILL}" stroke="#bbb"/>` +
    `<text x="8" y="16">${escaped(`${label}  ${block}`)}</text></g>`
  );
}

type Edge = NonNullable<ElkNode['edges']>[number];

function cableText(edge: Edge): string {
  if (edge.id.startsWith(TUNNEL)) return line(edge, '#0072B2', 2, '6 4');
  const [label] = edge.labels ?? [];
  const name =
    label === undefined
      ? ''
      : `<text x="${fixed(label.x ?? 0)}" y="${fixed((label.y ?? 0) + 12)}" font-weight="bold">${escaped(label.text ?? '')}</text>`;
  return `${line(edge, '#222', 2)}${name}`;
}

function line({ sections = [] }: Edge, colour: string, width = 1, dash = 'none'): string {
  return sections
    .map(({ startPoint, bendPoints = [], endPoint }) => {
      const points = [startPoint, ...bendPoints, endPoint].map(({ x, y }) => `${fixed(x)},${fixed(y)}`).join(' ');
      return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash}"/>`;
    })
    .join('');
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
