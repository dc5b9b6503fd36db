import { ip6AddressMachine } from '../../machines/ip6-address.ts';
import type { Mac } from '../../wire/address.ts';
import { u32 } from '../../wire/bytes.ts';
import {
  ALL_NODES_IP6,
  type Ip6,
  isLinkLocal6,
  parseIp6,
  solicitedNode,
  UNSPECIFIED_IP6,
} from '../../wire/ip-address.ts';
import { buildListenerReport, type ListenerQuery, ListenerRecord } from '../../wire/mld.ts';
import { type NdMessage, neighbourAdvertisement, neighbourSolicitation } from '../../wire/nd.ts';
import type { LayerHost } from '../host.ts';
import type { MachineView } from '../layer.ts';
import { type MachineCommand, MachineHost } from '../machine-host.ts';
import type { InterfaceAddress } from '../services.ts';
import type { JournalData } from '../tap.ts';
import { addresses6 } from './interface6.ts';

/** An answer to a solicitation for an address that we want to use is waited for so long (RetransTimer of RFC 4861). */
export const DUPLICATE_WAIT_US = 1_000_000;
/** Longest time that a query for our groups is left unanswered, whatever it allows. */
const REPORT_DELAY_MAX_MS = 10_000;
const DEFAULT_PROBES = 1;
const TIMER_PREFIX = 'address-';
const REPORT_TIMER = 'listener-report';

/** What the addresses want from the IP stack around them. */
export interface Addresses6Owner {
  readonly host: LayerHost;
  readonly label: string;
  readonly mac: Mac;
  /** Sends a message of Neighbour Discovery to a group of the link. */
  sendToGroup(source: Ip6, group: Ip6, message: NdMessage): void;
  /** Sends a whole packet to the routers of the link. */
  sendReport(packet: Uint8Array): void;
  note(name: string, data: JournalData): void;
}

/** `tentative`: being asked for; undefined: not ours, or somebody else's as well. */
export type AddressUse = 'valid' | 'tentative' | undefined;

interface SavedAddresses6 {
  readonly machines: readonly (readonly [address: Ip6, machine: never])[];
  readonly reportDue_us: number | null;
}

type AddressHost = MachineHost<typeof ip6AddressMachine, AddressUse>;

/** The IPv6 addresses of an interface (RFC 4862 section 5.4) and the groups that they make it listen to (RFC 3810). */
export class Addresses6 {
  readonly #owner: Addresses6Owner;
  readonly #machines: ReadonlyMap<Ip6, AddressHost>;
  readonly #groups: ReadonlySet<Ip6>;
  /** When the report is due that was asked for, if one was. */
  #reportDue_us: number | undefined;

  constructor(owner: Addresses6Owner, own: InterfaceAddress) {
    const addresses = addresses6(own);
    this.#owner = owner;
    this.#groups = new Set(addresses.map(solicitedNode));
    const probes = own.ip6?.duplicateProbes ?? DEFAULT_PROBES;
    this.#machines = new Map(addresses.map((address) => [address, this.#make(address, probes)]));
  }

