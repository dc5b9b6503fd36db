import type { TcpDecision, tcpMachine } from '../../machines/tcp.ts';
import type { MachineHost } from '../machine-host.ts';
import { SegmentArrival } from './arrive.ts';
import { Handshake } from './connect.ts';
import { type ConnectionCore, newStats } from './core.ts';
import { KeepaliveClock } from './keepalive.ts';
import { TIME_WAIT_US } from './limits.ts';
import { Outgoing } from './outgoing.ts';
import { Receiver } from './receive.ts';
import { Sender } from './send.ts';
import { Timestamps } from './timestamps.ts';
import { Urgent } from './urgent.ts';
import { NEVER_WATCHED, UserTimeout } from './user-timeout.ts';

/** What a connection is made of, besides its machine: each part has a business of its own. */
export class ConnectionParts {
  readonly core: ConnectionCore;
  readonly machine: MachineHost<typeof tcpMachine, TcpDecision>;
  readonly stats = newStats();
  readonly urgent = new Urgent();
  readonly timestamps = new Timestamps();
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly handshake: Handshake;
  readonly outgoing: Outgoing;
  readonly keepalive: KeepaliveClock;
  readonly arrival: SegmentArrival;
  /** Where the user has set one. */
  #userTimeout: UserTimeout | undefined;

  /** `core` has its host, options and settings already. */
  constructor(core: ConnectionCore, machine: ConnectionParts['machine']) {
    this.core = core;
    this.machine = machine;
    this.sender = new Sender(core, this.stats);
    this.receiver = new Receiver(core, this.stats);
    this.handshake = new Handshake(this);
    this.outgoing = new Outgoing(this);
    this.keepalive = new KeepaliveClock(core);
    this.arrival = new SegmentArrival(this);
  }

  /** 2 MSL from now on (RFC 9293 section 3.10.7.8). */
  startTimeWait(): void {
    this.core.rareTimers.set('time-wait', this.core.options.timeWait_us ?? TIME_WAIT_US);
  }

  /** At the end of each step: the clocks that run while nothing happens. */
  watch(): void {
    this.keepalive.watch();
    if (this.core.settings.userTimeout_us > 0) this.#userTimeout ??= new UserTimeout(this.core);
    this.#userTimeout?.watch(this.sender);
  }

  /** What the user has chosen is new: these clocks begin anew. */
  stopWatching(): void {
    this.core.rareTimers.dispose('keepalive');
    this.core.rareTimers.dispose('user');
    this.#userTimeout = undefined;
  }

  /** The connection is over: no queue and no timer is needed any more. */
  clear(): void {
    this.sender.clear();
    this.receiver.clear();
    this.core.rareTimers.dispose('keepalive');
    this.core.rareTimers.dispose('time-wait');
    this.core.rareTimers.dispose('user');
  }

  save() {
    return {
      sender: this.sender.save(),
      receiver: this.receiver.save(),
      timestamps: this.timestamps.save(),
      handshake: this.handshake.save(),
      keepalive: this.keepalive.save(),
      timeWait: this.core.rareTimers.save('time-wait'),
      arrival: this.arrival.save(),
      urgent: this.urgent.save(),
      userTimeout: this.#userTimeout?.save() ?? NEVER_WATCHED,
      stats: { ...this.stats },
    };
  }

  restore(saved: ReturnType<ConnectionParts['save']>): void {
    this.sender.restore(saved.sender);
    this.receiver.restore(saved.receiver);
    this.timestamps.restore(saved.timestamps);
    this.handshake.restore(saved.handshake);
    this.keepalive.restore(saved.keepalive);
    this.core.rareTimers.restore('time-wait', saved.timeWait);
    this.arrival.restore(saved.arrival);
    this.urgent.restore(saved.urgent);
    if (this.core.settings.userTimeout_us > 0) this.#userTimeout = new UserTimeout(this.core);
    this.#userTimeout?.restore(saved.userTimeout);
    Object.assign(this.stats, saved.stats);
  }
}
