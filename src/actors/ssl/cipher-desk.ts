import type { KeyId, Vault } from '../../engine/crypto/vault.ts';
import type { FourTuple } from '../../engine/f13.ts';
import { HANDED_OUT } from '../../engine/records/cipher.ts';
import { concat, equal, u16, u32 } from '../../wire/bytes.ts';
import type { CipherWay } from '../../wire/hairpin.ts';
import { RECORD_HEADER_BYTES, RECORD_TAG_BYTES } from '../../wire/record.ts';
import type { DropReason } from '../drop-reason.ts';
import { type CipherPlace, forgetKeys } from '../records/cipher-place.ts';
import type { CipherIndication, CipherRequest, RecordParameters, SessionName } from '../services.ts';
import type { JournalData } from '../tap.ts';

/** Records that may be with the cipher at a time; more are dropped. */
export const CIPHER_RECORDS = 1024;
/** A record that has not come back after so long is given up. */
export const CIPHER_PATIENCE_MS = 1000;

/** What has come back for a session. */
export type CipherAnswer =
  | { readonly way: 'seal'; readonly record: Uint8Array }
  /** Plaintext unless it did not authenticate. */
  | { readonly way: 'open'; readonly header: Uint8Array; readonly plaintext: Uint8Array | undefined };

/** What the desk needs of the layer that it is part of. */
export interface CipherDeskHost {
  readonly vault: Vault;
  now_us(): number;
  /** Random 32 bits. */
  draw(): number;
  setTimer(delay_us: number): void;
  /** On the way to the cipher; false where the way does not take it. */
  request(request: CipherRequest): boolean;
  answer(session: SessionName, answer: CipherAnswer): void;
  /** The cipher refuses a session's keys. */
  refused(session: SessionName): void;
  drop(reason: DropReason, detail: JournalData): void;
  count(counter: string): void;
}

/** One TLS session's keys at the cipher. */
interface Installed {
  readonly sessionId: number;
  readonly session: SessionName;
  readonly sendConnectionId: number;
  readonly receiveConnectionId: number;
}

/** A record that is with the cipher. */
interface Waiting {
  readonly session: SessionName;
  readonly sessionId: number;
  readonly way: CipherWay;
  readonly header: Uint8Array;
  readonly since_us: number;
}

export interface SavedCipherDesk {
  readonly installed: readonly Installed[];
  readonly waiting: readonly Waiting[];
  readonly armed: boolean;
}

/**
 * Where SSL hands records out to a cipher elsewhere and takes them back, in order. What comes back must be one that is away: same way,
 * same header, and the same number of the session, which nobody outside of this host knows. So nothing that a stranger sends is taken for
 * the cipher's answer, even where both come in through one network interface.
 */
export class CipherDesk {
  readonly #host: CipherDeskHost;
  #installed: Installed[] = [];
  #waiting: Waiting[] = [];
  #armed = false;

  constructor(host: CipherDeskHost) {
    this.#host = host;
  }

  /** The cipher as the records of one session see it: numbers and windows are theirs, keys are not. */
  placeFor(session: SessionName, tuple: FourTuple): CipherPlace {
    return {
      install: (parameters) => this.#install(session, tuple, parameters),
      dismiss: (parameters) => this.#dismiss(session, parameters),
      seal: (_key, header, plaintext) => this.#handOut('seal', session, concat(header, plaintext)),
      open: (_key, record) => this.#handOut('open', session, record),
      // The cipher finds the key of a later epoch itself: all are named by the first.
      nextEpoch: (key: KeyId) => key,
      forget: () => {},
    };
  }

  received(indication: CipherIndication): void {
    if (indication.kind === 'refused') return this.#refused(indication.sessionId);
    const { kind: way, sessionId, record } = indication;
    const header = record.slice(0, RECORD_HEADER_BYTES);
    const at = this.#waiting.findIndex(
      (each) => each.sessionId === sessionId && each.way === way && equal(each.header, header),
    );
    if (at < 0) return this.#host.drop('cipher-unasked', way);
    const [answered] = this.#waiting.splice(at, 1) as [Waiting];
    for (const lost of this.#waiting.splice(0, at)) this.#lost(lost);
    this.#answer(answered, record);
  }

