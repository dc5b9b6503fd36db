import { routeBytes } from '../../wire/ip-options.ts';
import { seqGt, seqLe } from '../../wire/seq.ts';
import { Flag, NO_TCP_OPTIONS, type TcpOptions } from '../../wire/tcp.ts';
import type { ConnectionParts } from './connection-parts.ts';
import { agreesOnEcn, Ecn, ecnRequest, type SavedEcn, WITHOUT_ECN } from './ecn.ts';
import { MAX_WINDOW_SCALE, MIN_MSS_BYTES, MIN_PAYLOAD_BYTES, TIMESTAMPS_BYTES } from './limits.ts';
import { defaultMss, type InSegment } from './segment.ts';
import { learnRoute } from './source-route.ts';

/** What a segment means before the connection is synchronized. */
export type OpeningVerdict =
  | 'syn'
  | 'syn-ack'
  | 'reset'
  /** It belongs to something else: answered by RST. */
  | 'stray'
  /** The same SYN once more, or nothing of interest. */
  | 'absorbed';

/** What both sides offer and agree on in their SYNs, and which segments open a connection (RFC 9293 sections 3.7.1, 3.10.7.3). */
export class Handshake {
  #scaling = false;
  /** Where both sides have agreed on it. */
  ecn: Ecn | undefined;
  /** It came from LISTEN: what refuses it in SYN-RECEIVED goes back there, not to a user (RFC 9293 MUST-11). */
  passive = false;
  readonly #parts: ConnectionParts;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** Options of a SYN, all that we offer; of a SYN+ACK, those that the other side has offered. */
  options(): TcpOptions {
    const { mss, windowScale, sack, timestamps } = this.#parts.core.options;
    const isOffer = this.#parts.core.decision.state === 'SYN-SENT';
    const scales = isOffer ? windowScale !== false : this.#scaling;
    const sacks = isOffer ? sack !== false : this.#parts.receiver.n.sack;
    const stamps = isOffer ? timestamps !== false : this.#parts.timestamps.on;
    return {
      mss,
      windowScale: scales ? this.#parts.receiver.wantedScale : undefined,
      sackPermitted: sacks,
      timestamps: stamps ? this.#parts.timestamps.option(this.#parts.core.host.now_us()) : undefined,
    };
  }

  /** Options of every other segment; SACK blocks only where there is no payload. */
  laterOptions(isPure: boolean): TcpOptions {
    const { on } = this.#parts.timestamps;
    const sacks = isPure ? this.#parts.receiver.sackBlocks(on) : undefined;
    if (!on && sacks === undefined) return NO_TCP_OPTIONS;
    return { timestamps: on ? this.#parts.timestamps.option(this.#parts.core.host.now_us()) : undefined, sacks };
  }

  /** Flags of ECN that our SYN, or SYN+ACK, has beside its own `flags`. */
  ecnFlags(flags: number): number {
    if ((flags & Flag.ACK) !== 0) return this.ecn === undefined ? 0 : Flag.ECE;
    return ecnRequest(this.#parts.core.options.ecn, this.#parts.sender.n.retries);
  }

  /** Takes the other side's SYN: its number, window and options. */
  agree(syn: InSegment): void {
    const { mss, windowScale, sack, timestamps } = this.#parts.core.options;
    const theirs = syn.options;
    this.ecn = agreesOnEcn(syn, this.#parts.core.options.ecn) ? new Ecn(this.#parts.sender) : undefined;
    this.passive = this.#parts.core.decision.state !== 'SYN-SENT';
    if (this.passive && syn.route !== undefined) learnRoute(this.#parts.core, syn.route);
    this.#parts.receiver.begin(syn.seq);
    this.#parts.receiver.early(syn.payload);
    this.#scaling = windowScale !== false && theirs.windowScale !== undefined;
    const stamps = timestamps !== false && theirs.timestamps !== undefined;
    if (stamps) this.#parts.timestamps.agree(theirs.timestamps?.value ?? 0, this.#parts.core.host.now_us());
    else this.#parts.timestamps.on = false;
    this.#parts.receiver.n.sack = sack !== false && theirs.sackPermitted === true;
    this.#parts.receiver.n.scale = this.#scaling ? this.#parts.receiver.wantedScale : 0;
    const payload = Math.max(MIN_MSS_BYTES, Math.min(mss, theirs.mss ?? defaultMss(this.#parts.core.options.remote)));
    const scale = this.#scaling ? Math.min(MAX_WINDOW_SCALE, theirs.windowScale ?? 0) : 0;
    const options = (stamps ? TIMESTAMPS_BYTES : 0) + routeBytes(this.#parts.core.settings.route);
    this.#parts.sender.agree(Math.max(MIN_PAYLOAD_BYTES, payload - options), this.#parts.receiver.n.sack, scale);
    this.#parts.sender.firstWindow(syn);
  }

  /** A segment in SYN-SENT (RFC 9293 section 3.10.7.3). */
  judgeAnswer({ flags, ack }: InSegment): OpeningVerdict {
    const hasAck = (flags & Flag.ACK) !== 0;
    const { iss, nxt } = this.#parts.sender.n;
    if (hasAck && !(seqGt(ack, iss) && seqLe(ack, nxt))) return (flags & Flag.RST) !== 0 ? 'absorbed' : 'stray';
    if ((flags & Flag.RST) !== 0) return hasAck ? 'reset' : 'absorbed';
    if ((flags & Flag.SYN) === 0) return 'absorbed';
    return hasAck ? 'syn-ack' : 'syn';
  }

  /** A segment while our answer to the SYN is held: the other side knows of nothing yet (as in LISTEN, section 3.10.7.2). */
  judgeHeld({ seq, flags }: InSegment): OpeningVerdict {
    if ((flags & Flag.RST) !== 0) return seq === this.#parts.receiver.n.nxt ? 'reset' : 'absorbed';
    if ((flags & Flag.ACK) !== 0) return 'stray';
    const isNew = (flags & Flag.SYN) !== 0 && seq !== this.#parts.receiver.n.irs;
    return isNew ? 'syn' : 'absorbed';
  }

  save(): readonly [boolean, boolean, SavedEcn] {
    return [this.#scaling, this.passive, this.ecn?.save() ?? WITHOUT_ECN];
  }

  restore(saved: ReturnType<Handshake['save']>): void {
    [this.#scaling, this.passive] = saved;
    this.ecn = saved[2][0] ? new Ecn(this.#parts.sender) : undefined;
    this.ecn?.restore(saved[2]);
  }
}
