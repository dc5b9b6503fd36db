import type { TcpIndication } from '../../actors/services.ts';
import { figureOf, holds } from './checks.ts';
import { differences } from './compare.ts';
import { type EndpointListener, ScriptEndpoint } from './endpoint.ts';
import { Bases, segmentText } from './numbers.ts';
import { Outputs, type TraceLine } from './outputs.ts';
import type { ScriptCase } from './parse.ts';
import { blocksFit, ScriptPeer } from './peer.ts';
import type { Action, CallName, Statement } from './statement.ts';
import { ScriptError, timeText } from './value.ts';
import { PEER_PORT, Stream, streamBytes } from './wire-segment.ts';

/** How far to look for what comes instead of something that did not. */
const LOOK_AHEAD_US = 3_600_000_000;

const LOOKS: ReadonlySet<Action['kind']> = new Set(['state', 'dropped', 'check', 'ignore']);

/** Calls that need no connection. */
const OPENING: ReadonlySet<CallName> = new Set(['connect', 'listen', 'unlisten']);

export interface CaseResult {
  readonly name: string;
  readonly line: number;
  readonly passed: boolean;
  /** Line that did not hold, and why; absent when the case passed. */
  readonly failure?: { readonly line: number; readonly message: string };
  readonly trace: readonly TraceLine[];
  /** Virtual time that the case took. */
  readonly time_us: number;
}

/**
 * Runs one case from its beginning to its end, or to the first line that does not hold. `restores`: after each step the TCP is saved, and a
 * fresh one goes on from what was saved.
 */
export function runCase(script: ScriptCase, restores = false): CaseResult {
  const run = new CaseRun(script, restores);
  const { name, line } = script;
  try {
    for (const statement of script.statements) run.step(statement);
    run.finish();
    return { name, line, passed: true, trace: run.outputs.trace, time_us: run.now_us };
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    const failure = { line: error.line, message: error.message };
    return { name, line, passed: false, failure, trace: run.outputs.trace, time_us: run.now_us };
  }
}

class CaseRun {
  readonly outputs: Outputs;
  readonly #script: ScriptCase;
  readonly #endpoint: ScriptEndpoint;
  readonly #peer = new ScriptPeer();
  readonly #bases = new Map<number, Bases>();
  #written = 0;
  #delivered = 0;
  #dropped: string | undefined;
  #statement: Statement | undefined;

  constructor(script: ScriptCase, restores: boolean) {
    this.#script = script;
    this.outputs = new Outputs(() => this.now_us);
    const listener: EndpointListener = {
      segment: (segment) => {
        const bases = this.#basesOf(segment.port);
        bases.learn(segment, this.now_us);
        this.#peer.hear(segment);
        this.outputs.add('segment', segmentText(segment, bases, true), { segment });
      },
      event: (event) => this.#heard(event),
      opened: () => {
        for (const bases of this.#bases.values()) bases.isFresh = true;
        this.#written = this.#delivered = 0;
      },
      transition: (from, to) => this.outputs.note(`state ${from} -> ${to}`),
      dropped: (reason) => {
        this.#dropped = reason;
        this.outputs.note(`dropped ${reason}`);
      },
      noted: (name) => this.outputs.note(name),
    };
    this.#endpoint = new ScriptEndpoint(script.settings, listener, restores);
  }

  get now_us(): number {
    // The first records come while the endpoint is being built.
    return this.#endpoint?.scheduler.now_us() ?? 0;
  }

  step(statement: Statement): void {
    this.#statement = statement;
    const { action } = statement;
    if (action.kind === 'segment' || action.kind === 'event') this.#expect(action);
    else {
      const due_us = this.#dueTime();
      // Looking takes no time, so what waits may go on waiting.
      if (due_us !== undefined || !LOOKS.has(action.kind)) this.#waitUntil(due_us ?? this.now_us);
      this.#act(action);
    }
  }

  /** At the end nothing may be left that no line has expected. */
  finish(): void {
    const { statements, line } = this.#script;
    const left = this.outputs.first();
    if (left !== undefined)
      throw new ScriptError(statements.at(-1)?.line ?? line, `no line expects what came: ${left.text}`);
  }

  #fail(message: string): never {
    throw new ScriptError(this.#statement?.line ?? this.#script.line, message);
  }

  #basesOf(port: number): Bases {
    let bases = this.#bases.get(port);
    if (bases === undefined) {
      bases = new Bases(this.#script.settings.peerIsn);
      this.#bases.set(port, bases);
    }
    return bases;
  }

  #heard(event: TcpIndication): void {
    if (event.kind !== 'data') {
      this.outputs.add('event', eventText(event), { event: event.kind });
      return;
    }
    const at = this.#peer.synAt + this.#delivered;
    this.#delivered += event.bytes.length;
    this.outputs.addData(event.bytes, at);
  }

