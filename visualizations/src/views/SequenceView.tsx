import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { placeOf } from '../../../src/page-model/board.ts';
import type { Lane } from '../../../src/page-model/lanes.ts';
import { type SequenceDetail, type SequenceRow, sequenceOf } from '../../../src/page-model/sequence.ts';
import { useShown } from '../feed.ts';
import { sinceText } from '../format.ts';
import { linkTo } from '../route.ts';
import { SequenceLine } from './SequenceLine.tsx';

/** Rows drawn; the newest. */
const ROWS_SHOWN = 400;
/** A pause longer than this is shown between rows. */
const PAUSE_US = 1_000_000;
/** The reader follows when the end is no farther than this. */
const AT_END_PX = 60;
/** Narrowest and widest lane. */
const LANE_LEAST_PX = 104;
const LANE_MOST_PX = 170;

const LEGEND = [
  ['tcp', 'TCP inside a gateway'],
  ['leg', 'driver to driver'],
  ['tls', 'TLS and negotiation'],
  ['keys', 'keys, engine, records'],
  ['session', 'session'],
  ['end', 'end'],
] as const;

/** What the layers of both gateways said to each other, in the order of time. */
export function SequenceView() {
  const { board } = useShown();
  const [detail, setDetail] = useState<SequenceDetail>('story');
  const { sources, records } = board;
  const { lanes, rows } = useMemo(() => sequenceOf(sources, records, detail), [sources, records, detail]);
  const shown = rows.slice(-ROWS_SHOWN);
  return (
    <div className="sequence-view">
      <div className="heading">
        <h1>Handshake</h1>
        <fieldset className="switch">
          <legend className="hidden">Detail</legend>
          {(['story', 'all'] as const).map((each) => (
            <label key={each}>
              <input type="radio" name="detail" checked={detail === each} onChange={() => setDetail(each)} />
              <span>{each === 'story' ? 'Steps' : 'Every event'}</span>
            </label>
          ))}
        </fieldset>
        {detail === 'story' && (
          <ul className="legend" aria-label="Colours">
            {LEGEND.map(([tone, text]) => (
              <li key={tone} className={`tone-${tone}`}>
                {text}
              </li>
            ))}
          </ul>
        )}
      </div>
      {rows.length === 0 ? (
        <p className="empty">No session was set up since this page listens. Steps appear here as they happen.</p>
      ) : (
        <Diagram lanes={lanes} rows={shown} omitted={rows.length - shown.length} origin_us={rows[0].time_us} />
      )}
    </div>
  );
}

interface DiagramProps {
  readonly lanes: readonly Lane[];
  readonly rows: readonly SequenceRow[];
  readonly omitted: number;
  readonly origin_us: number;
}

function Diagram({ lanes, rows, omitted, origin_us }: DiagramProps) {
  const box = useRef<HTMLElement>(null);
  useFollowing(box, rows.length);
  const lane_px = useLaneWidth(box, lanes.length);
  const width = lanes.length * lane_px;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="sequence" ref={box} tabIndex={0} aria-label="Sequence diagram">
      <div className="lanes" aria-hidden="true" style={{ width: width + TIME_PX }}>
        <span className="time">after</span>
        {groupsOf(lanes).map(({ device, lanes: members }, at) => (
          <div
            key={device}
            className={`group ${at % 2 === 0 ? 'left' : 'right'}`}
            style={{ width: members.length * lane_px }}
          >
            <strong>{device}</strong>
            {members.map(({ id, label, kind }) => (
              <span key={id} className="lane" style={{ width: lane_px }}>
                <b>{label}</b> {kind}
              </span>
            ))}
          </div>
        ))}
      </div>
      {omitted > 0 && <p className="notice">{omitted.toLocaleString('en')} earlier rows are not drawn.</p>}
      <ol style={{ minWidth: `calc(${width + TIME_PX}px * var(--is-drawn, 1))` }}>
        {rows.map((row, at) => (
          <Row
            key={row.key}
            row={row}
            before_us={rows[at - 1]?.time_us}
            lanes={lanes}
            lane_px={lane_px}
            origin_us={origin_us}
          />
        ))}
      </ol>
    </section>
  );
}

/** Width of the column of times; the same as in the style sheet. */
const TIME_PX = 92;

interface RowProps {
  readonly row: SequenceRow;
  readonly before_us: number | undefined;
  readonly lanes: readonly Lane[];
  readonly lane_px: number;
  readonly origin_us: number;
}

function Row({ row, before_us, lanes, lane_px, origin_us }: RowProps) {
  const { source, device, actor, from, to, text, detail, tone, time_us, arrived_us, arrival } = row;
  const pause_us = before_us === undefined ? 0 : time_us - before_us;
  const took = arrived_us !== undefined && arrived_us > time_us ? `, ${sinceText(arrived_us, time_us)} on its way` : '';
  const missing = arrival === 'missing' ? ', not seen to arrive' : '';
  const route = to === undefined ? laneText(from) : `${laneText(from)} → ${laneText(to)}`;
  return (
    <li className={`tone-${tone} ${arrival}`} data-text={text}>
      {pause_us > PAUSE_US && <p className="pause">{sinceText(time_us, before_us as number)} later</p>}
      <a
        href={linkTo({ view: 'chart', place: { source, device, ...placeOf(actor) } })}
        title={`${detail}${took}${missing}`}
      >
        <span className="time">{sinceText(time_us, origin_us)}</span>
        <SequenceLine row={row} lanes={lanes} lane_px={lane_px} />
        <span className="words">
          <span className="text">{text}</span> <span className="route">{route}</span>
          <span className="faint">
            {' '}
            {detail}
            {took}
            {missing}
          </span>
        </span>
      </a>
    </li>
  );
}

function laneText({ device, label, kind, isFar }: Lane): string {
  return isFar ? device : `${device} ${kind} ${label}`;
}

function groupsOf(lanes: readonly Lane[]): { device: string; lanes: Lane[] }[] {
  const groups: { device: string; lanes: Lane[] }[] = [];
  for (const lane of lanes) {
    const last = groups.at(-1);
    if (last?.device === lane.device) last.lanes.push(lane);
    else groups.push({ device: lane.device, lanes: [lane] });
  }
  return groups;
}

/** Keeps the end in view while the reader is there. */
function useFollowing(box: RefObject<HTMLElement | null>, rows: number): void {
  const isAtEnd = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const note = () => {
      isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX;
    };
    element.addEventListener('scroll', note, { passive: true });
    return () => element.removeEventListener('scroll', note);
  }, [box]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new row is the reason to scroll
  useEffect(() => {
    if (isAtEnd.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [rows]);
}

/** As wide as the box allows, so that all lanes are in view where that is possible; pixels. */
function useLaneWidth(box: RefObject<HTMLElement | null>, lanes: number): number {
  const [inner_px, setInner] = useState(0);
  useEffect(() => {
    if (box.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => setInner(entry.contentRect.width));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);
  const fitting = Math.floor((inner_px - TIME_PX - 2) / Math.max(1, lanes));
  return Math.min(LANE_MOST_PX, Math.max(LANE_LEAST_PX, fitting));
}
