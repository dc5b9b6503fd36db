/** TLS and control bytes that may wait for TCP to have room. */
export const WAITING_BYTES = 262_144;

export interface SavedTcpWriter {
  readonly room: boolean;
  readonly open: boolean;
  readonly held: boolean;
  readonly waiting: readonly Uint8Array[];
}

/**
 * What goes to the local TCP, each part whole. While TCP is over its mark, TLS and control bytes wait (bounded), data records are
 * refused: a lost one is sent again by the hosts' TCPs, a late one is worth nothing.
 */
export class TcpWriter {
  readonly #write: (bytes: Uint8Array) => void;
  #room = true;
  #open = true;
  #held = false;
  #waiting: Uint8Array[] = [];

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** False when a data record would have to wait. */
  get takesData(): boolean {
    return this.#room && this.#open && !this.#held;
  }

  /** A data record; the caller has asked {@link takesData}. */
  data(bytes: Uint8Array): void {
    this.#write(bytes);
  }

  /** TLS bytes or a control record; false when too much waits already. */
  control(bytes: Uint8Array): boolean {
    if (!this.#open) return true;
    if (this.#room && !this.#held) this.#write(bytes);
    else if (this.#waitingBytes() + bytes.length > WAITING_BYTES) return false;
    else this.#waiting.push(bytes.slice());
    return true;
  }

  full(): void {
    this.#room = false;
  }

  /** TCP has room again, or nothing will come after what waits: TCP takes it all. */
  writable(): void {
    this.#room = true;
    if (!this.#held) this.#flush();
  }

  /** What is written waits, whatever room TCP has, until {@link release}: a cipher below is being switched on. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    if (this.#room) this.#flush();
  }

  /** Nothing may be written any more: our end of the stream is closed, or TCP's connection gone. */
  close(): void {
    this.#open = false;
    this.#waiting = [];
  }

  save(): SavedTcpWriter {
    return { room: this.#room, open: this.#open, held: this.#held, waiting: [...this.#waiting] };
  }

  restore(saved: SavedTcpWriter): void {
    this.#room = saved.room;
    this.#open = saved.open;
    this.#held = saved.held;
    this.#waiting = [...saved.waiting];
  }

  #flush(): void {
    for (const bytes of this.#waiting.splice(0)) this.#write(bytes);
  }

  #waitingBytes(): number {
    return this.#waiting.reduce((sum, bytes) => sum + bytes.length, 0);
  }
}
