import { expect, it } from 'vitest';
import { jsonPrinter, textPrinter } from './printer.ts';

function output(isTTY: boolean): { text: string; isTTY: boolean; columns: number; write(part: string): void } {
  return {
    text: '',
    isTTY,
    columns: 40,
    write(part) {
      this.text += part;
    },
  };
}

it('prints steps as lines of words, with a mark where one can fail', () => {
  const out = output(false);
  const printer = textPrinter(out);
  printer.step({ step: 'a', box: 'gateway 20', text: 'sends', at_ms: 12.34 });
  printer.step({ step: 'b', box: 'demo', text: 'fails', at_ms: 1, ok: false });
  expect(out.text).toBe('      12.3 ms   gateway 20  sends\n       1.0 ms ✗ demo        fails\n');
});

it('changes a status in place on a terminal, no wider than it, and takes it away before the next line', () => {
  const out = output(true);
  const printer = textPrinter(out);
  printer.status('x'.repeat(100), {});
  expect(out.text).toBe(`\r\x1b[K${'x'.repeat(39)}`);
  printer.say('next');
  expect(out.text.endsWith('\r\x1b[Knext\n')).toBe(true);
});

it('prints a status seldom where there is no terminal', () => {
  const out = output(false);
  let now_ms = 0;
  const printer = textPrinter(out, () => now_ms);
  for (; now_ms < 30_000; now_ms += 1_000) printer.status(`at ${now_ms}`, {});
  expect(out.text).toBe('at 0\nat 10000\nat 20000\n');
});

it('prints a status that says nothing new only once where there is no terminal', () => {
  const out = output(false);
  let now_ms = 0;
  const printer = textPrinter(out, () => now_ms);
  for (; now_ms < 60_000; now_ms += 1_000) printer.status(now_ms < 35_000 ? 'up' : 'down', {});
  expect(out.text).toBe('up\ndown\n');
  for (; now_ms < 90_000; now_ms += 1_000) printer.status(`ping ${now_ms}`, {}, 'up');
  expect(out.text).toBe('up\ndown\nping 60000\n');
});

it('prints JSON lines, and no other words', () => {
  const out = output(false);
  const printer = jsonPrinter(out);
  printer.say('words');
  printer.step({ step: 'ping', box: 'terminal 21', text: 'pings', at_ms: 5, ok: true, received: 3 });
  printer.status('words', { state: 'up' });
  expect(
    out.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { step: 'ping', box: 'terminal 21', text: 'pings', at_ms: 5, ok: true, received: 3 },
    { step: 'status', state: 'up' },
  ]);
});
