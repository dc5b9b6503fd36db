/** What the demo tells, one thing a line. */
export interface DemoStep {
  /** Same name for the same thing in every run. */
  readonly step: string;
  /** Where it happened: `gateway 30`, `firewall 33`, `demo`. */
  readonly box: string;
  readonly text: string;
  /** Since the demo began (in the lab: since its virtual time began), milliseconds. */
  readonly at_ms: number;
  /** Only where a step can fail. */
  readonly ok?: boolean;
  /** Numbers for machines. */
  readonly [field: string]: unknown;
}

/** Where steps go: words for people or JSON lines for machines. */
export interface Printer {
  step(step: DemoStep): void;
  /** Words without a step of their own; not in JSON. */
  say(text?: string): void;
  /**
   * A state that changes in place on a terminal. In JSON an event `status`. Without a terminal it is printed again only when `news`
   * (the text itself, unless given) is not what it was.
   */
  status(text: string, fields: Readonly<Record<string, unknown>>, news?: string): void;
  /** Ends a status line. */
  done(): void;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Without a terminal a status line is printed this often only, and only one that says something new. */
const PLAIN_STATUS_MS = 10_000;
const TIME_CHARACTERS = 10;
const BOX_CHARACTERS = 11;
const DEFAULT_COLUMNS = 80;
/** Back to the line's start, and clear to its end. */
const CLEAR_LINE = '\r\x1b[K';

export function jsonPrinter(out: Output): Printer {
  const line = (value: object): unknown => out.write(`${JSON.stringify(value)}\n`);
  return {
    step: line,
    say: () => {},
    status: (_text, fields) => line({ step: 'status', ...fields }),
    done: () => {},
  };
}

export function textPrinter(out: Output, now_ms: () => number = () => performance.now()): Printer {
  let isOpen = false;
  let told: string | undefined;
  let plain_ms = Number.NEGATIVE_INFINITY;
  const done = (): void => {
    if (isOpen) out.write(CLEAR_LINE);
    isOpen = false;
  };
  return {
    step({ at_ms, box, text, ok }) {
      done();
      const mark = ok === undefined ? ' ' : ok ? '✓' : '✗';
      out.write(`${at_ms.toFixed(1).padStart(TIME_CHARACTERS)} ms ${mark} ${box.padEnd(BOX_CHARACTERS)} ${text}\n`);
    },
    say(text = '') {
      done();
      out.write(`${text}\n`);
    },
    status(text, _fields, news = text) {
      if (out.isTTY) {
        isOpen = true;
        out.write(`${CLEAR_LINE}${text.slice(0, (out.columns ?? DEFAULT_COLUMNS) - 1)}`);
      } else if (news !== told && now_ms() - plain_ms >= PLAIN_STATUS_MS) {
        told = news;
        plain_ms = now_ms();
        out.write(`${text}\n`);
      }
    },
    done,
  };
}
