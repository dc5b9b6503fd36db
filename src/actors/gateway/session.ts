import type { SnapshotFrom } from 'xstate';
import type { FourTuple } from '../../engine/f13.ts';
import type { TunnelEnds } from '../../engine/loop-guard.ts';
import { type TunnelEvent, tunnelMachine } from '../../machines/tunnel.ts';
import { LEG_DIGEST_BYTES } from '../../wire/terms.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';
import { RENEWAL_UNDER_WAY } from '../records/record-session.ts';
import type { Leg, RecordParameters, SessionName, SslRequest } from '../services.ts';
import type { LegChoice } from './config.ts';

/** Plain data that control events leave behind. */
export interface TunnelFacts {
  /** Known from the start where we dial, after authentication otherwise. */
  peer?: string;
  leg?: Leg;
  /** Own MAC and the next hop's, where there is no driver that tells them with the leg. */
  link?: Pick<Leg, 'ownMac' | 'nextHopMac'>;
  parameters?: RecordParameters;
  /** Number that engine and driver know the session by; 0 while they do not. */
  engineSession: number;
  up_us?: number;
}

export interface SavedTunnelSession {
  readonly name: SessionName;
  readonly tuple: FourTuple;
  readonly client: boolean;
  readonly driver: boolean;
  readonly machine: SavedMachine;
  readonly facts: TunnelFacts;
}

interface Decision {
  readonly carries: boolean;
  readonly dialling: boolean;
  readonly renewing: boolean;
}

function decide(snapshot: SnapshotFrom<typeof tunnelMachine>): Decision {
  const renewing = snapshot.matches({ ALIVE: 'RENEWING' });
  const carries = renewing || snapshot.matches({ ALIVE: 'UP' });
  return { carries, dialling: snapshot.context.client && snapshot.matches('ALIVE') && !carries, renewing };
}

/** One session of a gateway: its machine and what is known of it. */
export class TunnelSession {
  readonly name: SessionName;
  readonly tuple: FourTuple;
  readonly client: boolean;
  readonly machine: MachineHost<typeof tunnelMachine, Decision>;
  facts: TunnelFacts;
  readonly #driver: boolean;
  /** {@link ends} as they are with this link. */
  #ends: TunnelEnds | undefined;
  #endsLink: TunnelFacts['link'];

  constructor(options: {
    name: SessionName;
    tuple: FourTuple;
    client: boolean;
    driver: boolean;
    peer?: string;
    observer: MachineObserver;
    execute: (session: TunnelSession, command: MachineCommand) => void;
  }) {
    this.name = options.name;
    this.tuple = options.tuple;
    this.client = options.client;
    this.#driver = options.driver;
    this.facts = { peer: options.peer, engineSession: 0 };
    this.machine = new MachineHost({
      machine: tunnelMachine,
      instance: options.name,
      input: { client: options.client, driver: options.driver },
      decide,
      execute: (command) => options.execute(this, command),
      observer: options.observer,
    });
  }

  get state(): string {
    return this.machine.state;
  }

  /** What an operator must know of it beside that it stands. */
  get caveat(): { readonly integrity?: 'none' } {
    const { integrity } = this.facts.parameters ?? {};
    return integrity === undefined ? {} : { integrity };
  }

  get carries(): boolean {
    return this.machine.decision.carries;
  }

  /** What must stay out of its own tunnel. Where neither a driver nor the IP stack tells it nobody knows the next hop's MAC address. */
  get ends(): TunnelEnds {
    const link = this.facts.leg ?? this.facts.link;
    if (this.#ends === undefined || this.#endsLink !== link) {
      const { local, remote } = this.tuple;
      const addresses = new Set([local, remote]);
      const [ownMacs, nextHopMacs] = [new Set(link && [link.ownMac]), new Set(link && [link.nextHopMac])];
      this.#ends = { ownMacs, nextHopMacs, addresses };
      this.#endsLink = link;
    }
    return this.#ends;
  }

  send(event: TunnelEvent): void {
    this.machine.send(event);
  }

  save(): SavedTunnelSession {
    const { name, tuple, client, facts } = this;
    return { name, tuple, client, driver: this.#driver, machine: this.machine.save(), facts: { ...facts } };
  }

  restore(saved: SavedTunnelSession): void {
    this.machine.restore(saved.machine);
    this.facts = saved.facts;
  }
}

/** What makes SSL dial for a session whose peer is known. */
export function connectRequest({ name: session, tuple, facts }: TunnelSession): SslRequest {
  const { remote: destination, remotePort: destinationPort, localPort: sourcePort } = tuple;
  return { kind: 'connect', session, peer: facts.peer as string, destination, destinationPort, sourcePort };
}

/** The leg's digest and terms for SSL. Without a driver there is no leg: both ends say a digest of zeros. */
export function legTerms({ leg }: TunnelFacts, choice: LegChoice | undefined): Pick<Leg, 'digest' | keyof LegChoice> {
  if (leg !== undefined) return { digest: leg.digest, shape: leg.shape, handshake: leg.handshake };
  const { shape, handshake } = choice ?? { shape: 'tcp', handshake: 'hold' };
  return { digest: new Uint8Array(LEG_DIGEST_BYTES), shape, handshake };
}

/** What speaks against a renewal of a peer's session, in words for the operator; SSL has reasons of its own. */
export function renewalRefusal(peer: string, session: TunnelSession | undefined): string | undefined {
  if (!session?.carries) return `no session with ${peer}`;
  if (!session.client) return 'only the end that connects renews';
  return session.machine.decision.renewing ? RENEWAL_UNDER_WAY : undefined;
}
