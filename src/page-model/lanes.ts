import type { NamedSource, SourcedRecord } from './messages.ts';
import { type DeviceView, isGateway, type LayerView } from './view.ts';

/** A vertical line of a sequence diagram: one layer of one gateway. */
export interface Lane {
  readonly id: string;
  readonly device: string;
  readonly label: string;
  readonly kind: string;
  /** The far gateway is not among the sources: all its layers are this one lane. */
  readonly isFar: boolean;
}

/** The two ends of a line between lanes. */
export interface Arrow {
  readonly from: Lane;
  readonly to: Lane;
}

/** Where something happened. */
export interface Stage {
  readonly source: number;
  readonly gateway: number;
  readonly lane: Lane;
}

interface Gateway {
  readonly source: number;
  readonly device: DeviceView;
  readonly lanes: ReadonlyMap<string, Lane>;
}

/** Stands for a gateway that no source shows. */
const FAR: Lane = { id: 'far', device: 'far gateway', label: '', kind: 'far gateway', isFar: true };

/** All layers of all gateways as lanes: the gateway that dials stands at the left, wires are in the middle. */
export class Lanes {
  readonly #gateways: readonly Gateway[];
  readonly #used = new Set<Lane>();

  constructor(sources: readonly NamedSource[], records: readonly SourcedRecord[]) {
    const found = sources.flatMap(({ view }, source) =>
      view.devices.filter(isGateway).map((device) => gatewayOf(source, device)),
    );
    const dialler = records.find(({ record }) => record.kind === 'transition' && record.name === 'dial');
    const isDialler = ({ source, device }: Gateway): boolean =>
      dialler?.source === source && dialler.record.device === device.name;
    this.#gateways = [...found.filter(isDialler), ...found.filter((each) => !isDialler(each))];
  }

  /** Undefined for what is no layer of a gateway. */
  stage(source: number, device: string, actor: string): Stage | undefined {
    const gateway = this.#gateways.findIndex((each) => each.source === source && each.device.name === device);
    const slash = actor.indexOf('/');
    const lane = this.#gateways[gateway]?.lanes.get(slash < 0 ? actor : actor.slice(0, slash));
    return lane === undefined ? undefined : { source, gateway, lane };
  }

  /** The first layer of these kinds in the same device. */
  ofKinds({ gateway }: Stage, kinds: readonly string[]): Lane | undefined {
    const lanes = [...(this.#gateways[gateway]?.lanes.values() ?? [])];
    return kinds.map((kind) => lanes.find((lane) => lane.kind === kind)).find((lane) => lane !== undefined);
  }

  /** A layer of the other gateway: the same or, where the other is made differently, the one that stands for it; or one of other `kinds`. */
  far({ gateway, lane }: Stage, kinds: readonly string[] = [lane.kind, ...(COUNTERPARTS[lane.kind] ?? [])]): Lane {
    if (this.#gateways.length !== 2) return FAR;
    const other = this.#gateways[1 - gateway];
    const stage = { source: other.source, gateway: 1 - gateway, lane };
    return this.ofKinds(stage, kinds) ?? FAR;
  }

  use(lane: Lane): void {
    this.#used.add(lane);
  }

  /** Lanes that something happened at, from left to right. */
  used(): Lane[] {
    const columns = this.#gateways.map(({ lanes }, at) =>
      at % 2 === 0 ? [...lanes.values()] : [...lanes.values()].reverse(),
    );
    return [...columns.flat(), FAR].filter((lane) => this.#used.has(lane));
  }
}

/** An engine in one gateway does what SSL's record part does in a gateway without one. */
const COUNTERPARTS: Readonly<Record<string, readonly string[]>> = { engine: ['ssl'], ssl: ['engine'] };

function gatewayOf(source: number, device: DeviceView): Gateway {
  const lane = ({ label, kind }: LayerView): [string, Lane] => [
    label,
    { id: `${source} ${device.name} ${label}`, device: device.name, label, kind, isFar: false },
  ];
  return { source, device, lanes: new Map(device.layers.map(lane)) };
}
