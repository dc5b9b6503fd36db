import { describe, expect, it } from 'vitest';
import { type LineOptions, SpliceLine } from '../../../test/support/splice-line.ts';
import { pattern, type TcpEnd } from '../../../test/support/tcp-pair.ts';
import { equal } from '../../wire/bytes.ts';
import { SPLICE_BUFFER_BYTES, SPLICE_QUEUE_BYTES } from './limits.ts';

const HELD_BYTES = SPLICE_QUEUE_BYTES + SPLICE_BUFFER_BYTES;
const SECOND_US = 1_000_000;

type Scenario = (line: SpliceLine) => void;

/** What a user sees: events in order, without those that tell of its own queue. */
function seen(end: TcpEnd): string[] {
  return end.kinds.filter((kind) => !['full', 'writable', 'gone', 'troubled'].includes(kind));
}

const isOver = (end: TcpEnd): boolean => end.kinds.some((kind) => kind.startsWith('closed'));
const bothOver = (line: SpliceLine): boolean => isOver(line.client) && isOver(line.server);
const write = (end: TcpEnd, bytes: Uint8Array): void => end.run((connection) => connection.write(bytes));
const close = (end: TcpEnd): void => end.run((connection) => connection.close());
const abort = (end: TcpEnd): void => end.run((connection) => connection.abort());

function connect(line: SpliceLine): void {
  line.client.run((connection) => connection.openActive());
  expect(line.run(() => [line.client, line.server].every((end) => end.kinds.includes('connected')))).toBe(true);
}

/** Does the same end to end and over a splice, and compares what both users saw and got. */
function sameAsEndToEnd(scenario: Scenario, options: LineOptions = {}): SpliceLine {
  const plain = new SpliceLine(false, options);
  const spliced = new SpliceLine(true, options);
  for (const line of [plain, spliced]) scenario(line);
  expect({ client: seen(spliced.client), server: seen(spliced.server) }).toEqual({
    client: seen(plain.client),
    server: seen(plain.server),
  });
  expect(equal(spliced.server.received, plain.server.received)).toBe(true);
  expect(equal(spliced.client.received, plain.client.received)).toBe(true);
  return spliced;
}

/** When `end` hears that the other stream has ended, it answers with so many bytes and ends its own. */
function answers(end: TcpEnd, bytes: number): void {
  end.onEvent = ({ kind }) => {
    if (kind !== 'remote-closed') return;
    end.connection.write(pattern(bytes, 2));
    end.connection.close();
  };
}

const LINES: readonly LineOptions[] = [
  {},
  { loss: 0.03, seed: 2 },
  { loss: 0.1, seed: 3 },
  { loss: 0.02, seed: 4, restores: true },
  { splice: { sack: false, timestamps: false, windowScale: false, mss: 536 } },
];

describe.each(LINES)('two hosts over a splice, line %o: both see what they would see end to end', (options) => {
  it('when the client ends its stream first and the server still sends', () => {
    sameAsEndToEnd((line) => {
      answers(line.server, 50_000);
      connect(line);
      write(line.client, pattern(100_000));
      close(line.client);
      expect(line.run(() => bothOver(line))).toBe(true);
    }, options);
  });

  it('when the server ends its stream first and the client still sends', () => {
    sameAsEndToEnd((line) => {
      answers(line.client, 50_000);
      connect(line);
      write(line.server, pattern(100_000));
      close(line.server);
      expect(line.run(() => bothOver(line))).toBe(true);
    }, options);
  });

  it('when the half that is left goes on for a minute', () => {
    sameAsEndToEnd((line) => {
      connect(line);
      close(line.client);
      line.run(() => line.server.kinds.includes('remote-closed'));
      for (let sent = 0; sent < 60; sent++) {
        write(line.server, pattern(1_000));
        line.pass(SECOND_US);
      }
      expect(line.client.kinds).not.toContain('closed normal');
      close(line.server);
      expect(line.run(() => bothOver(line))).toBe(true);
    }, options);
  });

  it('when both end at once', () => {
    sameAsEndToEnd((line) => {
      connect(line);
      for (const end of [line.client, line.server]) {
        write(end, pattern(30_000));
        close(end);
      }
      expect(line.run(() => bothOver(line))).toBe(true);
    }, options);
  });
});