  start(): void {
    for (const machine of this.#machines.values()) machine.send({ type: 'START' });
  }

  stop(): void {
    for (const machine of this.#machines.values()) machine.send({ type: 'STOP' });
    this.#reportDue_us = undefined;
    this.#owner.host.clearTimer(this.#owner.label, REPORT_TIMER);
  }

  use(address: Ip6): AddressUse {
    return this.#machines.get(address)?.decision;
  }

  /** Whether packets to the group are for us. */
  listensTo(group: Ip6): boolean {
    return group === ALL_NODES_IP6 || this.#groups.has(group);
  }

  /** The valid address to speak to `other` from: of its scope if there is one. */
  sourceFor(other: Ip6): Ip6 | undefined {
    const valid = [...this.#machines.keys()].filter((address) => this.use(address) === 'valid');
    return valid.find((address) => isLinkLocal6(address) === isLinkLocal6(other)) ?? valid[0];
  }

  /** Somebody else uses or wants an address of ours. */
  heard(address: Ip6): void {
    this.#machines.get(address)?.send({ type: 'HEARD' });
  }

  /**
   * A router or switch asks who listens: it is told after a random time, so that not all answer at once. Of several queries the answer that
   * is due first stands for all (RFC 3810 section 6.2).
   */
  query({ group, maxResponse_ms }: ListenerQuery): void {
    if (group !== undefined && !this.#groups.has(group)) return;
    const { host, label } = this.#owner;
    const limit_us = Math.min(maxResponse_ms, REPORT_DELAY_MAX_MS) * 1000;
    const delay_us = u32(host.randomBytes(label, 4), 0) % (limit_us + 1);
    const due_us = host.now_us() + delay_us;
    if (this.#reportDue_us !== undefined && this.#reportDue_us <= due_us) return;
    this.#reportDue_us = due_us;
    host.setTimer(label, REPORT_TIMER, delay_us);
  }

  /** True when the timer was one of these. */
  timerFired(name: string): boolean {
    if (name === REPORT_TIMER) {
      this.#reportDue_us = undefined;
      this.#report(ListenerRecord.IS_EXCLUDE);
      return true;
    }
    const address = name.startsWith(TIMER_PREFIX) ? parseIp6(name.slice(TIMER_PREFIX.length)) : undefined;
    if (address === undefined) return false;
    this.#machines.get(address)?.send({ type: 'TIMEOUT' });
    return true;
  }

  machines(): readonly MachineView[] {
    return [...this.#machines.values()].map(({ instance, state }) => ({ instance, machine: ip6AddressMachine, state }));
  }

  save(): JournalData {
    const machines = [...this.#machines].map(([address, machine]) => [address, machine.save()]);
    return { machines, reportDue_us: this.#reportDue_us ?? null };
  }

  restore(saved: JournalData): void {
    const { machines, reportDue_us } = saved as unknown as SavedAddresses6;
    for (const [address, machine] of machines) this.#machines.get(address)?.restore(machine);
    this.#reportDue_us = reportDue_us ?? undefined;
  }

  #make(address: Ip6, probes: number): AddressHost {
    const { host, label } = this.#owner;
    return new MachineHost({
      machine: ip6AddressMachine,
      instance: TIMER_PREFIX + address,
      input: { probes },
      observer: host.observer(label),
      decide: ({ value }) => (value === 'VALID' ? 'valid' : value === 'TENTATIVE' ? 'tentative' : undefined),
      execute: (command) => this.#execute(address, command),
    });
  }

  #execute(address: Ip6, { type }: MachineCommand): void {
    const { host, label, mac } = this.#owner;
    const timer = TIMER_PREFIX + address;
    switch (type) {
      case 'join':
        return this.#report(ListenerRecord.TO_EXCLUDE, [solicitedNode(address)]);
      case 'probe':
        this.#owner.sendToGroup(UNSPECIFIED_IP6, solicitedNode(address), neighbourSolicitation(address));
        return host.setTimer(label, timer, DUPLICATE_WAIT_US);
      case 'announce':
        // Once more, now from a real address: routers take no report from none (RFC 3810 section 5.2.13).
        if (isLinkLocal6(address)) this.#report(ListenerRecord.TO_EXCLUDE);
        return this.#owner.sendToGroup(
          address,
          ALL_NODES_IP6,
          neighbourAdvertisement(address, mac, { solicited: false, override: true }),
        );
      case 'clearTimer':
        return host.clearTimer(label, timer);
      default:
        this.#owner.note(type === 'tellDuplicate' ? 'address-duplicate' : 'address-conflict', { address });
    }
  }

  #report(record: number, groups: readonly Ip6[] = [...this.#groups]): void {
    const local = [...this.#machines.keys()].find((address) => isLinkLocal6(address) && this.use(address) === 'valid');
    this.#owner.sendReport(buildListenerReport(local ?? UNSPECIFIED_IP6, record, groups));
  }
}
