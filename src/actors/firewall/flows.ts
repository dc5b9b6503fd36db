import { datagramFlowMachine, type FlowDirection, tcpFlowMachine } from '../../machines/firewall.ts';
import type { Ip4 } from '../../wire/address.ts';
import { Flag, type TcpView } from '../../wire/tcp.ts';
import type { LayerHost } from '../host.ts';
import type { MachineView } from '../layer.ts';
import { MachineHost } from '../machine-host.ts';
import type { JournalData } from '../tap.ts';
import { inWindow, openedBy, resetIsCurrent, type TcpWindow } from './tcp-window.ts';

/** Connections that are tracked at the same time. */
export const FLOWS_MAX = 4096;
/** How many of the oldest are looked at for one that may give way to a new one. */
const EVICTION_SEARCH = 64;

const SECOND_US = 1_000_000;
/** How long a connection is remembered after its last packet; the values of Linux. */
export const FLOW_TIMEOUT_US: Readonly<Record<string, number>> = {
  SYN_SENT: 120 * SECOND_US,
  SYN_RECV: 60 * SECOND_US,
  ESTABLISHED: 432_000 * SECOND_US,
  FIN_WAIT: 120 * SECOND_US,
  CLOSE_WAIT: 60 * SECOND_US,
  LAST_ACK: 30 * SECOND_US,
  TIME_WAIT: 120 * SECOND_US,
  CLOSE: 10 * SECOND_US,
  UNREPLIED: 30 * SECOND_US,
  ASSURED: 120 * SECOND_US,
};

/** Both ends of a connection, as the packet that opened it shows them. */
export interface FlowTuple {
  readonly protocol: number;
  readonly source: Ip4;
  readonly sourcePort: number;
  readonly destination: Ip4;
  readonly destinationPort: number;
}

/** One end of a connection: address and port; of an echo, its identifier. */
export interface Endpoint {
  readonly address: Ip4;
  readonly port: number;
}

type TcpFlowHost = MachineHost<typeof tcpFlowMachine, FlowDecision>;
type DatagramFlowHost = MachineHost<typeof datagramFlowMachine, FlowDecision>;

interface FlowDecision {
  readonly timeout_us: number;
  /** Whose next ACK the machine wants to know of. */
  readonly ackFrom: FlowDirection | undefined;
  /** The handshake is not over. */
  readonly isOpening: boolean;
  /** A new SYN of the same addresses and ports is a new connection. */
  readonly isOver: boolean;
  /** May give way to a new one when the table is full. */
  readonly isUnproved: boolean;
}

interface FlowEnds {
  readonly tuple: FlowTuple;
  /** What the other end sees in the place of the opener; undefined: the opener itself. */
  readonly seenAs: Endpoint | undefined;
}

export type Flow =
  | (FlowEnds & { readonly kind: 'tcp'; readonly machine: TcpFlowHost; readonly window: TcpWindow })
  | (FlowEnds & { readonly kind: 'datagram'; readonly machine: DatagramFlowHost });

/** The connection that a packet belongs to, and which end sent it. */
export interface FoundFlow {
  readonly flow: Flow;
  readonly from: FlowDirection;
}

export interface FlowOwner {
  readonly host: LayerHost;
  readonly label: string;
}

/** The connections that a firewall let through: one machine each, found by either direction's addresses. */
export class FlowTable {
  readonly #owner: FlowOwner;
  readonly #flows = new Map<string, Flow>();
  /** By what the replies look like. */
  readonly #byReply = new Map<string, Flow>();

