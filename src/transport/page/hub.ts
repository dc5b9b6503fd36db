import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import { VERSION } from '../../version.ts';
import { type Framing, PageClient } from './client.ts';
import { SourceFeed } from './feed.ts';
import type { PageSource } from './source.ts';

/** Records are collected so long before they are sent. */
const FLUSH_MS = 50;
/** States, counters and drops are sent so often while somebody looks on. */
const STATE_MS = 1_000;

/** Sends what sources have to show to whoever looks on: first all there is, then what comes. Begins to remember with {@link open}. */
export class PageHub {
  readonly #feeds: readonly SourceFeed[];
  readonly #clients = new Set<PageClient>();
  readonly #run = randomUUID();
  #timers: NodeJS.Timeout[] = [];

  constructor(sources: readonly PageSource[]) {
    this.#feeds = sources.map((source) => new SourceFeed(source));
  }

  /** Readers now. */
  get clients(): number {
    return this.#clients.size;
  }

  /** The timers do not keep the process alive: what the sources live on does. */
  open(): void {
    for (const feed of this.#feeds) feed.open();
    this.#timers = [
      setInterval(() => this.#flush(), FLUSH_MS).unref(),
      setInterval(() => this.#sendState(), STATE_MS).unref(),
    ];
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const feed of this.#feeds) feed.close();
    for (const client of this.#clients) client.end();
  }

  /** Present state of all sources: JSON of a `StateMessage`. */
  state(): string {
    return JSON.stringify({ sources: this.#feeds.map(({ name, view }) => ({ name, view })) });
  }

  /** Begins to send to a stream, until it is closed or the returned function is called. */
  attach(stream: Writable, framing: Framing): () => void {
    // What waits is part of the history that the new reader gets.
    this.#flush();
    const client = new PageClient(stream, framing, () => client.send('state', this.state()));
    client.send('hello', `{"version":${JSON.stringify(VERSION)},"run":"${this.#run}",${this.state().slice(1)}`);
    this.#feeds.forEach((feed, at) => {
      for (const text of feed.history()) client.send('records', `{"source":${at},"history":true,"records":${text}}`);
    });
    this.#clients.add(client);
    const detach = (): void => void this.#clients.delete(client);
    stream.once('close', detach);
    return detach;
  }

  /** Records go first, so that a state is never older than what was sent before it. */
  #sendState(): void {
    if (this.#clients.size === 0) return;
    this.#flush();
    const state = this.state();
    for (const client of this.#clients) client.send('state', state);
  }

  #flush(): void {
    this.#feeds.forEach((feed, at) => {
      const { text, count, lost } = feed.flush(this.#clients.size > 0);
      for (const client of this.#clients) {
        if (count > 0) client.send('records', `{"source":${at},"history":false,"records":${text}}`, count);
        if (lost > 0) client.lose(lost);
      }
    });
  }
}
