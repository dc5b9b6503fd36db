import type { Vault } from '../../engine/crypto/vault.ts';
import { EMPTY } from '../../wire/bytes.ts';
import { seqAdd } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { DropReason } from '../drop-reason.ts';
import type { SharedOptions, SynCookieUse } from './layer-options.ts';
import { LISTEN_BACKLOG_CONNECTIONS, RECEIVE_BUFFER_BYTES } from './limits.ts';
import { expectsCookies, isFull, type Listener, type Listeners, noteCookie } from './listeners.ts';
import { firstWindowField, windowScaleFor } from './receive.ts';
import { type InSegment, type OutSegment, resetFor, type TcpTuple } from './segment.ts';
import { SynCookies } from './syn-cookies.ts';

/** What becomes of a segment that belongs to no connection. */
export type PassiveVerdict =
  /** A SYN for a listener. */
  | { readonly kind: 'open'; readonly listener: Listener }
  /** The ACK that has brought back a cookie, which was our number `iss` and stands for `syn`. */
  | { readonly kind: 'open-cookie'; readonly listener: Listener; readonly syn: InSegment; readonly iss: number }
  /** No connection comes of it; without a reason it was worth its answer. */
  | { readonly kind: 'none'; readonly answer?: OutSegment | undefined; readonly reason?: DropReason };

export type TurnedAway = PassiveVerdict & { kind: 'none' };

const CONTROL = Flag.SYN | Flag.ACK | Flag.RST;

/** Decides about segments without a connection: RFC 9293 sections 3.10.7.1 and 3.10.7.2, with a bounded backlog and SYN cookies. */
export class PassiveOpen {
  readonly #listeners: Listeners;
  readonly #cookies: SynCookies;
  readonly #use: SynCookieUse;
  readonly #backlog: number;

  constructor(
    listeners: Listeners,
    vault: Vault,
    {
      synCookies = 'under-pressure',
      backlog = LISTEN_BACKLOG_CONNECTIONS,
    }: { synCookies?: SynCookieUse; backlog?: number },
  ) {
    this.#listeners = listeners;
    this.#cookies = new SynCookies(vault);
    this.#use = synCookies;
    this.#backlog = backlog;
  }

  /**
   * `options` are those of our connections over this family. `hasRoom`: for one more connection. `replaces`: one in TIME-WAIT has made
   * room for this SYN, so that the new numbers must lie beyond its numbers, which a cookie's do not.
   */
  judge(
    segment: InSegment,
    tuple: TcpTuple,
    at: { now_us: number; options: SharedOptions; hasRoom: boolean; replaces: boolean },
  ): PassiveVerdict {
    const listener = this.#listeners.find(tuple);
    const control = segment.flags & CONTROL;
    if (listener !== undefined && control === Flag.SYN) {
      if (!at.hasRoom) return { kind: 'none', reason: 'too-many-connections' };
      if (isFull(listener)) return { kind: 'none', reason: 'listener-full' };
      const isKept = this.#use !== 'always' && listener.pending < this.#backlog;
      if (isKept || at.replaces) return { kind: 'open', listener };
      if (this.#use === 'never') return { kind: 'none', reason: 'queue-full' };
      noteCookie(listener, at.now_us);
      return { kind: 'none', answer: this.#synAck(segment, tuple, at.now_us, at.options) };
    }
    if (listener !== undefined && control === Flag.ACK && expectsCookies(listener, at.now_us)) {
      return this.#cookieReturned(listener, segment, tuple, at);
    }
    // RFC 9293 section 3.10.7.2, fourth: nothing that LISTEN could answer.
    if (listener !== undefined && control === 0) return { kind: 'none', reason: 'no-connection' };
    return { kind: 'none', answer: resetFor(segment), reason: control === Flag.SYN ? 'no-listener' : 'no-connection' };
  }

  #cookieReturned(
    listener: Listener,
    ack: InSegment,
    tuple: TcpTuple,
    { now_us, hasRoom }: { now_us: number; hasRoom: boolean },
  ): PassiveVerdict {
    const syn = this.#cookies.read(tuple, ack, now_us);
    if (syn === undefined) return { kind: 'none', answer: resetFor(ack), reason: 'bad-cookie' };
    // Not answered: the client believes itself connected and comes again with its data.
    if (!hasRoom) return { kind: 'none', reason: 'too-many-connections' };
    if (isFull(listener)) return { kind: 'none', reason: 'listener-full' };
    return { kind: 'open-cookie', listener, syn, iss: seqAdd(ack.ack, -1) };
  }

  /** What a connection would answer, but for what a cookie can't hold. */
  #synAck(syn: InSegment, tuple: TcpTuple, now_us: number, options: SharedOptions): OutSegment {
    const { isn, timestamp } = this.#cookies.answer(tuple, syn, now_us, options.timestamps !== false);
    const theirs = syn.options;
    const buffer = options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES;
    const hasMore = timestamp !== undefined;
    const scales = hasMore && options.windowScale !== false && theirs.windowScale !== undefined;
    return {
      seq: isn,
      ack: seqAdd(syn.seq, 1),
      flags: Flag.SYN | Flag.ACK,
      window: firstWindowField(buffer),
      options: {
        mss: options.mss,
        windowScale: scales ? windowScaleFor(buffer) : undefined,
        sackPermitted: hasMore && options.sack !== false && theirs.sackPermitted === true,
        timestamps: hasMore ? { value: timestamp, echo: theirs.timestamps?.value ?? 0 } : undefined,
      },
      payload: EMPTY,
    };
  }
}
