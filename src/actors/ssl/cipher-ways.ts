import type { FourTuple } from '../../engine/f13.ts';
import { u32 } from '../../wire/bytes.ts';
import type { ControlFrameMessage } from '../../wire/control-frame.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import type { Port } from '../port.ts';
import type { CipherIndication, CipherRequest, SessionName } from '../services.ts';
import type { JournalData } from '../tap.ts';
import { CipherDesk, type SavedCipherDesk } from './cipher-desk.ts';
import { CipherLine, type InlineCipherOptions } from './cipher-line.ts';
import { frameOfRequest, type HairpinOptions, indicationOf } from './hairpin-line.ts';
import type { SslSession } from './session.ts';
import type { SslSessionHost } from './session-host.ts';

/**
 * Where the cipher is instead of here. Records are sealed and opened beside the CPU (port `cipher`), or by engine X behind the virtual NIC
 * (port `nic`). Or there are none: an in-line cipher below IP encrypts the byte stream, a driver (port `inline`) or an engine (port `nic`).
 */
export type SslCipher =
  | { readonly by: 'service' }
  | ({ readonly by: 'hairpin' } & HairpinOptions)
  | ({ readonly by: 'inline' } & InlineCipherOptions);

type CipherElsewhere = Exclude<SslCipher, { by: 'inline' }>;

/** What the ways need of the SSL layer that they are part of. */
export interface CipherWaysOwner {
  readonly host: LayerHost;
  readonly label: string;
  readonly sessions: ReadonlyMap<SessionName, SslSession>;
  addPort<In, Out>(name: string, onReceived: (message: In) => void): Port<In, Out>;
  /** One timer. */
  setTimer(delay_us: number): void;
  drop(reason: DropReason, frame?: Frame, detail?: JournalData): void;
  count(counter: string): void;
}

export interface SavedCipherWays {
  readonly desk?: SavedCipherDesk;
  readonly inlineSessions?: number;
}

/** The SSL layer's ways to a cipher elsewhere or below, with their ports; none where the cipher is here. */
export class CipherWays {
  readonly #owner: CipherWaysOwner;
  readonly #desk: CipherDesk | undefined;
  readonly #line: CipherLine | undefined;

  constructor(cipher: SslCipher | undefined, owner: CipherWaysOwner) {
    this.#owner = owner;
    if (cipher?.by === 'inline') this.#line = this.#makeLine(cipher);
    else if (cipher !== undefined) this.#desk = this.#makeDesk(cipher);
  }

  /** A cipher below is installed by SSL, which knows when it has been. */
  get isBelow(): boolean {
    return this.#line !== undefined;
  }

  /** What a session is given. */
  accessFor(session: SessionName, tuple: FourTuple): Pick<SslSessionHost, 'cipher' | 'inlineCipher'> {
    return {
      ...(this.#desk && { cipher: this.#desk.placeFor(session, tuple) }),
      ...(this.#line && { inlineCipher: this.#line.access }),
    };
  }

  timerFired(): void {
    this.#desk?.timerFired();
  }

  save(): SavedCipherWays {
    return {
      ...(this.#desk && { desk: this.#desk.save() }),
      ...(this.#line && { inlineSessions: this.#line.sessions }),
    };
  }

  /** After the sessions. */
  restore({ desk, inlineSessions }: SavedCipherWays): void {
    if (desk !== undefined) this.#desk?.restore(desk);
    if (this.#line !== undefined) this.#line.sessions = inlineSessions ?? 0;
  }

  #makeDesk(cipher: CipherElsewhere): CipherDesk {
    const { host, label, sessions, drop, count, setTimer } = this.#owner;
    const desk: CipherDesk = new CipherDesk({
      vault: host.vault,
      now_us: () => host.now_us(),
      draw: () => u32(host.randomBytes(label, 4), 0),
      setTimer,
      request: this.#wayTo(cipher, (indication) => desk.received(indication)),
      answer: (name, answer) => {
        const session = sessions.get(name);
        if (session === undefined) drop('no-session', undefined, name);
        else session.cipherAnswered(answer);
      },
      refused: (name) => sessions.get(name)?.cipherRefused(),
      drop: (reason, detail) => drop(reason, undefined, detail),
      count,
    });
    return desk;
  }

  #wayTo(
    cipher: CipherElsewhere,
    received: (indication: CipherIndication) => void,
  ): (request: CipherRequest) => boolean {
    const { host, addPort, drop } = this.#owner;
    if (cipher.by === 'service') {
      const port = addPort<CipherIndication, CipherRequest>('cipher', received);
      return (request) => port.send(request);
    }
    const nic = addPort<Frame, Frame>('nic', (frame) => {
      const said = indicationOf(frame.bytes);
      if (said === 'nothing') return;
      if ('malformed' in said) drop('malformed', frame, said.malformed);
      else received(said);
    });
    return (request) => {
      const bytes = frameOfRequest(request, cipher);
      return bytes !== undefined && nic.send(host.frame(bytes));
    };
  }

  #makeLine(options: InlineCipherOptions): CipherLine {
    const { host, addPort, drop } = this.#owner;
    const line = new CipherLine(options, {
      call: (message) => driver.send(message),
      send: (bytes) => void engine.send(host.frame(bytes, undefined, 'none')),
      answered: ({ kind, sessionId }) => this.#sessionAbove(sessionId)?.cipherBelow?.answered(kind),
      drop: (frame, detail) => drop('foreign-control-frame', frame, detail),
    });
    const driver = addPort<ControlFrameMessage, ControlFrameMessage>('inline', (message) => line.called(message));
    const engine = addPort<Frame, Frame>('nic', (frame) => line.received(frame));
    return line;
  }

  #sessionAbove(sessionId: number): SslSession | undefined {
    return [...this.#owner.sessions.values()].find(({ cipherBelow }) => cipherBelow?.sessionId === sessionId);
  }
}
