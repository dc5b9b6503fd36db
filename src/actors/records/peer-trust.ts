import type { SnapshotFrom } from 'xstate';
import { trustMachine } from '../../machines/trust.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';

/** What it needs of the session that it is part of. */
export interface PeerTrustHost {
  readonly observer: MachineObserver;
  setTimer(delay_us: number): void;
  clearTimer(): void;
  /** Asks the peer for a packet that only it can make. */
  probe(): void;
  /** The peer did not answer: it is gone. */
  lost(): void;
}

interface Decision {
  readonly suspect: boolean;
}

/** Weighs rumours about one peer's end. */
export class PeerTrust {
  readonly machine: MachineHost<typeof trustMachine, Decision>;
  readonly #host: PeerTrustHost;

  constructor(host: PeerTrustHost, instance: string) {
    this.#host = host;
    this.machine = new MachineHost({
      machine: trustMachine,
      instance,
      decide,
      execute: (command) => this.#execute(command),
      observer: host.observer,
    });
  }

  rumour(): void {
    this.machine.send({ type: 'rumour' });
  }

  /** Called for every packet of the peer; the machine hears of it only when it matters. */
  heard(): void {
    if (this.machine.decision.suspect) this.machine.send({ type: 'heard' });
  }

  timerFired(): void {
    this.machine.send({ type: 'timer' });
  }

  close(): void {
    this.#host.clearTimer();
  }

  save(): SavedMachine {
    return this.machine.save();
  }

  restore(saved: SavedMachine): void {
    this.machine.restore(saved);
  }

  #execute({ type, params }: MachineCommand): void {
    switch (type) {
      case 'sendProbe':
        return this.#host.probe();
      case 'arm':
        return this.#host.setTimer(params.delay_ms * 1000);
      case 'tellLost':
        return this.#host.lost();
    }
  }
}

function decide(snapshot: SnapshotFrom<typeof trustMachine>): Decision {
  return Object.freeze({ suspect: snapshot.matches('SUSPECT') });
}
