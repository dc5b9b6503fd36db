import type { HandshakeMode } from '../actors/services.ts';
import type { SuiteId } from '../engine/crypto/suite.ts';
import type { F13Shape } from '../engine/f13.ts';
import type { RecordLimits } from '../engine/records/limits.ts';
import type { Ip4, Mac } from '../wire/address.ts';
import type { BlockName, BlockOptions } from './blocks.ts';

/**
 * A network as plain data: which devices there are, of which layers each is built, which ports face each other, which cables run between
 * them. Builders (`build.ts`), the lab, the namespaces, the pictures and a journal's replay all read the same plan.
 */

/** One layer of a device: a block of the registry with its options. */
export type LayerPlan = {
  readonly [B in BlockName]: { readonly label: string; readonly block: B; readonly options: BlockOptions<B> };
}[BlockName];

/** What a device is to somebody who looks at the network. */
export type DeviceKind = 'host' | 'gateway' | 'relay' | 'firewall' | 'router' | 'proxy' | 'hub';

/** Layers and which of their ports face each other; what a whole device or a part of one is made of. */
export interface StackPlan {
  /** From the top. */
  readonly layers: readonly LayerPlan[];
  /** `label.port - label.port`; `cable.2013` is the boundary port 2013. */
  readonly joins: readonly string[];
}

/** A place inside a device where frames can be watched: the upper layer's lower port and the lower layer's upper port. */
export interface TapPlan {
  readonly above: string;
  readonly below: string;
}

/** One device, its layers as in the specification's stack tables. */
export interface DevicePlan extends StackPlan {
  readonly name: string;
  /** Reference numeral, e.g. `20`. */
  readonly numeral: string;
  readonly kind: DeviceKind;
  /** Own addresses that tunnels end at: see `DeviceOptions.tunnelAddresses`. */
  readonly tunnelAddresses?: readonly Ip4[];
  /** By name of the specification's taps (spec 0.4): `S20`, `M20`, `V20`. */
  readonly taps?: Readonly<Record<string, TapPlan>>;
}

/** Where a cable ends. */
export interface CableEnd {
  readonly device: string;
  readonly port: string;
}

/** From a device's boundary port to another's; `a` is nearer to the terminal. */
export interface CablePlan {
  /** Tap of the specification where it has one (spec 0.4): `W1`. */
  readonly name: string;
  readonly a: CableEnd;
  readonly b: CableEnd;
}

/** A host whose application sends and receives. */
export interface EndPlan {
  readonly device: string;
  readonly address: Ip4;
  readonly mac: Mac;
  /** Labels of its layers. */
  readonly application: string;
  readonly tcp: string;
  readonly ping: string;
}

/** A layer that keeps tunnel sessions, and the peers with which it must have one before users' frames pass. */
export interface TunnelPlan {
  readonly device: string;
  /** Label of accelerator control, gateway application or relay application. */
  readonly layer: string;
  readonly peers: readonly string[];
}

/** A cable on the way between the tunnel's ends, and its part of that way's delay and loss; all parts together are 1. */
export interface PathPlan {
  readonly cable: string;
  readonly share: number;
}

/** A whole network. */
export interface NetworkPlan {
  /** In the order in which they are built and started. */
  readonly devices: readonly DevicePlan[];
  readonly cables: readonly CablePlan[];
  /** Who sends users' traffic, and to whom: terminal 21 and server 31 first. */
  readonly ends: readonly EndPlan[];
  readonly tunnels: readonly TunnelPlan[];
  readonly path: readonly PathPlan[];
  /** F13: nothing acts there and its header has the shape of TCP or UDP, as the settings say; it is UDP; or a TCP acts. */
  readonly f13: 'shape' | 'udp' | 'tcp';
  /** `tcp`: nothing but TCP gets from the first end to the second, and connections the other way do not; left out: every frame does. */
  readonly carries?: 'tcp';
}

/** What may be chosen for any topology; plain data. What a topology has no use for it leaves aside. */
export interface NetworkSettings {
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
  /** Bytes of an IP packet of terminal and server. */
  readonly hostMtu: number;
  readonly suites?: readonly SuiteId[];
  readonly orders?: readonly (0 | 1)[];
  readonly clampMss?: number;
  /** False: drivers that end all TCP of their host do not find out which destinations have no counterpart. */
  readonly bypass?: boolean;
  readonly renewal_ms?: number;
  readonly limits?: Partial<RecordLimits>;
  /** Names that gateway 30 and gateway 20 expect of each other, where a test wants others than the true ones. */
  readonly expects?: { readonly of20?: string; readonly of30?: string };
  /** Far sites, each behind a relay of its own (embodiment 12); default 2. */
  readonly sites?: 1 | 2 | 3;
  /**
   * Gateway 20 opens its sessions on demand, all but the first, and closes them after so much time without use (embodiment 12). `learns`:
   * no config names the far servers, earlier sessions must have taught where they are.
   */
  readonly demand?: { readonly idle_ms: number; readonly learns?: boolean };
  /** False: nobody tells the listening gateway to listen. */
  readonly listens?: boolean;
  /** IP protocols that firewall 33 lets nobody use; default none. */
  readonly blockedProtocols?: readonly number[];
}

/** A network that can be had by name. */
export interface Topology {
  readonly name: string;
  readonly title: string;
  /** Figure of the specification; none for what it only compares with. */
  readonly figure?: number;
  plan(settings: NetworkSettings): NetworkPlan;
}
