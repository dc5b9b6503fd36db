import type { Mac } from '../../wire/address.ts';
import { buildControlFrame, type ControlFrameMessage, parseControlFrame } from '../../wire/control-frame.ts';
import type { Frame } from '../frame.ts';
import type { InlineCipherAccess } from './session-host.ts';

/** Where an in-line cipher stands, seen from SSL. */
export interface InlineCipherOptions {
  /** MAC address that this host's frames carry. */
  readonly mac: Mac;
  /** Where an engine's control frames go; default `mac`. */
  readonly softwareMac?: Mac;
}

/** What it needs of the SSL layer. */
export interface CipherLineHost {
  /** A call to a driver in this host; false where there is none. */
  call(message: ControlFrameMessage): boolean;
  /** A control frame for an engine. */
  send(bytes: Uint8Array): void;
  answered(message: ControlFrameMessage & { readonly sessionId: number }): void;
  drop(frame: Frame, detail: string): void;
}

/**
 * SSL's line to the in-line cipher of its host: a driver is called (spec 08 9.4 step 10), an engine gets the same words in control frames by
 * way of the virtual NIC or the driver (step 8).
 */
export class CipherLine {
  readonly #options: InlineCipherOptions;
  readonly #host: CipherLineHost;
  /** Sessions so far; the last one's number. */
  sessions = 0;

  constructor(options: InlineCipherOptions, host: CipherLineHost) {
    this.#options = options;
    this.#host = host;
  }

  get access(): InlineCipherAccess {
    return {
      ownMac: this.#options.mac,
      newSessionId: () => ++this.sessions,
      tell: (message) => this.#tell(message),
    };
  }

  /** A driver has answered. */
  called(message: ControlFrameMessage): void {
    if ('sessionId' in message) this.#host.answered(message);
  }

  /** A control frame came. */
  received(frame: Frame): void {
    const read = parseControlFrame(frame.bytes);
    if (read.ok) this.called(read.message);
    else this.#host.drop(frame, read.reason);
  }

  #tell(message: ControlFrameMessage): void {
    const { mac, softwareMac = mac } = this.#options;
    if (!this.#host.call(message)) this.#host.send(buildControlFrame(message, softwareMac));
  }
}
