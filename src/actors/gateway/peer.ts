import type { SnapshotFrom } from 'xstate';
import { type PeerEvent, peerMachine } from '../../machines/peer.ts';
import type { Ip4 } from '../../wire/address.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';
import type { SessionName } from '../services.ts';
import type { GatewayPeer } from './config.ts';

export interface SavedPeer {
  readonly machine: SavedMachine;
  readonly active?: SessionName;
  readonly learnedAddress?: Ip4;
  readonly since_us: number;
}

interface Decision {
  /** Sessions of this peer may stand. */
  readonly welcome: boolean;
}

function decide(snapshot: SnapshotFrom<typeof peerMachine>): Decision {
  return { welcome: !snapshot.matches('OFF') };
}

/** One configured peer. */
export class Peer {
  readonly config: GatewayPeer;
  readonly machine: MachineHost<typeof peerMachine, Decision>;
  /** The session that frames take. */
  active: SessionName | undefined;
  /** When its state changed last. */
  since_us = 0;
  /** Where its last authenticated session came from or went to. */
  learnedAddress: Ip4 | undefined;

  constructor(config: GatewayPeer, observer: MachineObserver, execute: (peer: Peer, command: MachineCommand) => void) {
    this.config = config;
    this.machine = new MachineHost({
      machine: peerMachine,
      instance: `peer-${config.name}`,
      input: { dialable: config.address !== undefined && config.port !== undefined },
      decide,
      execute: (command) => execute(this, command),
      observer,
    });
  }

  /** Where to dial it. */
  get address(): Ip4 | undefined {
    return this.config.address ?? this.learnedAddress;
  }

  get welcome(): boolean {
    return this.machine.decision.welcome;
  }

  send(event: PeerEvent, now_us: number): void {
    const before = this.machine.state;
    this.machine.send(event);
    if (this.machine.state !== before) this.since_us = now_us;
  }

  save(): SavedPeer {
    const { active, learnedAddress, since_us } = this;
    return { machine: this.machine.save(), active, learnedAddress, since_us };
  }

  restore(saved: SavedPeer): void {
    this.machine.restore(saved.machine);
    this.active = saved.active;
    this.learnedAddress = saved.learnedAddress;
    this.since_us = saved.since_us;
  }
}
