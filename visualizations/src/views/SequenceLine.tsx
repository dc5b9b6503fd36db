import type { Lane } from '../../../src/page-model/lanes.ts';
import type { SequenceRow } from '../../../src/page-model/sequence.ts';

const ROW_PX = 34;
const LINE_Y = 24;
const TEXT_Y = 16;
const CHARACTER_PX = 7.4;
const HEAD_PX = 8;

/** One row of the diagram: every lane's line, and a message between two of them or a step at one. */
export function SequenceLine({ row, lanes, lane_px }: { row: SequenceRow; lanes: readonly Lane[]; lane_px: number }) {
  const width = lanes.length * lane_px;
  const x = (lane: Lane): number => (lanes.indexOf(lane) + 0.5) * lane_px;
  return (
    <svg className="line" viewBox={`0 0 ${width} ${ROW_PX}`} width={width} height={ROW_PX} aria-hidden="true">
      {lanes.map((lane) => (
        <line key={lane.id} className="life" x1={x(lane)} x2={x(lane)} y1="0" y2={ROW_PX} />
      ))}
      {row.to === undefined ? (
        <Step text={row.text} x={x(row.from)} width={width} />
      ) : (
        <Message text={row.text} from={x(row.from)} to={x(row.to)} width={width} />
      )}
    </svg>
  );
}

function Step({ text, x, width }: { text: string; x: number; width: number }) {
  const half = (text.length * CHARACTER_PX) / 2 + 10;
  const middle = inside(x, half, width);
  return (
    <g className="step">
      <rect x={middle - half} y="6" width={2 * half} height="22" rx="11" />
      <text x={middle} y="21" textAnchor="middle">
        {text}
      </text>
    </g>
  );
}

function Message({ text, from, to, width }: { text: string; from: number; to: number; width: number }) {
  const way = Math.sign(to - from);
  const middle = inside((from + to) / 2, (text.length * CHARACTER_PX) / 2 + 2, width);
  return (
    <g className="message">
      <circle cx={from} cy={LINE_Y} r="3" />
      <path className="shaft" d={`M${from} ${LINE_Y}H${to - way * 2}`} />
      <path className="head" d={`M${to} ${LINE_Y}l${-way * HEAD_PX} -4.5v9z`} />
      <text x={middle} y={TEXT_Y} textAnchor="middle">
        {text}
      </text>
    </g>
  );
}

/** The middle of a text, moved so that the text stays within the drawing. */
function inside(middle: number, half: number, width: number): number {
  return Math.min(Math.max(middle, half + 2), Math.max(half + 2, width - half - 2));
}
