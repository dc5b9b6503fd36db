import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Device } from '../../src/actors/device.ts';
import type { TunnelsLayer } from '../../src/actors/gateway/tunnels.ts';
import type { RelayApplicationLayer } from '../../src/actors/relay/layer.ts';
import { type Scheduler, VirtualScheduler } from '../../src/actors/scheduler.ts';
import { NO_JOURNAL } from '../../src/actors/tap.ts';
import { labWorld } from '../../src/lab/world.ts';
import { buildDevice } from '../../src/topologies/build.ts';
import { gatewayLayers } from '../../src/topologies/parts/gateway-layers.ts';
import type { GatewayOptions } from '../../src/topologies/parts/gateway-options.ts';
import { type RelayOptions, relayPlan } from '../../src/topologies/parts/relay.ts';
import type { DevicePlan } from '../../src/topologies/plan.ts';
import { opensslProvider } from '../../src/transport/openssl/aead.ts';
import type { Ip4, Mac } from '../../src/wire/address.ts';
import { ArpOperation } from '../../src/wire/arp.ts';
import { buildArpFrame } from '../../src/wire/build.ts';
import { put48, u48 } from '../../src/wire/bytes.ts';
import { EtherType, parseEthernet } from '../../src/wire/ethernet.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { liveHeap_bytes } from './garbage.ts';

const RELAY = 'relay10';
const RELAY_ADDRESS: Ip4 = 0xcb00_710a;
const RELAY_MAC: Mac = 0x0200_0000_0010;
const ROUTER_MAC: Mac = 0x0200_0000_0001;
const FIRST_SITE_ADDRESS: Ip4 = 0x0a00_0000;
const FIRST_SITE_MAC: Mac = 0x0200_0001_0000;
const PORT = 443;
const MTU = 1500;
const CHOICE = { shape: 'tcp', handshake: 'hold' } as const;
/** One way between a site and the relay. */
const DELAY_US = 5_000;
const STEP_US = 100_000;

/** A gateway without a network interface: its LAN and the Internet are boundary ports of its layers. */
function leanGatewayPlan(options: GatewayOptions): DevicePlan {
  const make = gatewayLayers(options);
  return {
    name: options.name,
    numeral: '20',
    kind: 'gateway',
    layers: [make.application(), make.ssl(), make.tcp(), make.routing(), make.stack(), make.intermediate()],
    joins: [
      '2001A.ssl - 2002.upper',
      '2002.lower - 2003.upper',
      '2003.lower - 2004.tcp',
      '2004.lower - 2005.upper',
      '2005.lower - 2006.upper',
      '2001A.settings - 2006.settings',
      '2001A.nic - cable.lan',
      '2006.lower - cable.internet',
    ],
    tunnelAddresses: [options.ip],
  };
}

/** What came out of a site's tunnel. */
export interface Arrival {
  readonly site: number;
  readonly bytes: Uint8Array;
}

/**
 * A relay and many sites on virtual time. The Internet between them is one router that passes packets on by address; it is no device.
 * Each device has a world of its own, so that what it holds can be let go of and measured.
 */