  /** Gives up what has been away for too long. */
  timerFired(): void {
    this.#armed = false;
    const overdue_us = this.#host.now_us() - CIPHER_PATIENCE_MS * 1000;
    const late = this.#waiting.filter(({ since_us }) => since_us <= overdue_us);
    for (const lost of this.#waiting.splice(0, late.length)) this.#lost(lost);
    if (this.#waiting.length > 0) this.#arm();
  }

  save(): SavedCipherDesk {
    return { installed: [...this.#installed], waiting: [...this.#waiting], armed: this.#armed };
  }

  restore(saved: SavedCipherDesk): void {
    this.#installed = [...saved.installed];
    this.#waiting = [...saved.waiting];
    this.#armed = saved.armed;
  }

  #install(session: SessionName, tuple: FourTuple, parameters: RecordParameters): void {
    const sessionId = this.#newId();
    const { sendConnectionId, receiveConnectionId } = parameters;
    this.#installed.push({ sessionId, session, sendConnectionId, receiveConnectionId });
    this.#host.request({ kind: 'install', sessionId, tuple, parameters });
  }

  #dismiss(session: SessionName, parameters: RecordParameters): void {
    const at = this.#installed.findIndex(
      (each) => each.session === session && each.receiveConnectionId === parameters.receiveConnectionId,
    );
    const [gone] = at < 0 ? [] : this.#installed.splice(at, 1);
    if (gone === undefined) return forgetKeys(this.#host.vault, parameters);
    this.#host.request({ kind: 'forget', sessionId: gone.sessionId });
  }

  #handOut(way: CipherWay, session: SessionName, record: Uint8Array): typeof HANDED_OUT {
    const id = u32(record, CONNECTION_ID_AT);
    const which = way === 'seal' ? 'sendConnectionId' : 'receiveConnectionId';
    const sessionId = this.#installed.find((each) => each.session === session && each[which] === id)?.sessionId;
    if (sessionId === undefined) this.#host.drop('cipher-refused', way);
    else if (this.#waiting.length >= CIPHER_RECORDS) this.#host.drop('queue-full', way);
    else if (!this.#host.request({ kind: way, sessionId, record })) this.#host.drop('too-long', record.length);
    else this.#wait({ session, sessionId, way, header: record.slice(0, RECORD_HEADER_BYTES) });
    return HANDED_OUT;
  }

  #wait(handedOut: Omit<Waiting, 'since_us'>): void {
    this.#host.count('handedOut');
    this.#waiting.push({ ...handedOut, since_us: this.#host.now_us() });
    if (!this.#armed) this.#arm();
  }

  #arm(): void {
    this.#armed = true;
    this.#host.setTimer(CIPHER_PATIENCE_MS * 1000);
  }

  /** Whether the cipher did its work is told by the length: the tag is there, or is gone. */
  #answer({ session, way, header }: Waiting, record: Uint8Array): void {
    const whole = u16(header, LENGTH_AT);
    if (way === 'open') {
      const isOpen = record.length === whole - RECORD_TAG_BYTES;
      const plaintext = isOpen ? record.subarray(RECORD_HEADER_BYTES) : undefined;
      this.#host.answer(session, { way, header, plaintext });
    } else if (record.length === whole) this.#host.answer(session, { way, record });
    else this.#host.drop('cipher-refused', way);
  }

  #refused(sessionId: number): void {
    const refused = this.#installed.find((each) => each.sessionId === sessionId);
    if (refused === undefined) return;
    this.#installed = this.#installed.filter((each) => each !== refused);
    this.#host.refused(refused.session);
  }

  #lost({ session, way }: Waiting): void {
    this.#host.drop('cipher-lost', { session, way });
  }

  /** One draw; the next free number where it is taken. */
  #newId(): number {
    let id = this.#host.draw();
    while (id === 0 || this.#installed.some(({ sessionId }) => sessionId === id)) id = (id + 1) >>> 0;
    return id;
  }
}

/** Where the parts of a record's header stand. */
const LENGTH_AT = 2;
const CONNECTION_ID_AT = 4;
