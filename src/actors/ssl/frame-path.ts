import { UNIT_CONTROL, UNIT_LEG } from '../../wire/unit.ts';
import type { Frame } from '../frame.ts';
import type { ReceivedUnit } from '../records/record-session.ts';
import type { SessionName } from '../services.ts';
import { type CipherBelow, type CipherBelowOwner, cipherBelowOf } from './cipher-below.ts';
import type { CipherAnswer } from './cipher-desk.ts';
import type { RecordPart } from './record-part.ts';
import type { SslSessionHost, SslSessionStart } from './session-host.ts';
import type { TcpWriter } from './tcp-writer.ts';

/** What the path needs of its session. */
export interface FramePathOwner extends CipherBelowOwner {
  /** Takes control records. */
  toPeer(bytes: Uint8Array): void;
}

/** Frames of one session on their way between the application and TCP, through the record part. */
export class FramePath {
  readonly #session: SessionName;
  readonly #host: SslSessionHost;
  readonly #records: RecordPart;
  readonly #writer: TcpWriter;
  readonly #toPeer: (bytes: Uint8Array) => void;
  /** There where nothing is sealed here: frames pass in clear to an in-line cipher below IP. */
  readonly cipherBelow: CipherBelow | undefined;

  constructor(
    start: SslSessionStart,
    host: SslSessionHost,
    records: RecordPart,
    writer: TcpWriter,
    owner: FramePathOwner,
  ) {
    this.#session = start.name;
    this.#host = host;
    this.#records = records;
    this.#writer = writer;
    this.#toPeer = owner.toPeer;
    this.cipherBelow = cipherBelowOf(host, start, writer, owner);
  }

  /** A frame of the application. */
  seal(frame: Frame): void {
    if (!this.#writer.takesData) return this.#host.drop('queue-full', frame);
    const units = this.#records.seal(frame.bytes);
    if (typeof units === 'string') return this.#host.drop(units, frame);
    if (units.length > 0) this.#host.count(this.cipherBelow ? 'passedDown' : 'sealed');
    for (const unit of units) this.#writer.data(unit);
  }

  /** A unit of the peer. */
  unit(unit: Uint8Array): void {
    this.cipherBelow?.heard();
    const type = unit[0] as number;
    if (type === UNIT_LEG) return this.#host.drop('unexpected-unit', undefined, type);
    this.#taken(this.#records.receive(unit), this.cipherBelow ? 'passedUp' : 'opened');
  }

  /** A cipher elsewhere is done with a record. */
  answered(answer: CipherAnswer): void {
    if (answer.way === 'open')
      return this.#taken(this.#records.opened(answer.header, answer.plaintext), 'openedElsewhere');
    this.#host.count('sealedElsewhere');
    const isControl = answer.record[0] === UNIT_CONTROL;
    if (!isControl && !this.#writer.takesData) return this.#host.drop('queue-full', undefined);
    for (const unit of this.#records.sealed(answer.record)) isControl ? this.#toPeer(unit) : this.#writer.data(unit);
  }

  #taken(received: ReceivedUnit, counter: 'opened' | 'openedElsewhere' | 'passedUp'): void {
    if (received.kind === 'refused') return this.#host.drop(received.reason, undefined, received.detail);
    if (received.kind !== 'frame') return;
    this.#host.count(counter);
    this.#host.indicate({ kind: 'frame', session: this.#session, frame: this.#host.frame(received.bytes) });
  }
}
