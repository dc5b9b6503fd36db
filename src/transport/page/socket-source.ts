import { connect, type Socket } from 'node:net';
import type { JournalRecord } from '../../actors/tap.ts';
import { Board } from '../../page-model/board.ts';
import type { PageMessages } from '../../page-model/messages.ts';
import { ABSENT, type SourceView } from '../../page-model/view.ts';
import { onLines } from '../runtime/lines.ts';
import type { PageSource } from './source.ts';

/** A gateway that is not there is looked for again after this. */
const RETRY_MS = 200;
/** A part of the history is one line; characters. */
const LINE_CHARACTERS = 8_388_608;

/** A gateway in another process, seen over its control socket. It may come later than this, go, and come again. */
export class SocketSource implements PageSource {
  readonly name: string;
  readonly #path: string;
  readonly #board = new Board();
  readonly #listeners = new Set<(record: JournalRecord) => void>();
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isAlive = false;
  #run = '';
  #lastSeq = 0;

  /** Looks on while somebody listens. */
  constructor(name: string, path: string) {
    this.name = name;
    this.#path = path;
  }

  view(): SourceView {
    return { ...(this.#board.sources[0]?.view ?? ABSENT), alive: this.#isAlive };
  }

  subscribe(listener: (record: JournalRecord) => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#connect();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    };
  }

  #connect(): void {
    const socket = connect(this.#path);
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#isAlive = false;
      if (this.#listeners.size > 0) this.#retry = setTimeout(() => this.#connect(), RETRY_MS).unref();
    });
    socket.once('connect', () => socket.write('{"id":1,"command":"look"}\n'));
    onLines(socket, (line) => this.#line(socket, line), LINE_CHARACTERS);
  }

  #end(): void {
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  /** Lines of a gateway of this or another version: what is not understood ends the connection, not the process. */
  #line(socket: Socket, line: string): void {
    try {
      const message = JSON.parse(line) as { page?: keyof PageMessages; content?: never; ok?: boolean };
      if (message.page !== undefined) this.#take(message.page, message.content);
      else if (message.ok !== true) socket.destroy();
    } catch {
      socket.destroy();
    }
  }

  #take(name: keyof PageMessages, content: unknown): void {
    if (name === 'hello') {
      this.#hello(content as PageMessages['hello']);
    } else if (name === 'state') this.#board.state(content as PageMessages['state']);
    else if (name === 'gap') this.#tell(gapRecord(this.#lastSeq, (content as PageMessages['gap']).lost));
    else if (name === 'records') this.#records(content as PageMessages['records']);
  }

  #hello(message: PageMessages['hello']): void {
    this.#isAlive = true;
    this.#board.hello(message);
    if (message.run !== this.#run) this.#lastSeq = 0;
    this.#run = message.run;
  }

  #records(message: PageMessages['records']): void {
    this.#board.take(message);
    const last = message.records.at(-1)?.seq ?? 0;
    // After a new connection the history begins with what is known already.
    for (const record of message.records) if (record.seq > this.#lastSeq) this.#tell(record);
    this.#lastSeq = Math.max(this.#lastSeq, last);
  }

  #tell(record: JournalRecord): void {
    for (const listener of this.#listeners) listener(record);
  }
}

function gapRecord(seq: number, lost: number): JournalRecord {
  return { seq, time_us: 0, device: '', actor: '', kind: 'gap', name: 'gap', data: { lost }, cause: 0 };
}