  constructor(owner: FlowOwner) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#flows.size;
  }

  find(tuple: FlowTuple): FoundFlow | undefined {
    const key = keyOf(tuple);
    const original = this.#flows.get(key);
    if (original !== undefined) return { flow: original, from: 'original' };
    const reply = this.#byReply.get(key);
    return reply && { flow: reply, from: 'reply' };
  }

  /** Whether the other end of a new connection can tell its opener, seen as `seenAs`, from those of all others. */
  isUnique(tuple: FlowTuple, seenAs: Endpoint): boolean {
    return this.find(replyOf(tuple, seenAs)) === undefined;
  }

  /** Begins to track; undefined when the table is full of better proved ones. */
  open(tuple: FlowTuple, tcp: TcpView | undefined, seenAs?: Endpoint): Flow | undefined {
    if (this.#flows.size >= FLOWS_MAX && !this.#evict()) return undefined;
    const flow = this.#add({ tuple, seenAs }, tcp && openedBy(tcp));
    this.#arm(flow);
    return flow;
  }

  remove(flow: Flow): void {
    const key = keyOf(flow.tuple);
    this.#flows.delete(key);
    this.#byReply.delete(keyOf(replyOf(flow.tuple, flow.seenAs)));
    this.#owner.host.clearTimer(this.#owner.label, key);
  }

  /** A datagram of a known connection. */
  datagram(flow: Flow & { kind: 'datagram' }, from: FlowDirection): void {
    if (from === 'reply' && flow.machine.decision.isUnproved) flow.machine.send({ type: 'REPLY' });
    this.#arm(flow);
  }

  /** A segment of a known connection; false when it makes no sense there. */
  segment(flow: Flow & { kind: 'tcp' }, from: FlowDirection, tcp: TcpView): boolean {
    const { machine, window } = flow;
    const sender = from === 'original' ? 0 : 1;
    const isSyn = (tcp.flags & Flag.SYN) !== 0;
    const isReset = (tcp.flags & Flag.RST) !== 0;
    if (isSyn && !this.#synMakesSense(flow, from, tcp)) return false;
    if (isReset && !resetIsCurrent(window, sender, tcp.seq) && !machine.decision.isOpening) return false;
    if (!inWindow(window, sender, tcp, machine.decision.isOpening)) return false;
    if (isReset) machine.send({ type: 'RST', from });
    else if (isSyn && from === 'reply') machine.send({ type: 'SYN_ACK', from });
    else if ((tcp.flags & Flag.FIN) !== 0) machine.send({ type: 'FIN', from });
    else if (!isSyn && machine.decision.ackFrom === from) machine.send({ type: 'ACK', from });
    this.#arm(flow);
    return true;
  }

  timerFired(key: string): void {
    const flow = this.#flows.get(key);
    if (flow === undefined) return;
    flow.machine.send({ type: 'TIMEOUT' });
    if (flow.machine.state === 'GONE') this.remove(flow);
  }

  clear(): void {
    for (const flow of [...this.#flows.values()]) this.remove(flow);
  }

  machines(): readonly MachineView[] {
    return [...this.#flows].map(([instance, { machine }]) => ({
      instance,
      machine: machine.machine,
      state: machine.state,
    }));
  }

  save(): JournalData {
    return [...this.#flows.values()].map((flow) => ({
      tuple: { ...flow.tuple },
      seenAs: flow.seenAs === undefined ? null : { ...flow.seenAs },
      machine: flow.machine.save(),
      window: flow.kind === 'tcp' ? flow.window.map((end) => ({ ...end })) : null,
    }));
  }

  restore(saved: JournalData): void {
    this.#flows.clear();
    this.#byReply.clear();
    for (const { tuple, seenAs, machine, window } of saved as unknown as {
      tuple: FlowTuple;
      seenAs: Endpoint | null;
      machine: never;
      window: TcpWindow | null;
    }[]) {
      this.#add({ tuple, seenAs: seenAs ?? undefined }, window ?? undefined).machine.restore(machine);
    }
  }

  /** SYN of the opener until it is answered, SYN+ACK of the other; nothing of that kind later. */
  #synMakesSense({ machine }: Flow, from: FlowDirection, tcp: TcpView): boolean {
    const hasAck = (tcp.flags & Flag.ACK) !== 0;
    return machine.decision.isOpening && hasAck === (from === 'reply');
  }

  #add(ends: FlowEnds, window: TcpWindow | undefined): Flow {
    const key = keyOf(ends.tuple);
    const flow: Flow =
      window === undefined
        ? {
            ...ends,
            kind: 'datagram',
            machine: new MachineHost({ ...this.#common(key), machine: datagramFlowMachine }),
          }
        : { ...ends, kind: 'tcp', window, machine: new MachineHost({ ...this.#common(key), machine: tcpFlowMachine }) };
    this.#flows.set(key, flow);
    this.#byReply.set(keyOf(replyOf(ends.tuple, ends.seenAs)), flow);
    return flow;
  }

  #common(key: string) {
    return {
      instance: key,
      observer: this.#owner.host.observer(this.#owner.label),
      decide: decisionOf,
      execute: () => {},
    };
  }

  #arm(flow: Flow): void {
    this.#owner.host.setTimer(this.#owner.label, keyOf(flow.tuple), flow.machine.decision.timeout_us);
  }

  #evict(): boolean {
    let looked = 0;
    for (const flow of this.#flows.values()) {
      if (flow.machine.decision.isUnproved) {
        this.remove(flow);
        return true;
      }
      if (++looked >= EVICTION_SEARCH) break;
    }
    return false;
  }
}

function decisionOf(snapshot: { value: unknown; context: unknown }): FlowDecision {
  const state = snapshot.value as string;
  const closer = (snapshot.context as { closer?: FlowDirection }).closer;
  return Object.freeze({
    timeout_us: FLOW_TIMEOUT_US[state] ?? 0,
    ackFrom: ackAwaitedFrom(state, closer),
    isOpening: state === 'SYN_SENT' || state === 'SYN_RECV',
    isOver: state === 'TIME_WAIT' || state === 'CLOSE',
    isUnproved: state === 'SYN_SENT' || state === 'SYN_RECV' || state === 'UNREPLIED' || state === 'CLOSE',
  });
}

function ackAwaitedFrom(state: string, closer: FlowDirection | undefined): FlowDirection | undefined {
  if (state === 'SYN_RECV') return 'original';
  if (state === 'FIN_WAIT') return closer === 'original' ? 'reply' : 'original';
  return state === 'LAST_ACK' ? closer : undefined;
}

/** What the replies to a connection look like. */
function replyOf(tuple: FlowTuple, seenAs: Endpoint | undefined): FlowTuple {
  return reversed(seenAs === undefined ? tuple : { ...tuple, source: seenAs.address, sourcePort: seenAs.port });
}

/** The same connection as its other end says it. */
export function reversed({ protocol, source, sourcePort, destination, destinationPort }: FlowTuple): FlowTuple {
  return {
    protocol,
    source: destination,
    sourcePort: destinationPort,
    destination: source,
    destinationPort: sourcePort,
  };
}

function keyOf({ protocol, source, sourcePort, destination, destinationPort }: FlowTuple): string {
  return `${protocol}-${source}-${sourcePort}-${destination}-${destinationPort}`;
}