describe('a RST', () => {
  const phases: Readonly<Record<string, Scenario>> = {
    'of an idle connection': () => {},
    'after data both ways': (line) => {
      for (const end of [line.client, line.server]) write(end, pattern(20_000));
      line.pass(SECOND_US);
    },
    'after the client has ended its stream': (line) => {
      close(line.client);
      line.pass(SECOND_US);
    },
    'after the server has ended its stream': (line) => {
      close(line.server);
      line.pass(SECOND_US);
    },
  };
  const cases = Object.keys(phases).flatMap((phase) => ['client', 'server'].map((who) => [who, phase] as const));

  it.each(cases)('of the %s %s ends the other side', (who, phase) => {
    const line = sameAsEndToEnd((each) => {
      connect(each);
      phases[phase](each);
      abort(each[who as 'client' | 'server']);
      expect(each.run(() => bothOver(each))).toBe(true);
    });
    line.pass(SECOND_US);
    expect(line.splice?.isGone).toBe(true);
  });

  it.each(['client', 'server'] as const)('of the %s in the middle of data ends the other side', (who) => {
    const line = new SpliceLine(true);
    connect(line);
    for (const end of [line.client, line.server]) write(end, pattern(3_000_000));
    line.run(() => line.server.receivedBytes > 200_000);
    abort(line[who]);
    expect(line.run(() => bothOver(line))).toBe(true);
    const [ended, other] = who === 'client' ? [line.client, line.server] : [line.server, line.client];
    expect([seen(ended).at(-1), seen(other).at(-1)]).toEqual(['closed aborted', 'closed reset']);
    expect(equal(line.server.received, pattern(line.server.receivedBytes))).toBe(true);
  });

  it('of a client that no longer wants the connection ends the opening', () => {
    const line = new SpliceLine(true);
    line.passes = (_, host) => host === 'client';
    line.client.run((connection) => connection.openActive());
    line.pass(10_000);
    expect(line.splice?.machine.decision).toBe('OPENING');
    line.splice?.near.segment({
      ...(line.client.sent[0] as (typeof line.client.sent)[0]),
      seq: 1_001,
      flags: 4,
    });
    expect(line.splice?.isGone).toBe(true);
  });
});

describe('opening', () => {
  it('is answered when the far host has answered', () => {
    const line = new SpliceLine(true);
    line.passes = (_, host, outwards) => host === 'client' || !outwards;
    line.client.run((connection) => connection.openActive());
    line.pass(10 * SECOND_US);
    expect([seen(line.client), seen(line.server), line.splice?.near.state]).toEqual([[], [], 'SYN-RECEIVED']);
    line.passes = () => true;
    expect(line.run(() => line.client.kinds.includes('connected'))).toBe(true);
  });

  it('is refused where nobody listens', () => {
    sameAsEndToEnd(
      (line) => {
        line.client.run((connection) => connection.openActive());
        expect(line.run(() => isOver(line.client))).toBe(true);
        expect(seen(line.client)).toEqual(['closed refused']);
      },
      { closed: true },
    );
  });

  it('ends where somebody on the way says that there is no way', () => {
    const line = sameAsEndToEnd((each) => {
      each.passes = (_, host) => host === 'client' && each.splice !== undefined;
      each.client.run((connection) => connection.openActive());
      each.pass(10_000);
      const opener = each.splice === undefined ? each.client.connection : each.splice.far;
      opener.unreachable(true);
      each.pass(SECOND_US);
    });
    expect(seen(line.client)).toEqual(['closed unreachable']);
    expect(line.splice?.isGone).toBe(true);
  });

  it('times out at the client where nobody answers', () => {
    const line = sameAsEndToEnd((each) => {
      each.passes = (_, host) => host === 'client' && each.splice !== undefined;
      each.client.run((connection) => connection.openActive());
      expect(each.run(() => isOver(each.client))).toBe(true);
    });
    expect(seen(line.client)).toEqual(['closed timed-out']);
    expect(line.run(() => line.splice?.isGone === true)).toBe(true);
  });
});

