import type { Vault } from '../../engine/crypto/vault.ts';
import { put16 } from '../../wire/bytes.ts';
import { updateChecksumBytes } from '../../wire/checksum.ts';
import type { EngineSession } from '../../wire/control-frame.ts';
import type { FrameView } from '../../wire/frame.ts';
import { Flag, type TcpView } from '../../wire/tcp.ts';
import { type SavedPosition, StreamPosition } from './stream-position.ts';

const CHECKSUM_AT = 16;
/** Key id that stands for a direction which is not switched on yet. */
const NO_KEY = 0;

export interface SavedCipherSession {
  readonly session: EngineSession;
  readonly send: SavedPosition | null;
  readonly receive: SavedPosition | null;
}

/** One session of an in-line cipher (blocks 2014G and 2014L, Y3006A and Y3006B): F14 changes, F11 to F13 but for the checksum do not. */
export class CipherSession {
  readonly session: EngineSession;
  readonly #vault: Vault;
  #send: StreamPosition | undefined;
  #receive: StreamPosition | undefined;

  constructor(vault: Vault, session: EngineSession) {
    this.#vault = vault;
    this.session = session;
    this.switchOn(session);
  }

  static restored(vault: Vault, saved: SavedCipherSession): CipherSession {
    const restored = new CipherSession(vault, saved.session);
    restored.#send = positionOf(saved.send);
    restored.#receive = positionOf(saved.receive);
    return restored;
  }

  /** Switches on the directions that have a key now and had none; a direction keeps its key and its point for life. */
  switchOn({ sendDataKeyId, nextSequence, receiveDataKeyId, acknowledgement }: EngineSession): void {
    if (sendDataKeyId !== NO_KEY) this.#send ??= new StreamPosition(sendDataKeyId, nextSequence);
    if (receiveDataKeyId !== NO_KEY) this.#receive ??= new StreamPosition(receiveDataKeyId, acknowledgement);
  }

  /** A frame of the session from this host with F14 encrypted; undefined when there is nothing to encrypt. */
  encrypt(bytes: Uint8Array, parsed: FrameView, tcp: TcpView, isWhole: boolean): Uint8Array | undefined {
    // A RST may answer a stranger's numbers with them.
    if ((tcp.flags & (Flag.ACK | Flag.RST)) === Flag.ACK) this.#receive?.reached(tcp.ack);
    const send = this.#send;
    if (send === undefined) return undefined;
    if ((tcp.flags & Flag.RST) === 0) send.reached(tcp.seq);
    return this.#applied(send, bytes, parsed, tcp, isWhole);
  }

  /** A frame of the session to this host with F14 decrypted; undefined when there is nothing to decrypt. */
  decrypt(bytes: Uint8Array, parsed: FrameView, tcp: TcpView, isWhole: boolean): Uint8Array | undefined {
    return this.#receive && this.#applied(this.#receive, bytes, parsed, tcp, isWhole);
  }

  forget(): void {
    for (const each of [this.#send, this.#receive]) if (each !== undefined) this.#vault.forget(each.key);
  }

  save(): SavedCipherSession {
    return { session: this.session, send: this.#send?.save() ?? null, receive: this.#receive?.save() ?? null };
  }

  /**
   * The checksum moves with the data by the difference, so that captures, firewalls and conntrack see a right one below the cipher as
   * above, and one that was wrong on its way stays wrong. `isWhole` false: an interface will sum the frame, and nothing is in it yet.
   */
  #applied(
    position: StreamPosition,
    bytes: Uint8Array,
    { payloadOffset, payloadEnd }: FrameView,
    tcp: TcpView,
    isWhole: boolean,
  ): Uint8Array | undefined {
    // The first byte behind a SYN has the number after it.
    const first = position.of(tcp.seq) + ((tcp.flags & Flag.SYN) === 0 ? 0 : 1);
    const from = payloadOffset + Math.max(0, -first);
    if (from >= payloadEnd) return undefined;
    const before = bytes.subarray(from, payloadEnd);
    const after = this.#vault.applyStream(position.key, Math.max(0, first), before);
    const out = bytes.slice();
    out.set(after, from);
    if (isWhole) {
      const isOdd = ((from - tcp.offset) & 1) === 1;
      put16(out, tcp.offset + CHECKSUM_AT, updateChecksumBytes(tcp.checksum, before, after, isOdd));
    }
    return out;
  }
}

function positionOf(saved: SavedPosition | null): StreamPosition | undefined {
  return saved === null ? undefined : new StreamPosition(saved.key, saved.from, saved.reference);
}
