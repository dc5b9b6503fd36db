import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { TcpConnectionOptions } from '../../src/actors/tcp/connection.ts';
import type { TcpOptions } from '../../src/wire/tcp.ts';
import { ACK, FIN, type Stamp, SYN, type Tcb } from './tcp-oracle-words.ts';
import { MSS_BYTES, pattern, segment, TcpEnd } from './tcp-pair.ts';

/** What differs between the runs of the same states. */
export interface Setting {
  readonly name: string;
  readonly iss: number;
  readonly irs: number;
  /** Window scale of both ends; undefined: none. */
  readonly scale?: number;
  readonly receiveBufferBytes: number;
  /** The user has not read what filled our window. */
  readonly shut?: boolean;
  /** Timestamps are agreed on; what the segment under test has. */
  readonly stamp?: Stamp;
}

/** What the peer's timestamp clock shows in each segment, and what it has shown before. */
const CLOCK = { fresh: 700, old: 600 } as const;

/** The timestamps option of a segment of the peer. */
export function stampOf(stamp: Stamp | undefined): TcpOptions {
  return stamp === undefined || stamp === 'missing' ? {} : { timestamps: { value: CLOCK[stamp], echo: 0 } };
}

/** Bytes that were written and are not acknowledged, where the state may send. */
const UNDER_WAY_BYTES = 200;
const WINDOW_FIELD = 65_535;

/** The states that a segment may find, and how each is reached. SYN-RECEIVED is reached in two ways. */
export const STATES = [
  'SYN-SENT',
  'SYN-RECEIVED',
  'SYN-RECEIVED by crossed SYNs',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
] as const;
export type StateName = (typeof STATES)[number];

/** A connection brought into a state by segments and calls alone. */
export class StateBench {
  readonly end: TcpEnd;
  readonly #setting: Setting;
  readonly #state: StateName;
  /** Numbers that the peer would use next. */
  #seq: number;
  #maxWnd = 0;

  constructor(setting: Setting, state: StateName) {
    this.#setting = setting;
    this.#state = state;
    const options: TcpConnectionOptions = {
      name: 'bench',
      local: 1,
      localPort: 1,
      remote: 2,
      remotePort: 2,
      mss: MSS_BYTES,
      timestamps: setting.stamp !== undefined,
      sack: false,
      windowScale: setting.scale !== undefined,
      receiveBufferBytes: setting.receiveBufferBytes,
    };
    this.end = new TcpEnd(new VirtualScheduler(), options, setting.iss, () => {});
    this.end.consumes = setting.shut !== true;
    this.#seq = setting.irs;
    this.#reach();
  }

  /** The numbers of RFC 9293 section 3.3.1. */
  tcb(): Tcb {
    const { sender, receiver } = this.end.connection.save();
    const { iss, una, nxt, fin } = sender.n;
    return {
      state: this.end.connection.state,
      passive: this.#state === 'SYN-RECEIVED',
      iss,
      una,
      nxt,
      irs: receiver.n.irs,
      rcvNxt: receiver.n.nxt,
      rcvBuffer: this.#setting.receiveBufferBytes,
      rcvWnd: Math.max(0, (receiver.n.edge - receiver.n.nxt) | 0),
      maxWnd: this.#maxWnd,
      finEnd: fin < 0 ? undefined : (fin + 1) >>> 0,
    };
  }

  #reach(): void {
    const { end } = this;
    if (this.#state === 'SYN-RECEIVED') return this.#arrive(SYN, 0);
    end.run((connection) => connection.openActive());
    if (this.#state === 'SYN-SENT') return;
    if (this.#state === 'SYN-RECEIVED by crossed SYNs') return this.#arrive(SYN, 0);
    this.#arrive(SYN | ACK, 0);
    // A second one, whose window is scaled.
    this.#arrive(ACK, 0);
    if (this.#setting.shut) this.#fill();
    const isQuiet = this.#state === 'FIN-WAIT-2' || this.#state === 'TIME-WAIT';
    if (!isQuiet) end.run((connection) => connection.write(pattern(UNDER_WAY_BYTES)));
    this.#close();
  }

  #close(): void {
    const { end } = this;
    const close = (): void => end.run((connection) => connection.close());
    switch (this.#state) {
      case 'FIN-WAIT-1':
        return close();
      case 'FIN-WAIT-2':
        close();
        return this.#arrive(ACK, 0);
      case 'CLOSE-WAIT':
        return this.#arrive(FIN | ACK, 0, true);
      case 'CLOSING':
        close();
        return this.#arrive(FIN | ACK, 0, true);
      case 'LAST-ACK':
        this.#arrive(FIN | ACK, 0, true);
        return close();
      case 'TIME-WAIT':
        close();
        this.#arrive(ACK, 0);
        return this.#arrive(FIN | ACK, 0);
    }
  }

  /** Text up to the edge of our window. */
  #fill(): void {
    while (this.tcb().rcvWnd > 0) this.#arrive(ACK, Math.min(MSS_BYTES, this.tcb().rcvWnd));
  }

  /** The peer's next segment; it acknowledges all that it could have got, or the SYN alone. */
  #arrive(flags: number, length: number, stale = false): void {
    const { scale } = this.#setting;
    const isSyn = (flags & SYN) !== 0;
    const stamp = stampOf(this.#setting.stamp && 'fresh');
    const options: TcpOptions = isSyn ? { ...stamp, mss: MSS_BYTES, windowScale: scale } : stamp;
    const ack = (flags & ACK) === 0 ? 0 : stale ? this.#setting.iss + 1 : this.end.connection.sendNext;
    this.end.arrive(segment(flags, this.#seq, ack, options, pattern(length)));
    this.#seq = (this.#seq + length + (isSyn ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0)) >>> 0;
    this.#maxWnd = Math.max(this.#maxWnd, WINDOW_FIELD * (isSyn ? 1 : 2 ** (scale ?? 0)));
  }
}
