import { use } from 'react';
import { machineAt, type Place, type TakenTransition } from '../../../src/page-model/board.ts';
import type { Chart } from '../../../src/page-model/chart.ts';
import type { NamedSource } from '../../../src/page-model/messages.ts';
import { isGateway } from '../../../src/page-model/view.ts';
import { charts, useShown } from '../feed.ts';
import { sinceText } from '../format.ts';
import { linkTo, type Route } from '../route.ts';
import { ChartDrawing } from './ChartDrawing.tsx';
import { MachinePicker } from './MachinePicker.tsx';

/** The chart of one machine instance with its last transitions, or of a machine alone. */
export function ChartView({ route }: { route: Route }) {
  const { board } = useShown();
  const known = use(charts);
  const place = route.place ?? (route.machine === undefined ? firstPlace(board.sources) : undefined);
  const machine = place && machineAt(board.sources, place);
  const transitions = place ? board.transitions(place) : [];
  const chart = known.get(machine?.machine ?? route.machine ?? '');
  return (
    <div className="chart-view">
      <MachinePicker sources={board.sources} charts={[...known.values()]} place={place} machine={route.machine} />
      <div className="chart-main">
        <Heading place={place} state={machine?.state} chart={chart} />
        {chart === undefined ? (
          <p className="empty">
            {place ? 'This machine has ended. Its last transitions are below.' : 'Choose a machine.'}
          </p>
        ) : (
          <ChartDrawing chart={chart} now={machine && { state: machine.state, last: transitions[0] }} />
        )}
        {place && <Transitions transitions={transitions} />}
      </div>
    </div>
  );
}

/** The most telling machine there is: the driver's leg of the first gateway, else its first machine. */
function firstPlace(sources: readonly NamedSource[]): Place | undefined {
  const places = sources.flatMap(({ view }, source) =>
    view.devices
      .filter(isGateway)
      .flatMap(({ name, layers }) =>
        layers.flatMap(({ label, machines }) =>
          machines.map(({ instance, machine }) => ({ source, device: name, label, instance, machine })),
        ),
      ),
  );
  return (
    places.find(({ machine }) => machine === 'leg') ?? places.find(({ machine }) => machine === 'tunnel') ?? places[0]
  );
}

function Heading({
  place,
  state,
  chart,
}: {
  place: Place | undefined;
  state: string | undefined;
  chart: Chart | undefined;
}) {
  if (place === undefined) return <h1>{chart ? chart.id : 'State charts'}</h1>;
  return (
    <h1>
      {chart?.id ?? 'machine'}
      <span className="where">
        {place.device} · {place.label}
        {place.instance !== '' && ` · ${place.instance}`}
      </span>
      {state !== undefined && (
        <span className="state-chip large" role="status">
          {state}
        </span>
      )}
      {chart && (
        <a className="quiet" href={linkTo({ view: 'chart', machine: chart.id })}>
          definition
        </a>
      )}
    </h1>
  );
}

function Transitions({ transitions }: { transitions: readonly TakenTransition[] }) {
  const origin_us = transitions.at(-1)?.time_us ?? 0;
  return (
    <div>
      <h2>Last transitions</h2>
      {transitions.length === 0 ? (
        <p className="empty">None since this page listens.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section className="table" tabIndex={0} aria-label="Last transitions, the newest first">
          <table>
            <thead>
              <tr>
                <th scope="col">record</th>
                <th scope="col">after</th>
                <th scope="col">event</th>
                <th scope="col">from</th>
                <th scope="col">to</th>
              </tr>
            </thead>
            <tbody>
              {transitions.map(({ seq, time_us, event, from, to }) => (
                <tr key={`${time_us} ${seq}`}>
                  <td className="number">{seq}</td>
                  <td className="number">{sinceText(time_us, origin_us)}</td>
                  <td className="code">{event}</td>
                  <td className="code">{from}</td>
                  <td className="code">{from === to ? <span className="faint">stays</span> : to}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </div>
  );
}