describe('a reader', () => {
  it('that takes nothing for 30 s shuts the window of the writer, who sends the rest then', () => {
    sameAsEndToEnd((line) => {
      line.server.consumes = false;
      connect(line);
      write(line.client, pattern(6_000_000));
      line.pass(30 * SECOND_US);
      expect(line.client.connection.path.window).toBe(0);
      if (line.splice !== undefined) expect(line.splice.held.forth).toBeLessThanOrEqual(HELD_BYTES);
      line.server.consumes = true;
      line.server.run((connection) => connection.consumed(line.server.receivedBytes));
      expect(line.run(() => line.server.receivedBytes === 6_000_000)).toBe(true);
      close(line.client);
      answers(line.server, 1);
      line.pass(SECOND_US);
      close(line.server);
      expect(line.run(() => bothOver(line))).toBe(true);
    });
  });

  it.each([0, 0.01])('that is slow makes the splice hold no more of 50 MB than it may, loss %f', (loss) => {
    const line = new SpliceLine(true, { loss });
    const total = 50_000_000;
    const piece = pattern(1_000_000);
    line.server.consumes = false;
    line.client.onEvent = ({ kind }) => {
      if (kind === 'connected' || kind === 'writable') fill();
    };
    let written = 0;
    const fill = (): void => {
      while (written < total && line.client.connection.sendSpace > 0) {
        line.client.connection.write(piece);
        written += piece.length;
      }
    };
    connect(line);
    let taken = 0;
    while (taken < total) {
      line.pass(20_000);
      const bytes = Math.min(400_000, line.server.receivedBytes - taken);
      taken += bytes;
      if (bytes > 0) line.server.run((connection) => connection.consumed(bytes));
    }
    expect(line.server.receivedBytes).toBe(total);
    expect(line.peak.forth).toBeGreaterThan(SPLICE_QUEUE_BYTES);
    expect(line.peak.forth).toBeLessThanOrEqual(HELD_BYTES);
  });
});

describe('a host that dies', () => {
  const dies = (line: SpliceLine, who: 'client' | 'server'): void => {
    line.passes = (_, host) => host !== who;
  };

  it('while data is on its way to it: the writer hears of it, so nothing is lost in silence', () => {
    const line = new SpliceLine(true);
    connect(line);
    line.server.consumes = false;
    write(line.client, pattern(500_000));
    line.run(() => line.server.receivedBytes > 100_000);
    dies(line, 'server');
    close(line.client);
    expect(line.run(() => isOver(line.client), 4_000 * SECOND_US)).toBe(true);
    expect(seen(line.client)).toEqual(['connected', 'closed reset']);
    expect(line.splice?.isGone).toBe(true);
  });

  it('after both streams have ended: the near host is not told of an orderly end before all has arrived', () => {
    const line = new SpliceLine(true);
    line.server.consumes = false;
    connect(line);
    write(line.client, pattern(2_500_000));
    close(line.client);
    line.pass(5 * SECOND_US);
    close(line.server);
    line.pass(5 * SECOND_US);
    dies(line, 'server');
    expect(line.run(() => isOver(line.client), 4_000 * SECOND_US)).toBe(true);
    expect(seen(line.client).at(-1)).toBe('closed reset');
  });

  it.each(['client', 'server'] as const)('while nothing is sent is found by keepalive: the %s', (who) => {
    const line = new SpliceLine(true, {
      splice: { keepalive: { idle_us: 10 * SECOND_US, interval_us: SECOND_US, probes: 3 } },
    });
    connect(line);
    dies(line, who);
    const other = who === 'client' ? line.server : line.client;
    expect(line.run(() => isOver(other))).toBe(true);
    expect(seen(other)).toEqual(['connected', 'closed reset']);
  });

  it('past the user timeout of one side ends the other', () => {
    const line = new SpliceLine(true, { splice: { userTimeout_us: 5 * SECOND_US } });
    connect(line);
    dies(line, 'server');
    write(line.client, pattern(10));
    const before_us = line.scheduler.now_us();
    expect(line.run(() => isOver(line.client))).toBe(true);
    expect(line.scheduler.now_us() - before_us).toBeLessThan(10 * SECOND_US);
  });
});

it('urgent bytes are urgent on the other side, and only those', () => {
  const line = new SpliceLine(true);
  const events: string[] = [];
  line.server.onEvent = (event) => {
    if (event.kind === 'urgent' || event.kind === 'data') {
      events.push(`${event.kind} ${event.kind === 'data' ? event.bytes.length : event.bytes}`);
    }
  };
  connect(line);
  line.client.run((connection) => connection.write(pattern(100), true));
  line.client.run((connection) => connection.write(pattern(50)));
  expect(line.run(() => line.server.receivedBytes === 150)).toBe(true);
  expect(events[0]).toBe('urgent 100');
  expect(events.filter((event) => event.startsWith('urgent'))).toHaveLength(1);
});

it.each(['WAITING', 'OPENING', 'OPEN'])('ends both sides when its owner stops in %s', (state) => {
  const line = new SpliceLine(true);
  if (state === 'OPENING') {
    line.passes = (_, host) => host === 'client';
    line.client.run((connection) => connection.openActive());
    line.pass(10_000);
  } else if (state === 'OPEN') connect(line);
  expect(line.splice?.machine.decision).toBe(state);
  line.splice?.stop();
  line.pass(SECOND_US);
  expect(line.splice?.isGone).toBe(true);
  if (state === 'OPEN')
    expect([seen(line.client).at(-1), seen(line.server).at(-1)]).toEqual(['closed reset', 'closed reset']);
});