export class RelayStar {
  readonly arrivals: Arrival[] = [];
  /** Sites whose line is cut. */
  readonly cut = new Set<number>();
  readonly #sites: number;
  readonly #gateways: Device[] = [];
  readonly #byAddress = new Map<Ip4, { readonly device: Device; readonly port: string; readonly mac: Mac }>();
  #relay: Device | undefined;
  #scheduler = new VirtualScheduler();
  readonly #time: Scheduler = {
    now_us: () => this.#scheduler.now_us(),
    at: (time_us, call) => this.#scheduler.at(time_us, call),
  };

  constructor(sites: number, changes: Partial<RelayOptions> = {}) {
    this.#sites = sites;
    this.#relay = this.#build(
      relayPlan(RELAY, {
        kind: 'driver',
        name: RELAY,
        mac: RELAY_MAC,
        ip: RELAY_ADDRESS,
        ...linkOf(RELAY_ADDRESS),
        mtu: MTU,
        listen: { port: PORT, ...CHOICE },
        peers: Array.from({ length: sites }, (_, at) => ({ name: nameOf(at + 1), connect: false, ...CHOICE })),
        ...changes,
      }),
      { address: RELAY_ADDRESS, mac: RELAY_MAC, port: '1013' },
    );
    for (let site = 1; site <= sites; site++) this.#gateways.push(this.#site(site));
  }

  get relay(): RelayApplicationLayer {
    return this.#relay?.layer('1001') as RelayApplicationLayer;
  }

  /** Sites whose session carries frames, as the relay sees it. */
  get sitesUp(): number {
    return this.relay.status().peers.filter(({ state }) => state === 'UP').length;
  }

  /** Starts all at once and lets virtual time pass until every session stands on both sides, or the limit has come. */
  bringUp(limit_us: number): boolean {
    this.#relay?.start();
    for (const gateway of this.#gateways) gateway.start();
    const isUp = (): boolean =>
      this.sitesUp === this.#sites && this.#gateways.every((device) => peerState(device, '2001A') === 'UP');
    return this.until(isUp, limit_us);
  }

  until(isDone: () => boolean, limit_us: number): boolean {
    const end_us = this.#scheduler.now_us() + limit_us;
    while (!isDone() && this.#scheduler.now_us() < end_us) this.run(STEP_US);
    return isDone();
  }

  run(time_us: number): void {
    this.#scheduler.runUntil(this.#scheduler.now_us() + time_us);
  }

  /** Sends a frame on a site's LAN; the sites that got it as it was sent, in order. */
  send(site: number, bytes: Uint8Array): number[] {
    this.arrivals.length = 0;
    this.#gateways[site - 1]?.input({ kind: 'frame', port: 'lan', bytes, checksum: 'good' });
    this.run(STEP_US);
    return this.arrivals.filter((each) => Buffer.compare(each.bytes, bytes) === 0).map((each) => each.site);
  }

  /** Virtual time so far. */
  get now_us(): number {
    return this.#scheduler.now_us();
  }

  /** Bytes of heap that the relay alone takes: everything else is let go of first. Nothing works after this. */
  async relayBytes(): Promise<number> {
    this.#byAddress.clear();
    this.#gateways.length = 0;
    this.#scheduler = new VirtualScheduler();
    const withRelay = await heapBytes();
    this.#relay = undefined;
    return withRelay - (await heapBytes());
  }

  #site(site: number): Device {
    const ip = FIRST_SITE_ADDRESS + 2 * site;
    const options: GatewayOptions = {
      kind: 'folded',
      numerals: 2000,
      name: nameOf(site),
      mac: FIRST_SITE_MAC + site,
      ip,
      ...linkOf(ip),
      mtu: MTU,
      peers: [{ name: RELAY, address: RELAY_ADDRESS, port: PORT, connect: true, ...CHOICE }],
    };
    return this.#build(leanGatewayPlan(options), { address: options.ip, mac: options.mac, port: 'internet' }, site);
  }

  #build(plan: DevicePlan, end: { address: Ip4; mac: Mac; port: string }, site = 0): Device {
    const world = labWorld({ scheduler: this.#time, seed: site, tap: NO_JOURNAL, aead: opensslProvider });
    const device = buildDevice(world, plan);
    this.#byAddress.set(end.address, { device, port: end.port, mac: end.mac });
    device.onOutput = (port, { bytes }) => {
      if (port === 'lan') this.arrivals.push({ site, bytes: bytes.slice() });
      else if (!this.cut.has(site)) this.#route(bytes, site);
    };
    return device;
  }

  /** The router: answers who asks for it, and passes on what is for somebody. */
  #route(bytes: Uint8Array, from: number): void {
    const ethernet = parseEthernet(bytes, 0, bytes.length);
    if (ethernet.ok && ethernet.etherType === EtherType.ARP) return this.#answer(bytes);
    const to = this.#byAddress.get(parseFrame(bytes).ip?.destination ?? 0);
    if (to === undefined || (from === 0 && this.cut.has(this.#siteOf(to.mac)))) return;
    const passed = bytes.slice();
    put48(passed, 0, to.mac);
    put48(passed, 6, ROUTER_MAC);
    this.#deliver(to, passed);
  }

  #answer(bytes: Uint8Array): void {
    const { arp } = parseFrame(bytes);
    const asker = this.#byAddress.get(arp?.senderIp ?? 0);
    if (arp === undefined || asker === undefined) return;
    const answer = buildArpFrame({
      ethernet: { destination: u48(bytes, 6), source: ROUTER_MAC },
      arp: {
        operation: ArpOperation.REPLY,
        senderMac: ROUTER_MAC,
        senderIp: arp.targetIp,
        targetMac: asker.mac,
        targetIp: arp.senderIp,
      },
    });
    this.#deliver(asker, answer);
  }

  #deliver({ device, port }: { readonly device: Device; readonly port: string }, bytes: Uint8Array): void {
    this.#scheduler.at(this.#scheduler.now_us() + DELAY_US, () =>
      device.input({ kind: 'frame', port, bytes, checksum: 'good' }),
    );
  }

  #siteOf(mac: Mac): number {
    return mac - FIRST_SITE_MAC;
  }
}

/** Each end has a link of its own with the router, which has the other address of it. */
function linkOf(address: Ip4): { readonly prefixLength: number; readonly gateway: Ip4 } {
  return { prefixLength: 31, gateway: (address ^ 1) >>> 0 };
}

export function nameOf(site: number): string {
  return `site${site}`;
}

function peerState(device: Device, label: string): string | undefined {
  return (device.layer(label) as TunnelsLayer).status().peers[0]?.state;
}

/** In a turn of its own: what a turn has looked at weakly stays alive until its end. */
async function heapBytes(): Promise<number> {
  await nextTurn();
  return liveHeap_bytes();
}
