import { describe, expect, it } from 'vitest';
import { failureText, hasPassed, runScript } from './report.ts';

/** What a script of these lines says: its mistake or failure, else nothing. */
function said(...lines: string[]): string {
  const text = ['case A', ...lines].join('\n');
  const result = runScript('a.tcp', text);
  const { mistake } = result;
  if (mistake !== undefined) return `a.tcp:${mistake.line}: ${mistake.message}`;
  expect(hasPassed(result)).toBe(result.cases.every((each) => each.failure === undefined));
  return result.cases.map((each) => failureText('a.tcp', text, each)).join('\n');
}
const firstLines = (text: string): string => text.split('\n').slice(0, 3).join('\n');

describe('a script', () => {
  it('passes when all its lines hold', () => {
    expect(said('  open', '  write 10 # comment', '  > PSH+ACK seq 1:11 ack 1 win * <none>')).toBe('');
  });

  it('runs only the cases asked for', () => {
    const text = 'case one\nopen\ncase two\nstate LISTEN';
    expect(hasPassed(runScript('a', text))).toBe(false);
    expect(runScript('a', text, 'on').cases.map(({ name }) => name)).toEqual(['one']);
  });

  it('tells file, line, what was expected, what came, and all that happened until then', () => {
    expect(said('open', 'write 10', '> PSH+ACK seq 1:12 ack 2')).toBe(
      `a.tcp:4: A
  expected: > PSH+ACK seq 1:12 ack 2
  but: > PSH+ACK seq 1:11 ack 1 win 65535 came: length 10 instead of 11, ack 1 instead of 2
  until then:
       0.000 s     2  connect
       0.000 s        state CLOSED -> SYN-SENT
       0.000 s     2  > SYN seq 0 win 65535 <mss 1460, sackOK, ts 0 0, wscale 5>
       0.000 s     2  < SYN+ACK seq 0 ack 1 win 65535 <mss 1460>
       0.000 s        state SYN-SENT -> ESTABLISHED
       0.000 s     2  connected
       0.000 s     2  > ACK seq 1 ack 1 win 65535
       0.000 s     3  write 10
       0.000 s        > PSH+ACK seq 1:11 ack 1 win 65535`,
    );
  });

  it.each([
    [['connect', 'nothing'], 'no line before this one expects what came: > SYN seq 0'],
    [['connect'], 'no line expects what came: > SYN seq 0'],
    [
      ['connect', '> SYN seq 0', '+500ms > SYN seq 0'],
      'nothing came until 0.501 s. What comes next, at 1.000 s: > SYN seq 0',
    ],
    [['connect', '> SYN seq 0', '+2s > SYN seq 0'], 'it came too early, at 1.000 s instead of 2.000 s'],
    [['connect', '> SYN seq 0', 'nothing for 2s'], 'something came: > SYN seq 0'],
    [['connect', '> SYN seq 0', '+2s close'], 'something before it came: > SYN seq 0'],
    [['open', '> ACK seq 1'], 'nothing came until 0.000 s, and nothing comes later'],
    [['+2s open', 'at 1s close'], 'it is 2.000 s already'],
    [['open', 'state LISTEN'], 'the state is ESTABLISHED'],
    [['open', 'dropped malformed'], 'the last segment was taken'],
    [['listen', '< RST seq 0', 'dropped malformed'], 'the last segment was dropped as no-connection'],
    [['open', 'check mss 9'], 'mss is 1460'],
    [['open', 'check mss > 1460'], 'mss is 1460'],
    [['check mss 9'], 'there is no connection to check'],
    [['write 10'], 'no connection is open to write: "connect", "open" or "accept" comes before it'],
    [['listen', 'close'], 'no connection is open to close'],
    [['consume 10'], 'no connection is open to consume'],
    [['abort'], 'no connection is open to abort'],
    [['open', 'abort', 'ignore all', 'write 3'], 'no connection is open to write'],
    [['open', '< ACK seq 1 ack 1 <sack 1:2 3:4 5:6 7:8 9:10>'], 'so many SACK blocks do not fit: 4 do, 3 beside'],
    [['open', '< ACK seq 1 ack 1 <ts 1 1, sack 1:2 3:4 5:6 7:8>'], 'so many SACK blocks do not fit'],
    [['refuse'], 'no connection is open to refuse'],
    [['open', 'check rto < 1ms'], 'rto is '],
    [['open', '< ACK seq 1:11 ack 1', 'data 11'], 'data 11 was expected, of which 1 are missing'],
    [['open', '< ACK seq 1:11 ack 1', 'data 9'], '1 bytes more than data 9'],
    [['open', '< ACK seq 1:11 ack 1 garbled', 'data 10'], 'byte 0 of it is not what the peer has there'],
    [['open', '< RST seq 1', 'closed normal'], 'closed reset came: closed normal was expected'],
    [['open', '< ACK seq 1:11 ack 1', 'ignore segments', 'data 10', 'connected'], 'nothing came'],
    [['connect', '> SYN seq 0 <mss 1460>'], 'option wscale is there, option sackOK is there, option ts is there'],
    [['connect', '> SYN seq 0 <mss 1, ...>'], 'option mss 1460 instead of 1'],
    [
      ['connect', '> SYN-PSH seq 0 ecn ce port 7 urg 3 win 9'],
      'win 65535 instead of 9, urg 0 instead of 3, ecn not-ect instead of ce, port 6000 instead of 7',
    ],
    [
      ['connect', '> PSH+ACK seq 5 <ts 1 *, sack 1:2, sackOK, ...>'],
      'flags SYN instead of ACK, PSH is not set, seq 0 instead of 5, option ts, the clock: 0 instead of 1, option sack missing instead of 1:2',
    ],
    [['connect', '> SYN seq =7'], 'seq =1000 instead of =7'],
  ])('%j fails with: %s', (lines, message) => {
    expect(said(...lines).split('\n')[2]).toContain(message);
  });

  it.each([
    ['opne', 'nothing is called "opne": did you mean "open"?'],
    ['frobnicate', 'nothing is called "frobnicate": it may be one of'],
    ['< SYM seq 0', '"SYM" is no flag: did you mean "SYN"? A segment begins with its flags'],
    ['< frob seq 0', 'PSH, ACK, URG, ECE, CWR. A segment begins with its flags'],
    ['< SYN-ACK seq 0', 'only PSH can be ruled out'],
    ['< SYN', 'a segment to inject needs a number'],
    ['< SYN seq *', 'a segment to inject has no "*"'],
    ['< SYN seq 0 size 3', 'a segment has no "size"'],
    ['< SYN seq', '"seq" needs a value behind it'],
    ['< SYN seq x', '"x" in "x" has no value'],
    ['< SYN seq 1.5', '"1.5" is no number'],
    ['< SYN seq 9:1', 'a range ends behind its beginning'],
    ['> SYN seq *:1', 'a range begins with a number'],
    ['< SYN seq 0 <mss 1460', 'options stand in one pair of < and >'],
    ['< SYN seq 0 <mss>', 'option "mss" has one value'],
    ['< SYN seq 0 <ts 1>', 'option "ts" has two values'],
    ['< ACK seq 0 <sack>', 'option "sack" has blocks'],
    ['< ACK seq 0 <sack 1>', '"1" is no SACK block'],
    ['< SYN seq 0 <scale 1>', 'TCP has no option "scale": did you mean "wscale"?'],
    ['< SYN seq 0 ecn xyzzy', '"xyzzy" is no ECN mark: it may be one of'],
    ['+10 close', '"10" is no time: write it with its unit'],
    ['within 1s close', 'only what is expected may come "within" a time'],
    ['write', '"write" has one value behind it'],
    ['write 0', 'the number of bytes behind "write" is 1 to 10000000: "0" is outside'],
    ['write 99999999999', 'the number of bytes behind "write" is 1 to 10000000'],
    ['data 0', 'the number of bytes behind "data" is 1 to 4294967295'],
    ['< ACK seq 1 win 70000', '"win" is 0 to 65535: "70000" is outside'],
    ['> ACK win -1', '"win" is 0 to 65535'],
    ['< ACK seq 1 urg 65536', '"urg" is 0 to 65535'],
    ['< ACK seq 1 port 65536', '"port" is 0 to 65535'],
    ['< ACK seq 1 ack 99999999999', '"ack" is -4294967295 to 4294967295'],
    ['< ACK seq =4294967296', '"seq" on the wire is 0 to 4294967295'],
    ['< ACK seq 1 len -1', '"len" is 0 to 65495'],
    ['< ACK seq 1 len 65495', 'a segment to inject has at most 65455 bytes of text, this one has 65495'],
    ['> ACK seq 1:70000', 'a segment has at most 65495 bytes of text, these are 69999'],
    ['< SYN seq 0 <mss 70000>', '"mss" is 0 to 65535'],
    ['< SYN seq 0 <wscale 256>', '"wscale" is 0 to 255'],
    ['< SYN seq 0 <ts 1 4294967296>', 'the echo of "ts" is -4294967295 to 4294967295'],
    ['< ACK seq 1 <sack 1:4294967296>', 'an edge of "sack" is -4294967295 to 4294967295'],
    ['+9999999h close', 'a time is at most 8784h: "9999999h" is longer'],
    ['dropped foo', '"dropped" knows no "foo": it may be one of malformed, '],
    ['dropped out-of-windw', '"dropped" knows no "out-of-windw": did you mean "out-of-window"?'],
    ['close now', '"close" stands alone'],
    ['closed', '"closed" has one value behind it'],
    ['closed rest', '"closed" knows no "rest": did you mean "reset"?'],
    ['state OPEN', '"state" knows no "OPEN"'],
    ['nothing 3s', 'write "nothing" or "nothing for 500ms"'],
    ['check', 'write "check cwnd 14600"'],
    ['check cwnd ! 3', '"!" is no comparison'],
    ['check cwmd 3', '"check" knows no "cwmd": did you mean "cwnd"?'],
    ['check rto = 5', '"5" is no time: write it with its unit'],
    ['check cwnd < 1ms', '"cwnd" is no time: write a whole number without a unit'],
    ['icmp too-big', '"icmp too-big" needs the path\'s MTU: icmp too-big 1000'],
    ['icmp too-big seq 1', '"icmp too-big" needs the path\'s MTU'],
    ['icmp too-big 65536', 'an MTU is 0 to 65535'],
    ['icmp too-long', '"icmp" knows no "too-long"'],
    ['icmp too-big 1000 at 3', 'write "icmp too-big 1000"'],
    ['options nagel on', 'there is no option "nagel": did you mean "nagle"?'],
    ['options mss 0', 'our "mss" is 28 to 65495: "0" is outside'],
    ['options mss 99999999', 'our "mss" is 28 to 65495'],
    ['options mtu 67', '"mtu" is 68 to 65535'],
    ['options isn 4294967296', '"isn" is 0 to 4294967295'],
    ['options peer-isn -1', '"peer-isn" is 0 to 4294967295'],
    ['options backlog 0', '"backlog" is 1 to 1000'],
    ['options receive-buffer 0', '"receive-buffer" is 1 to 1073741824'],
    ['options send-queue 0', '"send-queue" is 1 to 1073741824'],
    ['options retransmissions 0', '"retransmissions" is 1 to 1000'],
    ['options keepalive 1s 1s 0', 'the number of probes is 1 to 1000'],
    ['options nagle', 'option "nagle" needs a value behind it'],
    ['options nagle yes', '"yes" is neither on nor off'],
    ['options reader fast', '"fast" is no reader'],
    ['options congestion vegas', 'there is no congestion control "vegas"'],
    ['reach OPEN', '"reach" needs a state'],
    ['open slowly', '"slowly" means nothing here'],
    ['repeat', 'write "repeat 3"'],
    ['repeat 3', '"repeat" without an "end"'],
    ['end', '"end" without a "repeat" before it'],
    ['case', 'a case needs a name behind "case"'],
    ['case A', 'line 1 has a case of the same name'],
  ])('"%s" is a mistake: %s', (line, message) => {
    expect(said(line)).toMatch(/^a\.tcp:[12]: /);
    expect(said(line)).toContain(message);
  });

  it('has a case, and options come first', () => {
    expect(runScript('a', 'open').mistake?.message).toContain('there is no case');
    expect(said('open', 'options nagle on')).toContain('"options" come before anything happens');
  });

  it('has bounded repeats', () => {
    expect(said('repeat 60000', 'state CLOSED', 'state CLOSED', 'end')).toContain('at most 100000 lines');
    expect(said('repeat 1000', 'repeat 1000', 'end', 'end')).toContain(
      'the repeats of a case take at most 100000 turns',
    );
  });

  it('counts repeats, also one in another', () => {
    expect(said('open', 'repeat 2 k', 'repeat 2', 'write 10', '> PSH+ACK seq 1+20*k+10*i len 10', 'end', 'end')).toBe(
      '',
    );
  });

  it('begins each case with the lines before the first', () => {
    const text = 'options mss 1000\nopen\ncase one\ncheck mss 1000\ncase two\nstate ESTABLISHED';
    expect(hasPassed(runScript('a', text))).toBe(true);
  });

  it('shows a failure as its first lines', () => {
    expect(firstLines(said('state LISTEN'))).toBe('a.tcp:2: A\n  expected: state LISTEN\n  but: the state is CLOSED');
  });
});
