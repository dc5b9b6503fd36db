import type { Place } from '../../../src/page-model/board.ts';
import type { Chart } from '../../../src/page-model/chart.ts';
import type { NamedSource } from '../../../src/page-model/messages.ts';
import { isGateway } from '../../../src/page-model/view.ts';
import { linkTo } from '../route.ts';

interface Choice {
  readonly link: string;
  readonly text: string;
}

interface PickerProps {
  readonly sources: readonly NamedSource[];
  readonly charts: readonly Chart[];
  readonly place: Place | undefined;
  readonly machine: string | undefined;
}

/** Choice of a machine instance by device, or of a machine by its id. */
export function MachinePicker({ sources, charts, place, machine }: PickerProps) {
  const groups = groupsOf(sources);
  const definitions = charts.map(({ id }) => ({ link: linkTo({ view: 'chart', machine: id }), text: id }));
  const present = linkTo({ view: 'chart', ...(place ? { place } : { machine }) });
  const isListed = [...groups.flatMap(({ choices }) => choices), ...definitions].some(({ link }) => link === present);
  return (
    <label className="picker">
      Machine
      <select
        value={isListed ? present : ''}
        onChange={(event) => {
          location.hash = event.target.value;
        }}
      >
        {!isListed && (
          <option value="">{place ? `${place.device} · ${place.label} · ${place.instance} (ended)` : 'choose'}</option>
        )}
        {groups.map(({ name, choices }) => (
          <optgroup key={name} label={name}>
            <Choices choices={choices} />
          </optgroup>
        ))}
        <optgroup label="Definitions">
          <Choices choices={definitions} />
        </optgroup>
      </select>
    </label>
  );
}

function Choices({ choices }: { choices: readonly Choice[] }) {
  return choices.map(({ link, text }) => (
    <option key={link} value={link}>
      {text}
    </option>
  ));
}

/** Gateways first. */
function groupsOf(sources: readonly NamedSource[]): { name: string; choices: Choice[] }[] {
  const devices = sources.flatMap(({ view }, source) => view.devices.map((device) => ({ source, device })));
  const sorted = [
    ...devices.filter(({ device }) => isGateway(device)),
    ...devices.filter(({ device }) => !isGateway(device)),
  ];
  return sorted.map(({ source, device }) => ({
    name: device.name,
    choices: device.layers.flatMap(({ label, machines }) =>
      machines.map(({ instance, machine, state }) => ({
        link: linkTo({ view: 'chart', place: { source, device: device.name, label, instance } }),
        text: `${label} ${machine}${instance === '' ? '' : ` ${instance}`}: ${state}`,
      })),
    ),
  }));
}
