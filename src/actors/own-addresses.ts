import { type IpAddress, isIp6, isLinkLocal6 } from '../wire/ip-address.ts';

/** The addresses of a host: which packets are for it, and which of them it is known by to whom (RFC 6724, as far as few addresses need). */
export class OwnAddresses {
  readonly #all: ReadonlySet<IpAddress>;
  readonly #isAny: boolean;

  /** `isAny`: whatever address a packet is for is ours. */
  constructor(addresses: readonly IpAddress[], isAny = false) {
    this.#all = new Set(addresses);
    this.#isAny = isAny;
  }

  has(address: IpAddress): boolean {
    return this.#isAny || this.#all.has(address);
  }

  /** The source for packets to `remote`: of its family, and for IPv6 of its scope if there is one; undefined when none is of its family. */
  sourceFor(remote: IpAddress): IpAddress | undefined {
    const candidates = [...this.#all].filter((own) => isIp6(own) === isIp6(remote));
    return candidates.find((own) => isLocal(own) === isLocal(remote)) ?? candidates[0];
  }
}

function isLocal(address: IpAddress): boolean {
  return isIp6(address) && isLinkLocal6(address);
}
