import { type SpliceEvent, spliceMachine } from '../../machines/splice.ts';
import { type MachineCommand, MachineHost } from '../machine-host.ts';
import {
  type ConnectionEvent,
  type SavedConnection,
  TcpConnection,
  type TcpConnectionHost,
  type TcpConnectionOptions,
} from './connection.ts';
import { SPLICE_BUFFER_BYTES, SPLICE_QUEUE_BYTES } from './limits.ts';
import type { InSegment } from './segment.ts';
import { type SavedFlow, SplicedFlow } from './spliced-flow.ts';

/** The world of one side: that of a connection, whose user is the splice. */
export type SpliceSideHost = Omit<TcpConnectionHost, 'indicate'>;

export interface SpliceHost {
  readonly near: SpliceSideHost;
  readonly far: SpliceSideHost;
  /** An ICMP error has ended the opening of the far side: the near host is to get one as well, in the far address's name. */
  unreachable(): void;
}

/** The two connections of a splice. */
export interface SpliceOptions {
  /** Instance name of its machine. */
  readonly name: string;
  /** Towards the host whose SYN came: `local` is the address that it called. */
  readonly near: TcpConnectionOptions;
  /** Towards the host that is called: `local` is the caller's address. */
  readonly far: TcpConnectionOptions;
}

export type SavedSplice = ReturnType<TcpSplice['save']>;

/**
 * Two TCP connections that end one end-to-end session in the middle (drivers 2106 and 3106, encapsulation processing 3001B): what either
 * host does, the other one sees as if there were one TCP between them. The near host's SYN waits for the far host's answer; bytes, FIN,
 * RST and urgent data go over; a side that falls silent ends the other by RST. A slow reader shuts the window of the other side's
 * writer: at most {@link SPLICE_QUEUE_BYTES} and one receive buffer of {@link SPLICE_BUFFER_BYTES} are held each way.
 *
 * The owner gives segments, timers and ICMP errors to `near` and `far`, and drops the splice when {@link isGone}.
 *
 * What was acknowledged may still be lost in one case: the far host's stream ended first, the near host then ended its own, which
 * completes the near connection, and the far host dies before the last bytes are there. Nobody is left to be told.
 */
export class TcpSplice {
  readonly near: TcpConnection;
  readonly far: TcpConnection;
  readonly machine: MachineHost<typeof spliceMachine, string>;
  readonly #host: SpliceHost;
  /** From the near host to the far one, and back. */
  readonly #forth: SplicedFlow;
  readonly #back: SplicedFlow;

  constructor(host: SpliceHost, { name, near, far }: SpliceOptions) {
    this.#host = host;
    const sizes = { sendQueueBytes: SPLICE_QUEUE_BYTES, receiveBufferBytes: SPLICE_BUFFER_BYTES };
    this.near = new TcpConnection(
      { ...host.near, indicate: (event) => this.#nearTells(event) },
      { ...sizes, ...near, holdSynAck: true },
    );
    this.far = new TcpConnection({ ...host.far, indicate: (event) => this.#farTells(event) }, { ...sizes, ...far });
    this.#forth = new SplicedFlow(this.near, this.far);
    this.#back = new SplicedFlow(this.far, this.near);
    this.machine = new MachineHost({
      machine: spliceMachine,
      instance: name,
      decide: (snapshot) => snapshot.value as string,
      execute: (command) => this.#execute(command),
      observer: host.near.observer,
    });
  }

  /** Nothing is left on either side: no timer, no segment is awaited. */
  get isGone(): boolean {
    return this.machine.decision === 'DONE' && this.near.state === 'CLOSED' && this.far.state === 'CLOSED';
  }

  /** Bytes that one host has sent and the other one's TCP has not acknowledged, each way. */
  get held(): { readonly forth: number; readonly back: number } {
    return { forth: this.#forth.held, back: this.#back.held };
  }

  /** Takes the near host's SYN; it is held until the far host has answered. */
  open(syn: InSegment): void {
    this.near.openPassive(syn);
  }

  /** Ends both sides by RST. */
  stop(): void {
    this.machine.send({ type: 'stop' });
  }

  save() {
    return {
      version: 1 as const,
      machine: this.machine.save(),
      near: this.near.save(),
      far: this.far.save(),
      forth: this.#forth.save(),
      back: this.#back.save(),
    };
  }

  /** Into a fresh object with the same options. Timers themselves are restored by the host. */
  restore(saved: {
    machine: SavedSplice['machine'];
    near: SavedConnection;
    far: SavedConnection;
    forth: SavedFlow;
    back: SavedFlow;
  }): void {
    this.machine.restore(saved.machine);
    this.near.restore(saved.near);
    this.far.restore(saved.far);
    this.#forth.restore(saved.forth);
    this.#back.restore(saved.back);
  }

  #nearTells(event: ConnectionEvent): void {
    if (event.kind === 'syn-received') this.machine.send({ type: 'near.syn' });
    else if (event.kind === 'remote-closed') this.machine.send({ type: 'near.ended' });
    else if (event.kind === 'closed') this.#nearClosed(event.reason);
    else flow(event, this.#forth, this.#back);
  }

  #farTells(event: ConnectionEvent): void {
    if (event.kind === 'connected') this.machine.send({ type: 'far.connected' });
    else if (event.kind === 'remote-closed') this.machine.send({ type: 'far.ended' });
    else if (event.kind === 'closed') this.#farClosed(event.reason);
    else flow(event, this.#back, this.#forth);
  }

  #nearClosed(reason: Reason): void {
    if (reason === 'normal') this.machine.send({ type: 'near.finished' });
    else if (reason !== 'aborted') this.machine.send({ type: 'near.broken' });
  }

  #farClosed(reason: Reason): void {
    const type = FAR_EVENTS[reason];
    if (type !== undefined) this.machine.send({ type });
  }

  #execute({ type }: MachineCommand): void {
    switch (type) {
      case 'openFar':
        this.far.openActive();
        return;
      case 'releaseNear':
        this.near.release();
        return;
      case 'refuseNear':
        this.near.refuse();
        return;
      case 'tellUnreachable':
        this.#host.unreachable();
        return;
      case 'closeNear':
        this.near.close();
        return;
      case 'closeFar':
        this.far.close();
        return;
      case 'abortNear':
        this.near.abort();
        return;
      case 'abortFar':
        this.far.abort();
        return;
    }
  }
}

type Reason = (ConnectionEvent & { kind: 'closed' })['reason'];

/** What the end of the far side means; `aborted` is our own doing. */
const FAR_EVENTS: Readonly<Record<Reason, SpliceEvent['type'] | undefined>> = {
  normal: 'far.finished',
  refused: 'far.refused',
  unreachable: 'far.unreachable',
  reset: 'far.broken',
  'timed-out': 'far.broken',
  aborted: undefined,
};

/** What a side tells about streams; `out` comes from that side's host, `to` goes to it. */
function flow(event: ConnectionEvent, out: SplicedFlow, to: SplicedFlow): void {
  if (event.kind === 'data') out.data(event.bytes);
  else if (event.kind === 'urgent') out.urgent(event.bytes);
  else if (event.kind === 'full') to.full();
  else if (event.kind === 'writable') to.writable();
}
