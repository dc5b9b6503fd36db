import { innerDataBytes } from '../../wire/inner-frame.ts';
import { InnerRefusal } from '../../wire/inner-leg.ts';
import { isIp6 } from '../../wire/ip-address.ts';
import { LOCAL_QUEUE_BYTES, WAITING_BYTES } from '../inner-leg/limits.ts';
import type { InnerSession } from '../inner-leg/session.ts';
import type { LocalSide } from '../inner-leg/session-host.ts';
import { type LocalTcpHost, localTcp } from '../intermediate-driver/local-tcp.ts';
import type { JournalData } from '../tap.ts';
import type { ConnectionEvent, SavedConnection, TcpConnection } from '../tcp/connection.ts';
import { lean } from '../tcp/lean.ts';
import type { InSegment } from '../tcp/segment.ts';
import { unreachableFrame } from './unreachable.ts';

/** Codes that say that nobody answers: host unreachable (RFC 792), address unreachable (RFC 4443). */
const HOST_UNREACHABLE = 1;
const ADDRESS_UNREACHABLE = 3;

export interface TerminalSideHost extends LocalTcpHost {
  /** The held SYN goes out as it came, or does not; see {@link LocalSide.bypass}. True when it may. */
  bypass(session: InnerSession, syn: Uint8Array | undefined, heard: boolean): boolean;
}

interface SavedSide {
  readonly connection: SavedConnection;
  readonly syn: Uint8Array | undefined;
}

/**
 * Block A of driver 2106 or 3106 for one session: a TCP connection with the own host's TCP in the name of the other host's. Near: its SYN
 * is held. Far: it sends the SYN that the CONN-REQ asks for.
 */
export class TerminalSide implements LocalSide {
  readonly connection: TcpConnection;
  readonly #host: TerminalSideHost;
  readonly #session: InnerSession;
  /** The frame with the held SYN. */
  #syn: Uint8Array | undefined;
  /** What the connection says is for nobody: the host is not to hear of its end. */
  #muted = false;

  constructor(host: TerminalSideHost, session: InnerSession) {
    const { ends: tuple, mtu, handshake } = session.start;
    this.#host = host;
    this.#session = session;
    const toStack = (frame: Uint8Array) => {
      if (!this.#muted) host.toStack(frame);
    };
    this.connection = localTcp(
      { ...host, toStack },
      {
        tuple,
        // So that a segment of the host is one DATA unit.
        mss: innerDataBytes(mtu, tuple.local),
        link: () => ({ own: session.line.link.source, nextHop: session.line.link.destination }),
        holdSynAck: handshake === 'hold',
        sendQueueBytes: LOCAL_QUEUE_BYTES,
        receiveBufferBytes: WAITING_BYTES,
      },
      (event) => this.#indicated(event),
    );
  }

  get isGone(): boolean {
    return this.connection.state === 'CLOSED';
  }

  /** The host's SYN; `frame` is what it came in. */
  takeSyn(syn: InSegment, frame: Uint8Array): void {
    this.#syn = lean(frame);
    this.connection.openPassive(syn);
  }

  /** Forgets the connection without a word. */
  mute(): void {
    this.#muted = true;
    this.connection.abort();
  }

  open(): void {
    this.connection.openActive();
  }

  release(): void {
    this.#syn = undefined;
    if (this.#isHeld) this.connection.release();
  }

  refuse(reason: number, code: number): void {
    const isSilence = reason === InnerRefusal.TIMED_OUT;
    const silent = isIp6(this.#session.start.ends.local) ? ADDRESS_UNREACHABLE : HOST_UNREACHABLE;
    if (isSilence || reason === InnerRefusal.UNREACHABLE) this.#tellUnreachable(isSilence ? silent : code);
    if (this.#isHeld) this.connection.refuse();
    else this.connection.abort();
  }

  bypass(heard: boolean): void {
    const syn = this.#isHeld ? this.#syn : undefined;
    if (!this.#host.bypass(this.#session, syn, heard)) this.refuse(InnerRefusal.TIMED_OUT, 0);
    else if (this.#isHeld) this.mute();
    else this.connection.abort();
  }

  write(bytes: Uint8Array, urgent: boolean): void {
    this.connection.write(lean(bytes), urgent);
  }

  consumed(bytes: number): void {
    this.connection.consumed(bytes);
  }

  close(): void {
    this.connection.close();
  }

  abort(): void {
    this.connection.abort();
  }

  timerFired(name: string): void {
    this.connection.timerFired(name);
  }

  save(): JournalData {
    const saved: SavedSide = { connection: this.connection.save(), syn: this.#syn };
    return saved as never;
  }

  restore(saved: JournalData): void {
    const { connection, syn } = saved as unknown as SavedSide;
    this.connection.restore(connection);
    this.#syn = syn;
  }

  get #isHeld(): boolean {
    return this.connection.decision.held;
  }

  #tellUnreachable(code: number): void {
    const error = this.#syn && unreachableFrame(this.#syn, code);
    if (error !== undefined) this.#host.toStack(error);
  }

  #indicated(event: ConnectionEvent): void {
    switch (event.kind) {
      case 'connected':
        return this.#session.localConnected();
      case 'data':
        return this.#session.localData(event.bytes);
      case 'urgent':
        return this.#session.localUrgent(event.bytes);
      case 'full':
        return this.#session.localFull();
      case 'writable':
        return this.#session.localWritable();
      case 'remote-closed':
        return this.#session.localEnded();
      case 'closed':
        return this.#session.localClosed(event.reason);
      case 'gone':
        return this.#session.localGone();
    }
  }
}