  /** Absolute time of the present line; undefined when it names none. */
  #dueTime(): number | undefined {
    const when = this.#statement?.when;
    if (when === undefined) return undefined;
    const due_us = when.kind === 'at' ? when.time_us : this.now_us + when.time_us;
    if (due_us < this.now_us) this.#fail(`it is ${timeText(this.now_us)} already`);
    return due_us;
  }

  /** Lets time pass in which nothing may come. */
  #waitUntil(due_us: number): void {
    this.#nothingWaits();
    if (!this.#advance(due_us)) return;
    const { action } = this.#statement as Statement;
    const early = this.outputs.first();
    this.outputs.note(this.#statement?.text ?? '', this.#statement?.line);
    this.#fail(`${action.kind === 'nothing' ? 'something' : 'something before it'} came: ${early?.text}`);
  }

  #nothingWaits(): void {
    const waiting = this.outputs.first();
    if (waiting !== undefined) this.#fail(`no line before this one expects what came: ${waiting.text}`);
  }

  /** Goes on to `due_us` or to the next thing that comes; whether something came. */
  #advance(due_us: number): boolean {
    const { scheduler } = this.#endpoint;
    const before = this.outputs.count;
    while (this.outputs.count === before && scheduler.step(due_us));
    if (this.outputs.count > before) return true;
    scheduler.runUntil(due_us);
    return false;
  }

  // ---- what the script does ----

  #act(action: Exclude<Action, { kind: 'segment' | 'event' }>): void {
    const { line, text } = this.#statement as Statement;
    this.outputs.note(text, line);
    switch (action.kind) {
      case 'inject':
        this.#inject(action);
        return;
      case 'call':
        this.#call(action);
        return;
      case 'icmp':
        this.#endpoint.icmp(action.error, action.mtu, this.#icmpSeq(action.seq));
        return;
      case 'nothing':
        this.#waitUntil(this.now_us + action.for_us);
        return;
      case 'ignore':
        this.outputs.drop(action.what);
        return;
      case 'pass':
        return;
      default:
        this.#check(action);
    }
  }

  #inject({ segment }: Action & { kind: 'inject' }): void {
    this.#dropped = undefined;
    const bases = this.#basesOf(segment.port ?? PEER_PORT);
    const made = this.#peer.segment(segment, bases, this.now_us);
    if (!blocksFit(made.options)) this.#fail('so many SACK blocks do not fit: 4 do, 3 beside timestamps');
    this.#endpoint.arrive(made, segment.badChecksum ? 'bad' : 'good');
  }

  #icmpSeq(seq: number | undefined): number {
    return this.#basesOf(PEER_PORT).ourFigure({ value: seq ?? 0, absolute: false });
  }

  #call({ name, bytes, urgent }: Action & { kind: 'call' }): void {
    const endpoint = this.#endpoint;
    if (!OPENING.has(name) && !endpoint.isOpen)
      this.#fail(`no connection is open to ${name}: "connect", "open" or "accept" comes before it`);
    switch (name) {
      case 'connect':
        this.#basesOf(PEER_PORT);
        endpoint.connect();
        return;
      case 'listen':
      case 'unlisten':
        endpoint.listen(name === 'listen');
        return;
      case 'close':
      case 'abort':
        endpoint.use({ kind: name });
        return;
      case 'write':
        endpoint.use({ kind: 'write', urgent, bytes: streamBytes(this.#written, bytes, Stream.OURS) });
        this.#written += bytes;
        return;
      case 'consume':
        endpoint.use({ kind: 'consumed', bytes });
        return;
      case 'release':
      case 'refuse':
        endpoint.withConnection((connection) => connection[name]());
        return;
    }
  }

  #check(action: Action & { kind: 'state' | 'dropped' | 'check' }): void {
    const { connection, state } = this.#endpoint;
    if (action.kind === 'state') {
      if (state !== action.state) this.#fail(`the state is ${state}`);
    } else if (action.kind === 'dropped') {
      if (this.#dropped !== action.reason)
        this.#fail(`the last segment was ${this.#dropped === undefined ? 'taken' : `dropped as ${this.#dropped}`}`);
    } else {
      const { name, comparison, value } = action;
      if (connection === undefined) this.#fail('there is no connection to check');
      const came = figureOf(connection, name);
      if (!holds(came, comparison, value)) this.#fail(`${name} is ${came}`);
    }
  }

  // ---- what the script expects ----

  #expect(action: Action & { kind: 'segment' | 'event' }): void {
    const { line, when } = this.#statement as Statement;
    const due_us = this.#dueTime();
    const { tolerance_us } = this.#script.settings;
    const latest_us = due_us === undefined ? this.now_us : due_us + (when?.kind === 'within' ? 0 : tolerance_us);
    const isAdvice = action.kind === 'event' && action.name === 'troubled';
    const first = () => this.outputs.firstOf(action.kind, isAdvice);
    while (first() === undefined && this.#advance(latest_us));
    const came = first();
    if (came === undefined) this.#missing(action, latest_us);
    if (due_us !== undefined && when?.kind !== 'within' && came.time_us < due_us - tolerance_us)
      this.#fail(`it came too early, at ${timeText(came.time_us)} instead of ${timeText(due_us)}: ${came.text}`);
    const wrong = action.kind === 'segment' ? this.#segmentDifferences(action) : this.outputs.takeEvent(action);
    if (wrong.length > 0) this.#fail(`${came.text} came: ${wrong.join(', ')}`);
    this.outputs.mark(came, line);
  }

  #segmentDifferences({ segment: pattern }: Action & { kind: 'segment' }): string[] {
    const segment = this.outputs.takeSegment();
    return segment === undefined ? [] : differences(pattern, segment, this.#basesOf(segment.port));
  }

  /** Says what comes instead, if anything ever does. */
  #missing(action: Action, latest_us: number): never {
    const other = this.outputs.first();
    if (other !== undefined) this.#fail(`${other.text} came, and no ${action.kind}`);
    const until = timeText(latest_us);
    if (!this.#advance(latest_us + LOOK_AHEAD_US)) this.#fail(`nothing came until ${until}, and nothing comes later`);
    const later = this.outputs.first();
    this.#fail(`nothing came until ${until}. What comes next, at ${timeText(later?.time_us ?? 0)}: ${later?.text}`);
  }
}

/** An event in the words of the language. */
function eventText(event: TcpIndication): string {
  if (event.kind === 'closed') return `closed ${event.reason}`;
  return event.kind === 'urgent' ? `urgent ${event.bytes}` : event.kind;
}
