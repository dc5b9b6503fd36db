import { useMemo, useState } from 'react';
import { type DeviceView, isGateway, type LayerView, type MachineState } from '../../../src/page-model/view.ts';
import { useShown } from '../feed.ts';
import { stateTone } from '../format.ts';
import { networkGraph } from '../layout/network-graph.ts';
import { edgePath, useLayout } from '../layout/useLayout.ts';
import { linkTo } from '../route.ts';
import { useFlash } from '../useFlash.ts';

interface Placed {
  readonly source: number;
  readonly device: DeviceView;
  readonly alive: boolean;
}

/** The network, and each gateway's layers as a column with the present state beside every machine. */
export function StackView() {
  const { board, connection } = useShown();
  const devices = board.sources.flatMap(({ view }, source) =>
    view.devices.map((device) => ({ source, device, alive: view.alive })),
  );
  const gateways = devices.filter(({ device }) => isGateway(device));
  const others = devices.filter(({ device }) => !isGateway(device));
  const absent = board.sources.filter(({ view }) => !view.alive && view.devices.length === 0);
  return (
    <>
      <h1>Network</h1>
      <NetworkDrawing />
      {gateways.length === 0 && (
        <p className="empty">{connection === 'live' ? 'No gateway runs yet.' : 'Waiting for the gateways …'}</p>
      )}
      {absent.map(({ name }) => (
        <p key={name} className="notice">
          {name} cannot be reached.
        </p>
      ))}
      <div className="stacks">
        {gateways.map((each) => (
          <Stack key={`${each.source} ${each.device.name}`} {...each} />
        ))}
      </div>
      {others.length > 0 && (
        <details className="others">
          <summary>{others.length} devices around them</summary>
          <div className="stacks small">
            {others.map((each) => (
              <Stack key={`${each.source} ${each.device.name}`} {...each} />
            ))}
          </div>
        </details>
      )}
    </>
  );
}

/** The network is not drawn smaller than this, it is scrolled. */
const SMALLEST_SCALE = 0.7;

function NetworkDrawing() {
  const { board } = useShown();
  const { devices, cables } = board.sources.find(({ view }) => view.cables.length > 0)?.view ?? {
    devices: [],
    cables: [],
  };
  const names = devices.map(({ name }) => name).join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the picture changes with names and cables, not with every state
  const graph = useMemo(() => networkGraph(devices, cables), [names, cables.length]);
  const laidOut = useLayout(graph);
  if (cables.length === 0 || laidOut === undefined || laidOut instanceof Error) return null;
  const { width = 0, height = 0, children = [], edges = [] } = laidOut;
  const gateways = new Set(devices.filter(isGateway).map(({ name }) => name));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="network" tabIndex={0} aria-label="Network">
      <svg
        role="img"
        aria-label={cables.map(({ a, b }) => `${a} to ${b}`).join(', ')}
        viewBox={`0 0 ${width} ${height}`}
        style={{ width, minWidth: width * SMALLEST_SCALE }}
      >
        {edges.map(({ id, sections: [section] = [], labels: [label] = [] }) => (
          <g key={id} className="cable">
            {section && <path d={edgePath(section)} />}
            {label && (
              <text x={label.x} y={(label.y ?? 0) + 11}>
                {label.text}
              </text>
            )}
          </g>
        ))}
        {children.map(({ id, x = 0, y = 0, width: w = 0, height: h = 0 }) => (
          <g key={id} className={gateways.has(id) ? 'device gateway' : 'device'}>
            <rect x={x} y={y} width={w} height={h} rx="9" />
            <text x={x + w / 2} y={y + h / 2 + 5} textAnchor="middle">
              {id}
            </text>
          </g>
        ))}
      </svg>
    </section>
  );
}

function Stack({ source, device, alive }: Placed) {
  return (
    <section className={`stack ${alive ? '' : 'absent'}`} aria-label={`${device.name}, layers from the top down`}>
      <h3>
        {device.name}
        {!alive && <span className="faint"> cannot be reached; last known</span>}
      </h3>
      <ol>
        {device.layers.map((layer) => (
          <LayerCard key={layer.label} source={source} device={device.name} layer={layer} />
        ))}
      </ol>
    </section>
  );
}

const MACHINES_FIRST = 6;

function LayerCard({ source, device, layer }: { source: number; device: string; layer: LayerView }) {
  const [isOpen, setOpen] = useState(false);
  const { label, kind, machines, machineCount, counters, drops } = layer;
  const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
  const shown = isOpen ? machines : machines.slice(0, MACHINES_FIRST);
  return (
    <li className="layer">
      <span className="label">{label}</span>
      <span className="kind">{kind}</span>
      {dropped > 0 && (
        <span className="drops" title={listText(drops)}>
          {dropped.toLocaleString('en')} dropped
        </span>
      )}
      <ul className="machines">
        {shown.map((machine) => (
          <Machine key={machine.instance} source={source} device={device} label={label} machine={machine} />
        ))}
      </ul>
      {machines.length > MACHINES_FIRST && (
        <button type="button" className="quiet" onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'fewer' : `${machineCount - MACHINES_FIRST} more`}
        </button>
      )}
      {Object.keys(counters).length > 0 && <p className="counters">{listText(counters)}</p>}
    </li>
  );
}

function listText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count.toLocaleString('en')}`)
    .join(' · ');
}

function Machine({
  source,
  device,
  label,
  machine,
}: {
  source: number;
  device: string;
  label: string;
  machine: MachineState;
}) {
  const { instance, machine: id, state } = machine;
  const isNew = useFlash(state);
  return (
    <li>
      <a href={linkTo({ view: 'chart', place: { source, device, label, instance } })}>
        <span className="machine">
          {id}
          {instance !== '' && <span className="instance"> {instance}</span>}
        </span>
        <span className={`state-chip ${stateTone(state)} ${isNew ? 'flash' : ''}`}>{state}</span>
      </a>
    </li>
  );
}
