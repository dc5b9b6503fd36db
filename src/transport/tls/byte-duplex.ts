import { Duplex } from 'node:stream';

type Done = (error?: Error | null) => void;

/**
 * The stream that node:tls believes to be a socket: what it writes goes to `output` (one call per gathered write, completed
 * at once), what `push` gets is what it reads. It never ends by itself, so that a half-closed session stays usable.
 */
export class ByteDuplex extends Duplex {
  readonly #output: (bytes: Uint8Array) => void;

  constructor(output: (bytes: Uint8Array) => void) {
    super({ allowHalfOpen: true, autoDestroy: false, emitClose: true });
    this.#output = output;
  }

  override _read(): void {
    // Bytes are pushed when they come.
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#output(Uint8Array.from(chunk));
    done();
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, done: Done): void {
    this.#output(Uint8Array.from(Buffer.concat(chunks.map((part) => part.chunk))));
    done();
  }
}
