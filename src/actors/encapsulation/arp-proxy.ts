import type { Ip4, Mac } from '../../wire/address.ts';
import { ArpOperation, type ArpView } from '../../wire/arp.ts';
import { buildArpFrame } from '../../wire/build.ts';
import type { FindAnswer, Identity } from '../services.ts';
import type { JournalData } from '../tap.ts';

/** Addresses that are asked for at the same time, and who waits for one of them. */
export const ARP_QUESTIONS_MAX = 64;
export const ARP_ASKERS_MAX = 16;

/** Answers of the proxy: frames for the tunnel, and questions for the IP stack. */
export interface ArpProxyOwner {
  find(address: Ip4): void;
  toTunnel(frame: Uint8Array): void;
}

/**
 * Proxy ARP for the hosts of intranet 3: a terminal's question is asked there by IP stack 3005, and who answers there is what the terminal
 * is told, with the host's own MAC address. So a terminal's frames bear the true addresses (spec 6.6), and nobody is answered for who is not there.
 */
export class ArpProxy {
  readonly #owner: ArpProxyOwner;
  /** Who asks for an address. */
  readonly #asking = new Map<Ip4, Identity[]>();

  constructor(owner: ArpProxyOwner) {
    this.#owner = owner;
  }

  /** False when there is no room for the question. */
  ask({ senderIp, senderMac, targetIp }: ArpView): boolean {
    const known = this.#asking.get(targetIp);
    const asker = { address: senderIp, mac: senderMac };
    if (known?.some(({ address, mac }) => address === senderIp && mac === senderMac)) return true;
    if (known !== undefined) {
      if (known.length >= ARP_ASKERS_MAX) return false;
      known.push(asker);
      return true;
    }
    if (this.#asking.size >= ARP_QUESTIONS_MAX) return false;
    this.#asking.set(targetIp, [asker]);
    this.#owner.find(targetIp);
    return true;
  }

  /** What the IP stack has found; who asks for a host that is not there hears nothing, as on any Ethernet. */
  answered(answer: FindAnswer): void {
    const askers = this.#asking.get(answer.address) ?? [];
    this.#asking.delete(answer.address);
    if (answer.kind === 'found') for (const asker of askers) this.#tell(asker, answer.address, answer.mac);
  }

  clear(): void {
    this.#asking.clear();
  }

  save(): JournalData {
    return [...this.#asking].map(([address, askers]) => [address, askers.map((asker) => ({ ...asker }))]);
  }

  restore(saved: JournalData): void {
    this.#asking.clear();
    for (const [address, askers] of saved as unknown as [Ip4, Identity[]][]) this.#asking.set(address, askers);
  }

  #tell({ address: targetIp, mac: targetMac }: Identity, senderIp: Ip4, senderMac: Mac): void {
    this.#owner.toTunnel(
      buildArpFrame({
        ethernet: { destination: targetMac, source: senderMac },
        arp: { operation: ArpOperation.REPLY, senderMac, senderIp, targetMac, targetIp },
      }),
    );
  }
}

/** Whether an ARP packet asks for another host than its sender. */
export function isArpQuestion({ operation, senderIp, targetIp }: ArpView): boolean {
  return operation === ArpOperation.REQUEST && senderIp !== targetIp;
}
