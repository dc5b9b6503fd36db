/** One line of a chart: goodput at each loss. */
export interface GoodputSeries {
  readonly name: string;
  readonly points: readonly { readonly loss: number; readonly goodput_bps: number }[];
}

export interface GoodputChart {
  readonly title: string;
  readonly series: readonly GoodputSeries[];
}

/** Pixels. */
const WIDTH = 860;
const HEIGHT = 460;
const MARGIN = { left: 70, right: 190, top: 50, bottom: 60 };
const PLOT = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
const LEGEND_LINE = 20;
/** Told apart by those who do not see colours as others do (Okabe and Ito), and by their dashes. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'];
const DASHES = ['none', '7 4', '2 3'];

/** Goodput over loss as an SVG picture: losses side by side at equal distances, goodput on a logarithmic axis. Equal lines are drawn once. */
export function goodputSvg({ title, series: all }: GoodputChart): string {
  const series = merged(all);
  const losses = [...new Set(series.flatMap(({ points }) => points.map(({ loss }) => loss)))].sort((a, b) => a - b);
  const values = series.flatMap(({ points }) => points.map(({ goodput_bps }) => goodput_bps)).filter((bps) => bps > 0);
  const bottom = Math.floor(Math.log10(Math.min(...values)));
  const top = Math.ceil(Math.log10(Math.max(...values)));
  const x = (loss: number): number =>
    MARGIN.left + (losses.indexOf(loss) / Math.max(1, losses.length - 1)) * PLOT.width;
  const y = (bps: number): number =>
    MARGIN.top + ((top - Math.log10(Math.max(bps, 10 ** bottom))) / Math.max(1, top - bottom)) * PLOT.height;
  const decades = Array.from({ length: top - bottom + 1 }, (_, at) => 10 ** (bottom + at));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="28" font-size="16">${escaped(title)}</text>`,
    ...decades.map((bps) => gridLine(y(bps), mbitLabel(bps))),
    ...losses.map((loss) => tick(x(loss), `${Number((loss * 100).toFixed(3))} %`)),
    `<text x="${MARGIN.left + PLOT.width / 2}" y="${HEIGHT - 14}" text-anchor="middle">frames lost, each direction</text>`,
    `<text transform="translate(18 ${MARGIN.top + PLOT.height / 2}) rotate(-90)" text-anchor="middle">goodput, Mbit/s (logarithmic)</text>`,
    ...series.flatMap((one, at) => drawn(one, at, x, y)),
    '</svg>\n',
  ].join('\n');
}

/** Lines with the same points get one name: `e2 = e3 = e4`. */
function merged(series: readonly GoodputSeries[]): GoodputSeries[] {
  const lines = new Map<string, GoodputSeries>();
  for (const one of series) {
    const key = one.points.map(({ loss, goodput_bps }) => `${loss} ${goodput_bps}`).join(',');
    const known = lines.get(key);
    lines.set(key, known === undefined ? one : { ...known, name: `${known.name} = ${one.name}` });
  }
  return [...lines.values()];
}

function gridLine(y: number, label: string): string {
  const right = MARGIN.left + PLOT.width;
  return (
    `<line x1="${MARGIN.left}" x2="${right}" y1="${fixed(y)}" y2="${fixed(y)}" stroke="#ddd"/>` +
    `<text x="${MARGIN.left - 8}" y="${fixed(y + 4)}" text-anchor="end">${label}</text>`
  );
}

function tick(x: number, label: string): string {
  const bottom = MARGIN.top + PLOT.height;
  return (
    `<line x1="${fixed(x)}" x2="${fixed(x)}" y1="${MARGIN.top}" y2="${bottom}" stroke="#eee"/>` +
    `<text x="${fixed(x)}" y="${bottom + 20}" text-anchor="middle">${label}</text>`
  );
}

function drawn(
  { name, points }: GoodputSeries,
  at: number,
  x: (loss: number) => number,
  y: (bps: number) => number,
): string[] {
  const colour = COLOURS[at % COLOURS.length];
  const dash = DASHES[Math.floor(at / COLOURS.length) % DASHES.length];
  const path = points.map(({ loss, goodput_bps }) => `${fixed(x(loss))},${fixed(y(goodput_bps))}`).join(' ');
  const legendY = MARGIN.top + 10 + at * LEGEND_LINE;
  const legendX = MARGIN.left + PLOT.width + 20;
  const line = `stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
  return [
    `<polyline points="${path}" fill="none" ${line}/>`,
    ...points.map(
      ({ loss, goodput_bps }) =>
        `<circle cx="${fixed(x(loss))}" cy="${fixed(y(goodput_bps))}" r="3" fill="${colour}"/>`,
    ),
    `<line x1="${legendX}" x2="${legendX + 26}" y1="${legendY}" y2="${legendY}" ${line}/>`,
    `<text x="${legendX + 32}" y="${legendY + 4}">${escaped(name)}</text>`,
  ];
}

function mbitLabel(bps: number): string {
  return String(Number((bps / 1e6).toPrecision(3)));
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
